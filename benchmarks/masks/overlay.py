"""Logos of several kinds over 3 seconds of moving picture, and clips without one.

Gates, over the panning and cut clips: at least 95 % of an opaque logo's pixels and 85 % of one at half opacity, at most
1.6 times its area, in every frame that shows it; no mask on any clip without a logo.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.howto.footage import scene
from benchmarks.masks import scenes
from benchmarks.masks.finding import found
from benchmarks.masks.logos import LOGOS, burnt, placed
from benchmarks.masks.scenes import U8, Bool
from reelmend.pipelines.media.masks.sources.overlay import OverlaySource

_SIZE, _FRAMES = (1280, 720), 75
_OPAQUE, _HALF, _AREA = 95.0, 85.0, 1.6
Make = Callable[[], Iterator[U8]]

BACKGROUNDS: dict[str, tuple[Make, bool]] = {
    "pan, 3 px a frame": (lambda: scenes.pan(_SIZE, _FRAMES), True),
    "fast pan, 12 px": (lambda: scenes.pan(_SIZE, _FRAMES, (12, 1), 4), True),
    "still pictures, a cut every 8 frames": (lambda: scenes.cuts(_SIZE, _FRAMES, 8, 5), True),
    "pan along courses of bricks": (lambda: _bricks(), False),
    "slow pan, 1 px": (lambda: scenes.pan(_SIZE, _FRAMES, (1.2, 0.2), 3), False),
}
"""By name: the scene, and whether the gates hold for it."""
WITHOUT: dict[str, Make] = {
    "pan": lambda: scenes.pan(_SIZE, 100),
    "pan along straight lines": lambda: scenes.pan(_SIZE, 100, (4, 0), 2),
    "pan along courses of bricks": lambda: _bricks(),
    "slow pan": lambda: scenes.pan(_SIZE, 100, (0.4, 0), 3),
    "still": lambda: scenes.still(_SIZE, 100),
    "still, 5 objects cross": lambda: scenes.still(_SIZE, 100, 1, objects=5),
    "still, 14 objects cross": lambda: scenes.still(_SIZE, 100, 2, objects=14),
    "hand, 2 px": lambda: scenes.still(_SIZE, 100, 3, shake=2),
    "hand, 8 px, 4 objects": lambda: scenes.still(_SIZE, 100, 4, shake=8, objects=4),
    "still, fades in and out": lambda: scenes.fade(_SIZE, 100),
    "cuts": lambda: scenes.cuts(_SIZE, 100, 9),
    "posts, pan": lambda: scenes.poles(_SIZE, 100, 5.0, 8),
    "pan between letterbox bars": lambda: _letterboxed(scenes.pan(_SIZE, 100)),
}


def section(samples: Path | None) -> tuple[str, list[str]]:
    rows, missed = [], []
    for background, (make, gated) in BACKGROUNDS.items():
        pictures = list(make())
        for name in LOGOS:
            row = _row(background, name, pictures)
            rows.append(row.text)
            if gated:
                missed += row.missed()
    if samples is not None:
        for clip, start in (("running_car.mp4", 0), ("running_car.mp4", 200), ("bmx-trees", 0)):
            pictures = list(scenes.sample(samples, clip, _FRAMES, start))
            rows += [_row(f"{clip}, from frame {start}", name, pictures).text for name in LOGOS]
    clean, false = _without(samples)
    return _TEXT.format(rows="\n".join(rows), clean="\n".join(clean)), missed + false


class _Row:
    def __init__(self, background: str, name: str, truth: Bool, masks: list[Bool], ms: float) -> None:
        self.name, self.background = name, background
        self.covered = 100 * float(np.mean([(mask & truth).sum() / truth.sum() for mask in masks]))
        self.area = float(np.mean([mask.sum() for mask in masks]) / truth.sum())
        near = cv2.dilate(truth.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
        self.away = float(np.mean([(mask & ~near).sum() for mask in masks]))
        shown = sum(bool((mask & truth).any()) for mask in masks)
        self.text = (
            f"| {background} | {name} | {self.covered:.1f} % | {self.area:.2f} | {self.away:.0f} | "
            f"{shown} of {len(masks)} | {ms:.0f} |"
        )

    def missed(self) -> list[str]:
        opacity = LOGOS[self.name][2]
        least = _OPAQUE if opacity == 1 else _HALF if opacity >= 0.5 else 0.0
        out = []
        if self.covered < least:
            out.append(f"{self.background}, {self.name}: {self.covered:.1f} % of its pixels, at least {least:.0f} %")
        if self.area > _AREA:
            out.append(f"{self.background}, {self.name}: {self.area:.2f} of its area, at most {_AREA}")
        return out


def _row(background: str, name: str, pictures: list[U8]) -> _Row:
    height, width = (side // 2 * 2 for side in pictures[0].shape[:2])
    logo = placed(name, (width, height), scale=1.0 if width > 600 else 0.6)
    cut = (picture[:height, :width] for picture in pictures)
    result = found(OverlaySource(), burnt(cut, logo))
    return _Row(background, name, logo.mask, result.masks, result.ms)


def _without(samples: Path | None) -> tuple[list[str], list[str]]:
    rows, false = [], []
    clips = dict(WITHOUT)
    if samples is not None:
        clips |= {f"{name}, whole": partial(scenes.sample, samples, name) for name in scenes.SAMPLES}
    for name, make in clips.items():
        result = found(OverlaySource(), make())
        masked = sum(bool(mask.any()) for mask in result.masks)
        rows.append(f"| {name} | {masked} of {len(result.masks)} | {result.ms:.0f} | {' '.join(result.notes)} |")
        if masked:
            false.append(f"{name}: {masked} frames masked without a logo")
    return rows, false


def _bricks() -> Iterator[U8]:
    return (np.asarray(cv2.resize(picture, _SIZE, interpolation=cv2.INTER_CUBIC), np.uint8) for picture in scene(4.0))


def _letterboxed(pictures: Iterator[U8]) -> Iterator[U8]:
    for picture in pictures:
        framed = picture.copy()
        framed[:90] = framed[-90:] = 16
        yield framed


_TEXT = """```
python -m benchmarks.masks overlay --samples DIR
```

Logos burnt into 75 frames (3 s) of 1280x720 made here and of real clips, compressed as H.264. *Covered*: of the pixels that the
logo's shape covers by at least 40 %, mean of all frames. *Area*: masked pixels over the logo's. *Away*: masked pixels per frame
farther than 6 px from it. Gates on the first three backgrounds: 95 % of opaque logos, 85 % of those at half opacity, 1.6 times the
area; and not one masked frame in the clips without a logo. `faint` is a badge at 30 %. The slow pan brings fewer different pictures
behind a logo in 3 s than its size needs; the real clips hold still or show snow for part of the time.

| background | logo | covered | area | away, px | frames | ms per frame |
|---|---|---|---|---|---|---|
{rows}

Without a logo:

| clip | frames masked | ms per frame | what it says |
|---|---|---|---|
{clean}
"""
