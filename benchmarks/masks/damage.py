"""Dust, scratches and dropped lines put onto clean clips.

Gates, over the made clips at sensitivity 0.5: at least 85 % of the pixels of dust and of scratches, at most 2 false
detections (connected groups of pixels with no damage within 3 px) per frame; on the same clips without damage, too.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.masks import scenes
from benchmarks.masks.dirt import Damaged, damaged
from benchmarks.masks.finding import found
from benchmarks.masks.scenes import U8, Bool
from reelmend.pipelines.config import FindConfig
from reelmend.pipelines.media.masks.sources.damage import DamageSource

_SIZE, _FRAMES, _CRF = (1280, 720), 24, 14
_LEAST, _FALSE = 85.0, 2.0
_NEAR = np.ones((7, 7), np.uint8)
Make = Callable[[], Iterator[U8]]

CLIPS: dict[str, Make] = {
    "pan": lambda: scenes.pan(_SIZE, _FRAMES),
    "pan, grain of 6 levels": lambda: scenes.pan(_SIZE, _FRAMES, noise=6),
    "fast pan, 14 px a frame": lambda: scenes.pan(_SIZE, _FRAMES, (14, 2), 4, 3),
    "still": lambda: scenes.still(_SIZE, _FRAMES, 1),
    "still, 4 objects cross": lambda: scenes.still(_SIZE, _FRAMES, 1, objects=4),
    "hand, 9 px": lambda: scenes.still(_SIZE, _FRAMES, 2, shake=9),
    "a cut every 10 frames": lambda: scenes.cuts(_SIZE, _FRAMES, 10),
    "fades in and out": lambda: scenes.fade(_SIZE, _FRAMES, 3),
    "posts, still": lambda: scenes.poles(_SIZE, _FRAMES, 0, 7),
    "posts, pan of 5 px": lambda: scenes.poles(_SIZE, _FRAMES, 5, 8),
    "balls thrown": lambda: scenes.balls(_SIZE, _FRAMES, 9),
    "rain": lambda: scenes.rain(_SIZE, _FRAMES, 10),
}
UNGATED = ("rain",)


def section(samples: Path | None) -> tuple[str, list[str]]:
    clips, rows, missed = dict(CLIPS), [], []
    if samples is not None:
        clips |= {name: partial(scenes.sample, samples, name, _FRAMES) for name in scenes.SAMPLES}
    for name, make in clips.items():
        clean = _Score([Damaged(picture, *_nothing(picture)) for picture in make()], 0.5)
        dirty = _Score(list(damaged(make(), seed=3)), 0.5)
        rows.append(
            f"| {name} | {dirty.specks:.1f} % | {dirty.scratches:.1f} % | {dirty.false:.2f} | {clean.false:.2f} | "
            f"{dirty.area:.2f} | {dirty.ms:.0f} |"
        )
        if name in CLIPS and name not in UNGATED:
            missed += dirty.missed(name) + clean.missed(name)
    sensitivities = []
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        score = _Score(list(damaged(CLIPS["pan, grain of 6 levels"](), seed=3)), value)
        sensitivities.append(f"| {value} | {score.specks:.1f} % | {score.scratches:.1f} % | {score.false:.2f} |")
    return _TEXT.format(rows="\n".join(rows), sensitivities="\n".join(sensitivities)), missed


class _Score:
    def __init__(self, truth: list[Damaged], sensitivity: float) -> None:
        result = found(DamageSource(), (one.picture for one in truth), FindConfig(damage_sensitivity=sensitivity), _CRF)
        height, width = result.masks[0].shape
        pairs = [
            (mask, one.specks[:height, :width], one.scratches[:height, :width])
            for mask, one in zip(result.masks, truth, strict=True)
        ]
        self.ms, self.frames = result.ms, len(pairs)
        self.specks = _share([(mask, specks) for mask, specks, _ in pairs])
        self.scratches = _share([(mask, scratches) for mask, _, scratches in pairs])
        self.false = float(np.mean([_false(mask, specks | scratches) for mask, specks, scratches in pairs]))
        marked = sum(int((specks | scratches).sum()) for _, specks, scratches in pairs)
        self.area = sum(int(mask.sum()) for mask in result.masks) / max(1, marked)

    def missed(self, name: str) -> list[str]:
        out = [
            f"{name}: {share:.1f} % of {what}, at least {_LEAST:.0f} %"
            for what, share in (("dust", self.specks), ("scratches", self.scratches))
            if share < _LEAST
        ]
        return out + ([f"{name}: {self.false:.2f} false per frame, at most {_FALSE}"] if self.false > _FALSE else [])


def _share(pairs: list[tuple[Bool, Bool]]) -> float:
    there = sum(int(truth.sum()) for _, truth in pairs)
    return 100 * sum(int((mask & truth).sum()) for mask, truth in pairs) / there if there else 100.0


def _false(mask: Bool, truth: Bool) -> int:
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    near = cv2.dilate(truth.astype(np.uint8), _NEAR) > 0
    return int(count - 1 - np.count_nonzero(np.unique(labels[near & mask])))


def _nothing(picture: U8) -> tuple[Bool, Bool]:
    empty = np.zeros(picture.shape[:2], np.bool_)
    return empty, empty


_TEXT = """```
python -m benchmarks.masks damage --samples DIR
```

Per frame about 8 spots of 2 to 24 px, dark and bright, two scratches that wander and last 15 to 60 frames, over half to all of the
height, and in one frame of twenty a dropped line of 1 to 4 rows; 24 frames of 1280x720 made here, and of real clips at their size,
compressed as H.264. *Dust* and *scratches*: share of the damaged pixels that are masked. *False*: connected groups of
masked pixels with no damage within 3 px, per frame; *clean*: the same without damage. *Area*: masked over damaged pixels. Gates on
the made clips but rain: 85 %, and 2 false per frame.

| clip | dust | scratches | false | false, clean | area | ms per frame |
|---|---|---|---|---|---|---|
{rows}

Sensitivity (`find.damage_sensitivity`), on the pan with grain of 6 levels:

| sensitivity | dust | scratches | false per frame |
|---|---|---|---|
{sensitivities}
"""
