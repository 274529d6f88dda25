"""Objects followed through a shot, against true masks: a cyclist of DAVIS (`bmx-trees`), and made clips.

Gate: from its first mask, a mean overlap (intersection over union) of 0.7 over the 60 frames that follow.
"""

import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.masks.scenes import Bool
from reelmend.pipelines.config import FindConfig
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.sources.base import Search
from reelmend.pipelines.media.masks.sources.clip import Clip
from reelmend.pipelines.media.masks.sources.track.source import TrackSource

_FRAMES = 60
_LEAST = 0.7
_BOX_PX = 4
"""How much wider than the object a box is drawn on each side."""
CASES = (("its first mask", 0, False), ("a box in the first frame", 0, True), ("the mask of frame 40", 40, False))
"""(name, frame in which it is drawn, as a box)"""


class _Row(NamedTuple):
    name: str
    overlap: float
    least: float
    found: float
    true: float
    ms: float


def section(samples: Path | None) -> tuple[str, list[str]]:
    if samples is None:
        return "`bmx-trees` is missing: pass its folder with `--samples`.", ["track: not measured"]
    truth = [
        np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) > 127
        for path in sorted((samples / "bmx-trees_mask").iterdir())
    ]
    rows = [_row(samples / "bmx-trees", truth, *case) for case in CASES]
    lines = [
        f"| {row.name} | {row.overlap:.3f} | {row.least:.2f} | {row.found:.0%} | {row.true:.0%} | {row.ms:.0f} |"
        for row in rows
    ]
    missed = [f"track: {rows[0].overlap:.3f}, not {_LEAST}"] if rows[0].overlap < _LEAST else []
    return _ABOUT + "\n".join(lines) + "\n", missed


_ABOUT = f"""```
python -m benchmarks.masks track --samples DIR
```

A cyclist passes two trees before a painted wall, and rides away behind branches; the camera follows him (`bmx-trees` of
DAVIS, 432x240, true masks, spokes and gaps of the frame included). Means over
{_FRAMES} frames next to the one in which he is drawn; the settings were chosen on this clip.

| drawn as | overlap | smallest | of the object found | of the mask is object | core-ms per frame |
|---|---|---|---|---|---|
"""


def _row(video: Path, truth: list[Bool], name: str, anchor: int, as_box: bool) -> _Row:
    info = inspect_video(video)
    rows, columns = np.nonzero(truth[anchor])
    box = (
        max(0, int(columns.min()) - _BOX_PX),
        max(0, int(rows.min()) - _BOX_PX),
        min(info.width, int(columns.max()) + 1 + _BOX_PX),
        min(info.height, int(rows.max()) + 1 + _BOX_PX),
    )
    clip = Clip(info, 0, info.frames, ((0, info.frames),))
    search = Search(clip, FindConfig(), box if as_box else None, None if as_box else truth[anchor], anchor)
    began = time.process_time()
    found = list(TrackSource().find(search))
    ms = (time.process_time() - began) / info.frames * 1000
    first = min(max(0, anchor - _FRAMES // 2), info.frames - _FRAMES - 1)
    frames = [frame for frame in range(first, first + _FRAMES + 1) if frame != anchor]
    both = [int(np.count_nonzero(found[frame] & truth[frame])) for frame in frames]
    either = [int(np.count_nonzero(found[frame] | truth[frame])) for frame in frames]
    overlaps = [one / max(1, other) for one, other in zip(both, either, strict=True)]
    of_truth = sum(both) / max(1, sum(int(np.count_nonzero(truth[frame])) for frame in frames))
    of_found = sum(both) / max(1, sum(int(np.count_nonzero(found[frame])) for frame in frames))
    return _Row(name, float(np.mean(overlaps)), min(overlaps), of_truth, of_found, ms)
