"""Small jobs for tests that run them whole."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.choices import Codec, ExecutorName
from reelmend.pipelines.config import InputConfig, JobConfig, PlanConfig, RunConfig, StitchConfig
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.storage.ledger import ItemRow, read_ledger
from reelmend.pipelines.storage.run_layout import LEDGER
from tests.clips import moving_box, scene, write_clip, write_mask_video


def lossless_job(
    folder: Path, out: str = "out", *, executor: ExecutorName = ExecutorName.inline, **plan: Any
) -> JobConfig:
    """A job over `folder`/in with small blocks, so that a short clip has many, and a codec that keeps every sample."""
    return JobConfig(
        out=str(folder / out),
        input=InputConfig(videos=[str(folder / "in" / "*")]),
        plan=PlanConfig(**{"block_length": 20, "overlap": 3, "chunk_length": 20, "shots": False} | plan),
        stitch=StitchConfig(codec=Codec.ffv1),
        run=RunConfig(executor=executor, attempts=2),
    )


def add_item(folder: Path, name: str = "clip", frames: int = 70, **clip: Any) -> Path:
    """Write in/<name>.mp4, a panning scene with a white box moving over it, and the box's mask beside it."""
    (folder / "in").mkdir(exist_ok=True)
    box = moving_box(frames)
    write_mask_video(folder / "in" / f"{name}_mask.mkv", box, codec="ffv1")
    pictures = np.where(box[..., None], np.uint8(255), scene(frames))
    return write_clip(folder / "in" / f"{name}.mp4", frames=frames, pictures=pictures, **clip)


def finish(job: JobConfig) -> tuple[RunSummary, dict[str, ItemRow]]:
    """Run the job and return its summary and the ledger's rows by id."""
    summary = run_job(job, SilentDisplay())
    return summary, {row.id: row for row in read_ledger(Path(job.out) / "_reelmend" / LEDGER)}


def planes(path: Path) -> list[NDArray[Any]]:
    """Every frame of a video in its own pixel format: the samples as they are stored."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]
