"""Sizes at which a video is restored and its flow computed."""

from reelmend.pipelines.config import JobConfig

Size = tuple[int, int]
"""(width, height) in pixels."""


def fit(size: Size, max_side: int) -> Size:
    """Return `size` scaled down so that its longest side is at most `max_side` (0: unlimited); never enlarged."""
    longest = max(size)
    if not max_side or longest <= max_side:
        return size
    return max(1, round(size[0] * max_side / longest)), max(1, round(size[1] * max_side / longest))


def process_size(source: Size, job: JobConfig) -> Size:
    return fit(source, job.process.max_side)


def flow_size(source: Size, job: JobConfig) -> Size:
    return fit(process_size(source, job), job.flow.max_side)
