"""Measurement of rates on generated clips of several sizes and holes."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import torch

from reelmend.pipelines.choices import ExecutorName, Mode
from reelmend.pipelines.config import InputConfig, JobConfig, StoreConfig
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.forecast.rates import Rate
from reelmend.pipelines.forecast.rates_of_run import rates_of_run
from reelmend.pipelines.media.sizes import Size
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.storage.ledger import read_ledger
from reelmend.pipelines.storage.run_layout import LEDGER, WORK_FOLDER

_HOLES = (0.02, 0.1)
"""Shares of the picture that are missing: what a missing pixel takes is told apart from what any takes."""
_PAN_PX = 3  # per frame, so that motion has to be found
_RATE = 25  # frames per second; no rate depends on it
_WARM_UP = ("warm-up", (160, 96), 12)


def measure_rates(job: JobConfig, sizes: Sequence[Size], frames: int, machine: str) -> list[Rate]:
    """Return the rates of the job's engine and settings for clips of `frames` frames, one worker, one thread on a CPU.

    Raises SetupError where the engine's weights are missing, or a clip could not be restored.
    """
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _run([_WARM_UP], job, Path(folder, "warm"), machine)  # what is loaded and built once is not a rate
            return _run([(f"{w}x{h}", (w, h), frames) for w, h in sizes], job, Path(folder, "clips"), machine)
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])


def _run(clips: Sequence[tuple[str, Size, int]], job: JobConfig, folder: Path, machine: str) -> list[Rate]:
    (folder / "in").mkdir(parents=True)
    for name, size, frames in clips:
        for seed, hole in enumerate(_HOLES):  # else the second would find the first one's flow in the cache
            _write_clip(folder / "in" / f"{name}-{hole}.mp4", size, frames, seed)
            _write_mask(folder / "in" / f"{name}-{hole}_mask.png", size, hole)
    here = replace(
        job,
        mode=Mode.inpaint,
        out=str(folder / "out"),
        input=InputConfig(videos=[str(folder / "in" / "*.mp4")]),
        run=replace(job.run, executor=ExecutorName.inline),
        store=StoreConfig(),
    )
    summary = run_job(here, SilentDisplay())
    rows = read_ledger(folder / "out" / WORK_FOLDER / LEDGER)
    if summary.exit_status:
        reason = summary.halted or next((row.reason for row in rows if row.state.bad), "")
        raise SetupError(f"the clips could not be restored: {reason}")
    return rates_of_run(here, rows, machine=machine, made=True)


def _write_clip(place: Path, size: Size, frames: int, seed: int) -> None:
    """A camera pans over a texture, there and back."""
    width, height = size
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 4, 3), np.uint8)
    world = cv2.resize(noise, (2 * width, height), interpolation=cv2.INTER_CUBIC)
    with av.open(str(place), "w") as container:
        stream = container.add_stream("libx264", rate=_RATE, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            left = width - abs(_PAN_PX * index % (2 * width) - width)
            shown = np.ascontiguousarray(world[:, left : left + width]).astype(np.uint8, copy=False)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown)))
        container.mux(stream.encode())


def _write_mask(place: Path, size: Size, hole: float) -> None:
    """A box in the middle, of the picture's shape."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    width, height = (round(side * hole**0.5) for side in size)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    mask[top : top + height, left : left + width] = 255
    cv2.imwrite(str(place), mask)
