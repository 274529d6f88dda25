"""Sizes at which a video is restored and its flow computed."""

import math
from dataclasses import replace

from reelmend.core_model.regions import MARGIN_PX, Region
from reelmend.pipelines.config import AUTO_SIDE, JobConfig

Size = tuple[int, int]
"""(width, height) in pixels."""


def fit(size: Size, max_side: int) -> Size:
    """Return `size` scaled down so that its longest side is at most `max_side` (0: unlimited); never enlarged."""
    longest = max(size)
    if not max_side or longest <= max_side:
        return size
    return max(1, round(size[0] * max_side / longest)), max(1, round(size[1] * max_side / longest))


def chooses_side(job: JobConfig) -> bool:
    """Whether each video's own detail says at which size its holes are restored."""
    return job.process.max_side == AUTO_SIDE


def with_side(job: JobConfig, side: int | None) -> JobConfig:
    """Return the job with the longest side that was chosen for a video; None: the job's own."""
    return job if side is None else replace(job, process=replace(job.process, max_side=side))


def process_size(source: Size, job: JobConfig) -> Size:
    """Return the size at which a video is restored; the largest that it may be, where that is not chosen yet."""
    side = job.process.max_side
    return fit(source, side if isinstance(side, int) else job.process.auto_most)


def flow_size(source: Size, job: JobConfig) -> Size:
    return fit(process_size(source, job), job.flow.max_side)


def restored_size(region: Region | None, source: Size, job: JobConfig) -> Size:
    """Return the size at which a region of the source is restored: as fine as the whole would be; None: the whole."""
    if region is None:
        return process_size(source, job)
    scale = max(process_size(source, job)) / max(source)
    width, height = region.size
    return max(1, round(width * scale)), max(1, round(height * scale))


def measured_size(region: Region | None, source: Size, job: JobConfig) -> Size:
    """Return the size at which flow is measured on a region: as fine as it is restored, unless that is too large."""
    return fit(restored_size(region, source, job), job.flow.max_side)


def margin_of(source: Size, job: JobConfig) -> int:
    """Return how many pixels of the source lie around a hole in its region: a fixed number of those restored."""
    return math.ceil(MARGIN_PX * max(source) / max(process_size(source, job)))
