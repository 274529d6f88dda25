"""Engines that sleep as long as a GPU would compute, and write down when: what `benchmarks.busy` installs as a package.

`sleeping` reads no flow. `sleeping_flow` does, and sleeps while it measures flow as well: RAFT's share of ProPainter's
operations. A hole is filled with grey.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reelmend.core_model.engine import U8, Float, FlowEstimator, Restored, Shot
from reelmend.core_model.regions import RegionRule
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.base import EngineSpec, FlowReading, Weights

FLOW_SHARE = 0.43
"""RAFT: 317 of 728 GFLOP a frame."""
HALO = 10
"""Frames around a block that are read, and not computed."""


@dataclass
class SleepingConfig:
    frames_per_second: float = 100.0
    """Speed of the simulated GPU, flow included."""
    log: str = ""
    """File to which each stretch of work is appended: when it began, its length, and the processor time that this thread
    had used by then, in seconds; and the process. Its lock is the GPU: workers that share it take turns."""
    fed: bool = True
    """Whether blocks are read ahead and parts are packed behind, as for an engine that computes on a GPU."""


class SleepingGpu:
    """Sleeps as long as so many frames take, and says so."""

    def __init__(self, settings: SleepingConfig) -> None:
        self._settings = settings

    def compute(self, frames: int, share: float) -> None:
        seconds = frames * share / self._settings.frames_per_second
        with Path(self._settings.log).open("a") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            began = time.monotonic()
            time.sleep(seconds)
            log.write(f"{began} {seconds} {time.thread_time()} {os.getpid()}\n")


class SleepingFlow:
    """Flow of pictures that stand still."""

    digest = "sleeping-flow"

    def __init__(self, gpu: SleepingGpu) -> None:
        self._gpu = gpu

    def warm(self, size: tuple[int, int] | None) -> None:
        """There is nothing to load."""

    def estimate(self, frames_THWC: U8) -> tuple[Float, Float]:
        self._gpu.compute(len(frames_THWC) - 1, FLOW_SHARE)
        # Noise of a tenth of a pixel, which packs like flow that was measured.
        noise = np.random.default_rng(1).normal(0, 0.1, (2, len(frames_THWC) - 1, 2, *frames_THWC.shape[1:3]))
        forward, backward = noise.astype(np.float32)
        return forward, backward


class SleepingEngine:
    """Reads what a block needs, as ProPainter does, and sleeps."""

    name = "sleeping"

    def __init__(self, digest: str, gpu: SleepingGpu, *, flow: bool) -> None:
        self.digest, self._gpu, self._flow = digest, gpu, flow

    def warm(self, size: tuple[int, int] | None) -> None:
        """There is nothing to load."""

    def restore(self, shot: Shot, start: int, stop: int) -> Restored:
        first, last = max(0, start - HALO), min(shot.frames, stop + HALO)
        masks = shot.masks(first, last)[start - first : stop - first]
        if self._flow:
            shot.flows(first, last - 1)
        frames = shot.images(first, last)[start - first : stop - first].copy()
        self._gpu.compute(stop - start, 1 - FLOW_SHARE if self._flow else 1.0)
        np.copyto(frames, np.uint8(128), where=masks[..., None])
        return Restored(frames, np.zeros(masks.shape, np.uint8))


class Sleeping(EngineSpec[SleepingConfig]):
    """As ProPainter: whole shots in blocks of 80 frames, a region that all blocks share."""

    section = SleepingConfig
    without_effect = ("frames_per_second", "log", "fed")
    in_regions = True
    region_rule = RegionRule(
        across_px=64, down_px=40, hole_share=0.5, grid_px=8, least_px=128, of_shot=True, own_size=True
    )

    def __init__(self, name: str, *, flow: bool) -> None:
        self.name = name
        self.reads_flow = FlowReading.ALL if flow else FlowReading.NONE

    def find_problems(self, settings: SleepingConfig) -> Iterator[tuple[str, str]]:
        if not settings.frames_per_second > 0:
            yield "frames_per_second", f"{settings.frames_per_second} is not above 0"

    def halo_frames(self, job: JobConfig) -> int:
        return HALO

    def leaves_cores_free(self, job: JobConfig) -> bool:
        return self.settings(job).fed

    def build_flow(self, job: JobConfig, weights: Weights) -> FlowEstimator:
        return SleepingFlow(SleepingGpu(self.settings(job)))

    def build_engine(self, job: JobConfig, weights: Weights) -> SleepingEngine:
        gpu, flow = SleepingGpu(self.settings(job)), self.reads_flow is FlowReading.ALL
        return SleepingEngine(self.settings_digest(job, weights), gpu, flow=flow)


SLEEPING = Sleeping("sleeping", flow=False)
SLEEPING_FLOW = Sleeping("sleeping_flow", flow=True)
