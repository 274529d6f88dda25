"""One measured row, in its own process, so that rows do not disturb each other's memory, threads and caches.

    python -m reelmend.pipelines.tuning.row < REQUEST

Reads a request (one line of JSON) from standard input, says when it is ready, starts when it is given another line, and
writes what was measured. Several such processes that start together measure several workers.
"""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np

from reelmend.core_model.device.peak_memory import peak_rss_mb
from reelmend.core_model.metrics import psnr
from reelmend.pipelines.api.arrays import restore_clip
from reelmend.pipelines.api.memory_context import MemoryContext
from reelmend.pipelines.api.progress import ProgressMeter
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.media.arrays import ArrayMask, ArrayVideo
from reelmend.pipelines.media.limits import held_to
from reelmend.pipelines.media.sizes import flow_size, process_size
from reelmend.pipelines.stages.worker import most_in_use

_LEAST_S, _MOST_PASSES = 2.0, 5
"""Clips are restored again until this time has passed: of a moment's work one measurement says little."""
_RATE = Fraction(25)


@dataclass(frozen=True)
class Measured:
    """What one process measured."""

    seconds: float
    """Of the fastest pass over all clips, without what is done once per process."""
    cpu_seconds: float
    memory_mb: float
    """Peak: of the GPU's memory where the engine uses it, else of the process."""
    psnr_db: tuple[float, ...]
    """In the hidden part of each clip."""
    start_s: float
    """To load the engine, compile it and start."""
    operations: float = 0.0
    """Floating-point operations of the networks, where asked for; a fused multiply-add counts as two."""


def main() -> None:
    """Answer one request."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else prints is not an answer
    _answer(json.loads(sys.stdin.readline()), answers)


def _answer(request: dict[str, Any], answers: TextIO) -> None:
    began = time.perf_counter()
    if request["threads"]:
        cv2.setNumThreads(request["threads"])
    job = load_job(Path(request["job"]))
    clips = [np.load(path) for path in request["clips"]]
    loaded = [{name: clip[name] for name in ("frames", "masks", "truth", "scored")} for clip in clips]
    context = MemoryContext(job, None)
    height, width = loaded[0]["frames"].shape[1:3]
    context.flow.warm(flow_size((width, height), job)[::-1])
    context.engine.warm(process_size((width, height), job)[::-1])
    start_s = time.perf_counter() - began
    _write({"ready": True}, answers)
    sys.stdin.readline()
    _write(asdict(_measure(context, loaded, start_s, operations=request["operations"])), answers)


def _measure(context: MemoryContext, clips: list[dict[str, Any]], start_s: float, *, operations: bool) -> Measured:
    if operations:
        from torch.utils.flop_counter import FlopCounterMode

        began, cpu_began = time.perf_counter(), time.process_time()
        with FlopCounterMode(display=False) as counter:
            scores = _restore_all(context, clips)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
        memory_mb = most_in_use() / 2**20 or peak_rss_mb()
        return Measured(seconds, cpu_seconds, memory_mb, scores, start_s, float(counter.get_total_flops()))
    passes: list[tuple[float, float]] = []
    while not passes or (sum(seconds for seconds, _ in passes) < _LEAST_S and len(passes) < _MOST_PASSES):
        began, cpu_began = time.perf_counter(), time.process_time()
        scores = _restore_all(context, clips)
        passes.append((time.perf_counter() - began, time.process_time() - cpu_began))
    memory_mb = most_in_use() / 2**20 or peak_rss_mb()
    return Measured(min(passes)[0], min(cpu for _, cpu in passes), memory_mb, scores, start_s)


def _restore_all(context: MemoryContext, clips: list[dict[str, Any]]) -> tuple[float, ...]:
    scores = []
    for clip in clips:
        context.take(ArrayMask(clip["masks"]))
        with held_to(context.context.job.limits):
            restored = restore_clip(context, ArrayVideo.of(clip["frames"], _RATE), ProgressMeter(None))
        scores.append(psnr(restored, clip["truth"], clip["scored"]))
    return tuple(scores)


def _write(answer: dict[str, Any], answers: TextIO) -> None:
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
