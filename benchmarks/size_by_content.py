"""Size by content against the full size, with hidden truth: what it costs in PSNR, and what it saves.

    python -m benchmarks.size_by_content --samples DIR [--clips chosen|fresh] [--auto-only]

Clips at their own size, of a moving and of a still camera, and the same shrunk to a third and to an eighth and
enlarged again (soft, as old videos that were enlarged for a larger screen): four by which bound and candidates were
chosen, and three others. A box is hidden, and restored by whole runs:
at the full size, the baseline; at the candidate sizes, with what each loses by `pipelines/stages/detail.py`; and with
`process.max_side=auto`. Exit status 1 when a gate is missed.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from benchmarks.quality.cases import painted
from benchmarks.quality.clips import sample
from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.metrics import psnr
from reelmend.pipelines.choices import Codec, ExecutorName
from reelmend.pipelines.config import (
    AUTO_SIDE,
    InputConfig,
    JobConfig,
    MaskConfig,
    PlanConfig,
    ProcessConfig,
    RunConfig,
    StitchConfig,
)
from reelmend.pipelines.media.masks.track import TrackMaker, tile_boxes
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_items
from reelmend.pipelines.stages.detail import Detail, DetailFinder
from reelmend.pipelines.storage.ledger import ItemFacts
from reelmend.pipelines.tasks import Stage

FRAMES = 12
BOX = (100, 60)
SOFTER = (3, 8)
LEAST = 120
LOSS_DB_MOST = 0.3
SMALLER_TIME_MOST = 0.65
"""Of the processor time for flow and holes at the full size, for clips that are restored smaller."""
SIDES = (0.125, 0.1875, 0.25, 0.375, 0.5, 0.75)
"""Shares of the longest side that are tried as fixed sizes."""


_CLIPS = {
    "chosen": (("running_car.mp4", 0), ("still_cars.mp4", 50), ("bmx-trees", 0), ("still_bottles.mp4", 100)),
    "fresh": (("running_car.mp4", 200), ("still_cars.mp4", 100), ("still_bottles.mp4", 700)),
}
"""By use: bound and candidate sizes were chosen on the first ones. Folder or file, and the first frame."""


class Result(NamedTuple):
    side: int
    db: float
    cpu_s: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, default=os.environ.get("REELMEND_SAMPLES"), help="folder of the clips")
    parser.add_argument("--clips", choices=_CLIPS, action="append", help="these only; repeat for more")
    parser.add_argument("--auto-only", action="store_true", help="restore at no fixed size but the full one")
    arguments = parser.parse_args()
    if arguments.samples is None:
        parser.error("name the folder of the sample clips: --samples DIR, or set REELMEND_SAMPLES")
    print("| clip (full size) | size | side | loses, levels | PSNR in the hole lost, dB | CPU time / full |")
    print("|---|---|---|---|---|---|")
    met = True
    for name, truth in _clips(Path(arguments.samples), arguments.clips or _CLIPS):
        masks = _box(truth)
        with tempfile.TemporaryDirectory() as scratch:
            _write(Path(scratch, "in"), truth, masks)
            full = _restore(Path(scratch), truth, masks, 0)
            for side, levels in _detail(truth, masks):
                if side >= LEAST and not arguments.auto_only:
                    _row(name, "fixed", _restore(Path(scratch), truth, masks, side), full, f"{levels:.2f}")
            chosen = _restore(Path(scratch), truth, masks, AUTO_SIDE)
        _row(name, "**auto**", chosen, full)
        met &= full.db - chosen.db <= LOSS_DB_MOST
        met &= chosen.side == full.side or chosen.cpu_s <= SMALLER_TIME_MOST * full.cpu_s
    gates = f"at most {LOSS_DB_MOST} dB lost, smaller ones in at most {SMALLER_TIME_MOST:.0%} of the time"
    print(f"\nauto: {gates}: {'PASS' if met else 'FAIL'}")
    return 0 if met else 1


def _clips(samples: Path, groups: Iterable[str]) -> Iterator[tuple[str, U8]]:
    for name, start in [clip for group in groups for clip in _CLIPS[group]]:
        detailed = sample(samples / name, start, FRAMES, None)
        yield f"{Path(name).stem}, as it is", detailed
        height, width = detailed.shape[1:3]
        for softer in SOFTER:
            size = width // softer, height // softer
            small = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in detailed]
            soft = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC) for frame in small]
            yield f"{Path(name).stem}, {softer} times softer", np.asarray(np.stack(soft), np.uint8)


def _detail(truth: U8, masks: Bool) -> Detail:
    finder, track = DetailFinder(SIDES), TrackMaker()
    top, left = (int(np.flatnonzero(masks[0].any(axis))[0]) for axis in (1, 0))
    for index, (frame, mask) in enumerate(zip(painted(truth, masks), masks, strict=True)):
        finder.see(index, av.VideoFrame.from_ndarray(frame, "rgb24"))
        track.see(index, tile_boxes(mask, (left, top, left + BOX[0], top + BOX[1])))
    height, width = masks.shape[1:]
    return finder.detail(track.track(), (width, height))


def _row(name: str, kind: str, result: Result, full: Result, levels: str = "") -> None:
    lost, time = full.db - result.db, result.cpu_s / full.cpu_s
    print(f"| {name} ({full.db:.2f} dB) | {kind} | {result.side} | {levels} | {lost:+.2f} | {time:.2f} |", flush=True)


def _box(truth_THWC: U8) -> Bool:
    height, width = truth_THWC.shape[1:3]
    masks = np.zeros(truth_THWC.shape[:3], np.bool_)
    top, left = (height - BOX[1]) // 2, (width - BOX[0]) // 2
    masks[:, top : top + BOX[1], left : left + BOX[0]] = True
    return masks


def _write(folder: Path, truth: U8, masks: Bool) -> None:
    """As folders of images, which keep every value."""
    for name, pictures in (("clip", painted(truth, masks)[..., ::-1]), ("clip_mask", masks[:1] * np.uint8(255))):
        (folder / name).mkdir(parents=True)
        for index, picture in enumerate(pictures):
            cv2.imwrite(str(folder / name / f"{index:03d}.png"), picture)


def _restore(folder: Path, truth: U8, masks: Bool, side: int | str) -> Result:
    out = folder / f"out-{side}"
    job = JobConfig(
        out=str(out),
        input=InputConfig(videos=[str(folder / "in/clip")], masks=str(folder / "in/clip_mask/000.png")),
        mask=MaskConfig(dilation=0),
        process=ProcessConfig(max_side=side, auto_least=LEAST, auto_most=0),
        plan=PlanConfig(shots=False),
        stitch=StitchConfig(codec=Codec.png),
        run=RunConfig(executor=ExecutorName.inline),
    )
    [row] = run_items(job, SilentDisplay()).rows
    restored = np.stack([_read(path) for path in sorted((out / "clip").glob("*.png"))])
    taken = ItemFacts.from_map(row.facts).restored_side or side or max(truth.shape[1:3])
    spent = sum(row.work.get(stage, {}).get("cpu_seconds", 0.0) for stage in (Stage.FLOW, Stage.INPAINT))
    return Result(int(taken), psnr(restored, truth, masks), spent)


def _read(path: Path) -> U8:
    picture = cv2.imread(str(path))
    assert picture is not None, path
    return np.asarray(picture[..., ::-1], np.uint8)


if __name__ == "__main__":
    sys.exit(main())
