"""Draft and refine against networks throughout: what it computes, and what it says of itself.

    python -m benchmarks.refine

Four clips of 24 frames in blocks of twelve, 96x64; the networks have drawn weights, so that this measures work and not
pictures. What the hole of one clip covers is shown by no other frame; of the others it is. Processor seconds of flow and
holes, over those of `engine=propainter` for all of it. Exit status 1 when a gate is missed.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from reelmend.core_model.bench.weights import with_drawn_weights
from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from reelmend.pipelines.choices import Codec, ExecutorName, Precision
from reelmend.pipelines.config import InputConfig, JobConfig, PlanConfig, ProPainterConfig, RunConfig, StitchConfig
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.run.draft import as_draft, as_refined
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.tasks import Stage

SIZE, FRAMES, BLOCK, CLIPS = (96, 64), 24, 12, 4
SHARE_MOST = 0.5
"""Of the networks' time: one clip of four is refined, and the drafts are made too."""


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for number in range(CLIPS):
            _write_clip(folder / "in", number, shown=number > 0)
        job = _job(folder, "networks")
        everything = _cpu_s(whole := run_job(job, SilentDisplay()))
        print("| run | blocks by networks | CPU time / networks throughout |\n|---|---|---|")
        print(f"| engine=propainter | {CLIPS * FRAMES // BLOCK} of {CLIPS * FRAMES // BLOCK} | 1.00 |")
        job = replace(job, out=str(folder / "refined"))
        draft = run_job(as_draft(job), SilentDisplay())
        refined, again = (run_job(as_refined(job), SilentDisplay()) for _ in range(2))
        spent = 0.0
        for name, summary in (("--draft", draft), ("--refine", refined), ("--refine again", again)):
            spent += (own := _cpu_s(summary))
            blocks = f"{summary.refined['blocks']} of {summary.refined['of_blocks']}" if summary.refined else "none"
            print(f"| {name} | {blocks} | {own / everything:.2f} |", flush=True)
    met = spent <= SHARE_MOST * everything and not again.tasks_computed and whole.exit_status == 0
    print(f"\ndraft and refinement take {spent / everything:.2f} (at most {SHARE_MOST}), the second one nothing: {met}")
    return 0 if met else 1


def _cpu_s(summary: RunSummary) -> float:
    return sum(summary.work.get(stage, {}).get("cpu_seconds", 0.0) for stage in (Stage.FLOW, Stage.INPAINT))


def _write_clip(folder: Path, number: int, *, shown: bool) -> None:
    noise = np.random.default_rng(number).random((SIZE[1], SIZE[0], 3), np.float32)
    still = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2.5), None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    pictures: U8 = np.repeat(np.rint(still).astype(np.uint8)[None], FRAMES, axis=0)
    masks: Bool = np.zeros(pictures.shape[:3], np.bool_)
    for index, mask in enumerate(masks):
        left = 4 + 3 * index if shown else 40
        mask[20:40, left : left + (10 if shown else 24)] = True
    pictures[masks] = 255
    for name, images in ((f"clip{number}", pictures), (f"clip{number}_mask", masks * np.uint8(255))):
        (folder / name).mkdir(parents=True)
        for index, image in enumerate(images):
            cv2.imwrite(str(folder / name / f"{index:03d}.png"), image)


def _job(folder: Path, out: str) -> JobConfig:
    networks: dict[str, nn.Module] = {
        "raft": Raft(),
        "flow_completion": FlowCompletion(),
        "generator": InpaintGenerator(),
    }
    for name, network in networks.items():
        torch.save(with_drawn_weights(network).state_dict(), folder / f"{name}.pth")
    files = {name: str(folder / f"{name}.pth") for name in networks}
    return JobConfig(
        out=str(folder / out),
        engine="propainter",
        input=InputConfig(videos=[str(folder / "in" / f"clip{number}") for number in range(CLIPS)]),
        plan=PlanConfig(shots=False, block_length=BLOCK, overlap=1, chunk_length=BLOCK),
        propainter=ProPainterConfig(
            raft=files["raft"],
            flow_completion=files["flow_completion"],
            generator=files["generator"],
            subvideo_length=8,
            neighbor_length=4,
            ref_stride=3,
            raft_iterations=4,
            precision=Precision.fp32,
        ),
        stitch=StitchConfig(codec=Codec.png),
        run=RunConfig(executor=ExecutorName.inline),
    )


if __name__ == "__main__":
    sys.exit(main())
