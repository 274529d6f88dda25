"""Logos and channel bugs that stand still while the picture behind them moves; half transparent ones too.

An edge of a logo is at the same place, with the same sign, before every background; an edge of the scene is not (the
observation that multi-image attacks on watermarks start from: Dekel et al., "On the Effectiveness of Visible
Watermarks", CVPR 2017). Movement is evidence: the surroundings of a logo have to have shown several different pictures,
on most of its sides. So nothing is found before a still camera unless something else passes behind the logo, and
nothing that touches the picture's border, as dashboards, letterbox bars and tickers do. Animated logos are not found. A
small thing that is fixed to the camera before a moving scene, clear of the border, cannot be distinguished from a logo.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.base import Bool, MaskSource, Search
from reelmend.pipelines.media.masks.sources.clip import U8
from reelmend.pipelines.media.masks.sources.overlay.ladder import Ladder
from reelmend.pipelines.media.masks.sources.overlay.logo import Logo, Logos
from reelmend.pipelines.media.masks.sources.overlay.presence import presence
from reelmend.pipelines.media.masks.sources.overlay.still_edges import find_logos
from reelmend.pipelines.media.masks.sources.overlay.view import View

SAMPLES_A_SECOND = 8
_SECONDS_AT_720P = 0.035
"""Core-seconds a frame, decoding included: `python -m benchmarks.masks overlay`."""


class OverlaySource(MaskSource):
    name = "overlay"
    summary = "logos and channel bugs that stand still while the picture moves, half transparent ones too"

    def digest(self) -> str:
        return f"overlay-2-opencv{cv2.__version__}"

    def seconds_per_frame(self, size: tuple[int, int]) -> float:
        return _SECONDS_AT_720P * max(0.05, size[0] * size[1] / (1280 * 720))

    def find(self, search: Search) -> Iterator[Bool]:
        """Yield a mask bool [H, W] for every frame; two passes over the clip, the second only where one was found."""
        view = View.of(search.clip.size, search.region)
        logos, moved = _logos(search, view)
        if not logos.found:
            search.notes.append(_nothing_found(moved))
        yield from _masks(search, view, logos)


def _logos(search: Search, view: View) -> tuple[Logos, bool]:
    """Return what was found anywhere in the clip, and whether there was movement to find it by."""
    clip, logos, moved = search.clip, Logos(), False
    if view.is_too_small:
        return logos, moved
    ladder = Ladder()
    every = max(1, round(clip.rate / SAMPLES_A_SECOND))

    def analyse(pictures: list[U8]) -> None:
        nonlocal moved
        found = find_logos(np.stack(pictures), view.at_border)
        moved |= found.moved
        logos.touching_border |= found.touching_border
        for one in found.logos:
            logos.add(one)

    for picture in clip.pictures(size=view.size, every=every):
        for pictures in ladder.add(view.grey(picture)):
            analyse(pictures)
    for pictures in ladder.rest():
        analyse(pictures)
    logos.settle()
    if logos.touching_border:
        search.notes.append(
            "something stands still at the border of the picture (a bar, a dashboard, a ticker); it is not masked: "
            "name a box if it should be"
        )
    return logos, moved


def _nothing_found(moved: bool) -> str:
    if moved:
        return "no logo found: nothing stands still before the moving picture"
    return "no logo found: too little moves to tell one from the scene; name a box or give a mask"


def _masks(search: Search, view: View, logos: Logos) -> Iterator[Bool]:
    """Of every frame, the union of the logos that are shown in it."""
    clip = search.clip
    frames = clip.stop - clip.start
    shown = presence(clip, view, logos.found) if logos.found else np.zeros((0, frames), np.bool_)
    known: dict[bytes, Bool] = {}
    for index in range(frames):
        key = shown[:, index].tobytes()
        if key not in known:
            if len(known) > 64:
                known.clear()
            there = [logo for logo, on in zip(logos.found, shown[:, index], strict=True) if on]
            known[key] = _united(view, there, search.region)
        yield known[key]


def _united(view: View, logos: Sequence[Logo], region: Box | None) -> Bool:
    mask = view.to_full([logo.placed(view.shape) for logo in logos])
    if region is not None:
        left, top, right, bottom = region
        inside = np.zeros_like(mask)
        inside[top:bottom, left:right] = mask[top:bottom, left:right]
        return inside
    return mask
