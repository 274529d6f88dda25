"""Visibility of block boundaries, compared with a run in one block.

    python -m benchmarks.seams --samples DIR

The four moving cases of `benchmarks.quality`, through whole runs: once as one block, once in blocks of 20 frames that
are faded into each other over six. The seam: how much the hole changes on its way to the next frame (the warping error
of `core_model/metrics.py`) at the pairs of frames where blocks meet, over the same pairs of the uncut run. Exit status
1 when a gate is missed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.quality.cases import moving_four, painted
from benchmarks.quality.clips import FRAMES
from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.flow.dis import DisFlow
from reelmend.core_model.metrics import psnr, warping_error
from reelmend.pipelines.choices import Codec, ExecutorName
from reelmend.pipelines.config import InputConfig, JobConfig, MaskConfig, PlanConfig, RunConfig, StitchConfig
from reelmend.pipelines.engines.blocks import equal_edges
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job

BLOCK, OVERLAP = 20, 3
SEAM_MOST = 1.25
LOSS_DB_MOST = 0.5


class Score(NamedTuple):
    whole_db: float
    cut_db: float
    seam: float
    """1.0: the hole is as steady where blocks meet as it is in one block."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, default=os.environ.get("REELMEND_SAMPLES"), help="folder of the clips")
    arguments = parser.parse_args()
    if arguments.samples is None:
        parser.error("name the folder of the sample clips: --samples DIR, or set REELMEND_SAMPLES")
    print("| case | one block, dB | blocks, dB | loss, dB | seam / uncut |\n|---|---|---|---|---|")
    scores = []
    for case in moving_four(Path(arguments.samples)):
        scores.append(score := _score(case.truth, case.masks))
        loss = score.whole_db - score.cut_db
        print(
            f"| {case.name} | {score.whole_db:.2f} | {score.cut_db:.2f} | {loss:+.2f} | {score.seam:.2f} |", flush=True
        )
    mean_loss, seam = np.mean([s.whole_db - s.cut_db for s in scores]), np.mean([s.seam for s in scores])
    print(f"| mean | | | **{mean_loss:+.2f}** (at most {LOSS_DB_MOST}) | **{seam:.2f}** (at most {SEAM_MOST}) |")
    return 0 if mean_loss <= LOSS_DB_MOST and seam <= SEAM_MOST else 1


def _score(truth: U8, masks: Bool) -> Score:
    with tempfile.TemporaryDirectory() as scratch:
        _write(Path(scratch, "in"), truth, masks)
        whole, cut = (_restore(Path(scratch), length) for length in (FRAMES, BLOCK))
    flow_fwd, flow_bwd = DisFlow().estimate(truth)

    def at_seams(clip: U8) -> float:
        spans = [slice(edge - OVERLAP - 1, edge + OVERLAP) for edge in equal_edges(0, FRAMES, BLOCK)[1:-1]]
        errors = [
            warping_error(clip[s.start : s.stop + 1], masks[s.start : s.stop + 1], flow_fwd[s], flow_bwd[s])
            for s in spans
        ]
        return float(np.mean(errors))

    return Score(psnr(whole, truth, masks), psnr(cut, truth, masks), at_seams(cut) / at_seams(whole))


def _write(folder: Path, truth: U8, masks: Bool) -> None:
    """As folders of images, which keep every value."""
    hidden = painted(truth, masks)
    for name, pictures in (("clip", hidden[..., ::-1]), ("clip_mask", masks * np.uint8(255))):
        (folder / name).mkdir(parents=True)
        for index, picture in enumerate(pictures):
            cv2.imwrite(str(folder / name / f"{index:03d}.png"), picture)


def _restore(folder: Path, block_length: int) -> U8:
    out = folder / f"out-{block_length}"
    job = JobConfig(
        out=str(out),
        input=InputConfig(videos=[str(folder / "in/clip")]),
        mask=MaskConfig(dilation=0),
        plan=PlanConfig(shots=False, block_length=block_length, overlap=OVERLAP, chunk_length=1),
        stitch=StitchConfig(codec=Codec.png),
        run=RunConfig(executor=ExecutorName.inline),
    )
    run_job(job, SilentDisplay())
    return np.stack([_read_rgb(path) for path in sorted((out / "clip").glob("*.png"))])


def _read_rgb(path: Path) -> U8:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture, np.uint8)[..., ::-1]


if __name__ == "__main__":
    sys.exit(main())
