"""Sizes at which a video is restored and its flow computed."""

from dataclasses import replace

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
