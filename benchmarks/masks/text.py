"""Benchmark of the mask source `text`: letters covered, area masked, frames without text that are masked.

Goal: both numbers right in 95 % of the frames with text, and at most 1 % of the others masked.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.masks.text_clips import FRAMES, RATE, SIZE, Case, background, cases, write
from reelmend.pipelines.config import FindConfig
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.sources.base import Search
from reelmend.pipelines.media.masks.sources.clip import Clip
from reelmend.pipelines.media.masks.sources.text.source import TextSource

Bool = NDArray[np.bool_]
F32 = NDArray[np.float32]

VISIBLE = 0.08
"""Opacity from which a pixel belongs to the text; codecs keep less than that of it only here and there."""
LEAST_COVERED, MOST_AREA = 0.98, 1.5
LEAST_GOOD, MOST_FALSE = 0.95, 0.01
DILATION = 4
"""The default of `mask.dilation`."""

ABOUT = f"""```
python -m benchmarks.masks text --samples DIR
```

{FRAMES} frames of {SIZE[0]}x{SIZE[1]} at {RATE} frames/s each, H.264. Text is drawn by OpenCV: its own sans and uni (Chinese)
fonts, and Liberation Serif, DejaVu Sans Mono and DejaVu Sans Bold. Backgrounds: `leaves`, a camera that pans over
overlapping shapes with grain; `car`, `bmx` (cameras that move), `cars`, `bottles` (cameras that stand still), of the
samples in `DIR`.

A pixel is text if letters, outline, shadow or box are at least {VISIBLE:.0%} opaque there, so most frames of a fade
count. Masks are measured as the source yields them, without the dilation that a run adds: *covered* is the share of the
text's pixels that are masked, *area* the masked area over the text's; a frame is good with at least
{LEAST_COVERED:.0%} covered and an area of at most {MOST_AREA}. *Dilated* is both after growing the mask by {DILATION}
pixels; its area is over the text's, grown as much. Rows marked with – do not count: text that moves is masked as a box
per line. `car` without text is searched with `find.text=captions`, because there are words on the car.
"""


@dataclass(frozen=True)
class Row:
    case: Case
    covered: F32
    """Of each frame with text."""
    area: F32
    dilated: tuple[float, float]
    """Medians of (share covered, area over that of the grown text)."""
    false: int
    """Masked frames without text."""
    empty: int
    ms: float
    """Of a core, per frame."""

    @property
    def good(self) -> Bool:
        return (self.covered >= LEAST_COVERED) & (self.area <= MOST_AREA)


def section(samples: Path | None) -> tuple[str, list[str]]:
    cv2.setNumThreads(1)
    rows = [row for case in cases() if (row := _measure(case, samples)) is not None]
    table, passed = _table(rows)
    return f"{ABOUT}\n{table}", [] if passed else ["text: too few frames are right, see the last line"]


def _measure(case: Case, samples: Path | None) -> Row | None:
    behind = background(case.background, samples)
    if behind is None:
        return None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        truth = np.stack([opacity >= VISIBLE for opacity in write(case, behind, path)])
        info = inspect_video(path)
        clip = Clip(info, 0, info.frames, ((0, info.frames),))
        start = time.process_time()
        masks = np.stack(list(TextSource().find(Search(clip, FindConfig(text=case.kind)))))
        ms = 1000 * (time.process_time() - start) / len(masks)
    shown = truth.any(axis=(1, 2))
    covered, area = _against(masks[shown], truth[shown])
    grown_covered, _ = _against(_grown(masks[shown]), truth[shown])
    _, grown_area = _against(_grown(masks[shown]), _grown(truth[shown]))
    dilated = (_median(grown_covered), _median(grown_area))
    false = int(masks[~shown].any(axis=(1, 2)).sum())
    print(f"{case.name}: {ms:.0f} ms", flush=True)
    return Row(case, covered, area, dilated, false, int((~shown).sum()), ms)


def _against(masks: Bool, truth: Bool) -> tuple[F32, F32]:
    pixels = truth.sum(axis=(1, 2))
    covered = (masks & truth).sum(axis=(1, 2)) / pixels
    return covered.astype(np.float32), (masks.sum(axis=(1, 2)) / pixels).astype(np.float32)


def _grown(masks: Bool) -> Bool:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * DILATION + 1, 2 * DILATION + 1))
    return np.asarray([cv2.dilate(mask.astype(np.uint8), disc) for mask in masks], np.bool_).reshape(masks.shape)


def _median(values: F32) -> float:
    return float(np.median(values)) if len(values) else 0.0


def _table(rows: Sequence[Row]) -> tuple[str, bool]:
    lines = [
        "| case | covered | area | good frames | dilated: covered | area | false frames | core-ms per frame |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        name = f"{row.case.name}, on {row.case.background}{'' if row.case.gated else ' –'}"
        found = " | | | | "
        if len(row.covered):
            found = (
                f"{_median(row.covered):.1%} | {_median(row.area):.2f} | {row.good.mean():.0%} | "
                f"{row.dilated[0]:.1%} | {row.dilated[1]:.2f}"
            )
        lines.append(f"| {name} | {found} | {row.false} of {row.empty} | {row.ms:.0f} |")
    counted = [row.good for row in rows if row.case.gated]
    good = np.concatenate(counted) if counted else np.ones(0, np.bool_)
    false, empty = sum(row.false for row in rows), sum(row.empty for row in rows)
    share = float(good.mean()) if len(good) else 1.0
    passed = share >= LEAST_GOOD and false <= MOST_FALSE * empty
    lines += [
        "",
        f"Good: {share:.1%} of {len(good)} frames with text (goal {LEAST_GOOD:.0%}). Masked without text: {false} of {empty} "
        f"frames (goal at most {MOST_FALSE:.0%}). **{'Goal met' if passed else 'Goal missed'}.**",
    ]
    return "\n".join(lines), passed
