"""Clips with hidden truth: a part of the picture that is known is hidden by a hole of the job's own kind.

The artificial hole is the real one moved to where the picture is known in every frame: it has its size, its shape and
its motion. What covers the real hole (a logo, an object) is moved along. Where no place is large enough, the hole is
made smaller. Both holes are restored; only the artificial one is compared with the truth.

Legend: T frames, H W height and width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.api.array_input import U8, Bool

Sample = TypeVar("Sample", bound=np.generic)

_SCALES = (1.0, 0.5, 0.25)
"""Sizes of the artificial hole, of the real one's, that are tried in this order."""
_STEPS = 16
"""Places that are tried along each side."""
_LEAST_KNOWN = 0.6
"""Share of the artificial hole that has to be known."""
_LEAST_PIXELS = 16
_LOOKED_AT_PX = 160
"""Longest side at which places are compared."""
_RIM_PX = 4
"""Around the real hole the picture is not trusted: edges of what covers it are soft."""
_GREY = 128


@dataclass(frozen=True)
class HiddenClip:
    """A clip to restore, and the truth."""

    name: str
    """What tables call it."""
    frames: U8
    """[T, H, W, 3] RGB, with the artificial hole's pixels replaced."""
    masks: Bool
    """[T, H, W], both holes."""
    truth: U8
    """[T, H, W, 3], as it was."""
    scored: Bool
    """[T, H, W], the artificial hole, as far as the picture below it is known."""
    scale: float
    """Size of the artificial hole, 1 for that of the real one."""


def hide(name: str, frames_THWC: U8, masks_THW: Bool) -> HiddenClip | None:
    """Return the clip with an artificial hole; None where no place for one is found.

    `masks_THW` are the real holes, not grown.
    """
    for scale in _SCALES:
        holes = masks_THW if scale == 1 else _smaller(masks_THW, scale)
        place = _best_place(holes, _grown(masks_THW))
        if place is None:
            continue
        moved = np.stack([_moved(hole, *place) for hole in holes])
        scored = moved & ~_grown(masks_THW)
        if np.count_nonzero(scored) < max(_LEAST_PIXELS, _LEAST_KNOWN * np.count_nonzero(moved)):
            continue
        shown = frames_THWC.copy()
        cover = np.stack([_moved(frame, *place) for frame in frames_THWC]) if scale == 1 else np.uint8(_GREY)
        np.copyto(shown, cover, where=moved[..., None])
        return HiddenClip(name, shown, masks_THW | moved, frames_THWC, scored, scale)
    return None


def hide_border(name: str, frames_THWC: U8, scale_w: float, scale_h: float) -> HiddenClip:
    """Return the clip with its border hidden, as much of it as outpainting by these factors has to invent."""
    _, height, width, _ = frames_THWC.shape
    inner_w, inner_h = max(2, round(width / scale_w)), max(2, round(height / scale_h))
    top, left = (height - inner_h) // 2, (width - inner_w) // 2
    hole = np.ones((height, width), np.bool_)
    hole[top : top + inner_h, left : left + inner_w] = False
    masks = np.broadcast_to(hole, frames_THWC.shape[:3]).copy()
    shown = frames_THWC.copy()
    shown[masks] = _GREY
    return HiddenClip(name, shown, masks, frames_THWC, masks, 1.0)


def _best_place(holes_THW: Bool, real_THW: Bool) -> tuple[int, int] | None:
    """Return by how much (right, down) to move the holes so that they cover the least of the real ones.

    Of equal places the nearest: its surroundings are most like the real hole's.
    """
    _, height, width = holes_THW.shape
    covered: Bool = np.asarray(holes_THW.any(axis=0))
    if not covered.any():
        return None
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    shrink = max(1, max(height, width) // _LOOKED_AT_PX)
    small_holes, small_real = holes_THW[:, ::shrink, ::shrink], real_THW[:, ::shrink, ::shrink]
    best: tuple[int, float, tuple[int, int]] | None = None
    for down in _shifts(-int(rows[0]), height - 1 - int(rows[-1])):
        for right in _shifts(-int(columns[0]), width - 1 - int(columns[-1])):
            x, y = right // shrink, down // shrink
            over = sum(
                int(np.count_nonzero(_moved(hole, x, y) & real))
                for hole, real in zip(small_holes, small_real, strict=True)
            )
            worth = (over, float(np.hypot(right, down)), (right, down))
            best = worth if best is None else min(best, worth)
    return None if best is None else best[2]


def _shifts(first: int, last: int) -> list[int]:
    return sorted({round(value) for value in np.linspace(first, last, _STEPS)})


def _moved(values: NDArray[Sample], right: int, down: int) -> NDArray[Sample]:
    """Return an image [H, W, ...] moved; what comes in from outside is 0."""
    height, width = values.shape[:2]
    moved = np.zeros_like(values)
    to_y, to_x = slice(max(0, down), height + min(0, down)), slice(max(0, right), width + min(0, right))
    from_y, from_x = slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right))
    moved[to_y, to_x] = values[from_y, from_x]
    return moved


def _smaller(masks_THW: Bool, scale: float) -> Bool:
    """Return the holes, motion and all, of a smaller picture at the upper left of an empty one."""
    _, height, width = masks_THW.shape
    size = max(1, round(width * scale)), max(1, round(height * scale))
    holes = np.zeros_like(masks_THW)
    for hole, mask in zip(holes, masks_THW, strict=True):
        hole[: size[1], : size[0]] = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return holes


def _grown(masks_THW: Bool) -> Bool:
    kernel = np.ones((2 * _RIM_PX + 1, 2 * _RIM_PX + 1), np.uint8)
    return np.stack(list(_dilated(masks_THW, kernel)))


def _dilated(masks_THW: Bool, kernel: U8) -> Iterator[Bool]:
    for mask in masks_THW:
        yield cv2.dilate(mask.astype(np.uint8), kernel).astype(np.bool_)
