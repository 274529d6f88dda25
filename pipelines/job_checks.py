"""Which values of a job make sense? The ranges that types cannot say."""

import math
from collections.abc import Iterator

from pipelines.config import CostConfig, JobConfig, Mode, OutpaintConfig

SPEEDS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
)
SMALLEST_SIDE_PX = 16
"""Below this there is nothing that flow could be measured on."""
LARGEST_SCALE = 4.0
"""Above this most of the output would be invented."""

Problem = tuple[tuple[str, ...], str]
"""The keys at fault, the one to name first, and what is wrong."""


def find_problems(job: JobConfig) -> Iterator[Problem]:
    """Yield every value that is out of range, or that does not go with another one."""
    plan = job.plan
    yield from _at_least("flow.segment_length", job.flow.segment_length, 1)
    yield from _at_least("mask.dilation", job.mask.dilation, 0)
    yield from _at_least("plan.chunk_length", plan.chunk_length, 1)
    yield from _at_least("plan.block_length", plan.block_length, 2)
    yield from _at_least("plan.sample", plan.sample, 1)
    yield from _at_least("plan.overlap", plan.overlap, 0)
    yield from _at_least("propainter.subvideo_length", job.propainter.subvideo_length, 2)
    yield from _at_least("propainter.neighbor_length", job.propainter.neighbor_length, 1)
    yield from _at_least("propainter.ref_stride", job.propainter.ref_stride, 1)
    yield from _at_least("propainter.raft_iterations", job.propainter.raft_iterations, 1)
    yield from _at_least("propainter.window_batch", job.propainter.window_batch, 0)
    yield from _at_least("run.workers", job.run.workers, 0)
    yield from _at_least("run.attempts", job.run.attempts, 1)
    yield from _at_least("run.active_items", job.run.active_items, 0)
    yield from _at_least("store.cache_bytes", job.store.cache_bytes, 1)
    yield from _at_least("s3.attempts", job.s3.attempts, 1)
    yield from _between("mask.threshold", job.mask.threshold, 0, 254)
    yield from _between("metrics.port", job.metrics.port, 0, 65535)
    yield from _between("stitch.crf", job.stitch.crf, 0, 51)
    yield from _side("process.max_side", job.process.max_side)
    yield from _side("flow.max_side", job.flow.max_side)
    yield from _scales(job.outpaint, job.mode)
    yield from _costs(job.cost)
    if not (math.isfinite(plan.shot_threshold) and 0 < plan.shot_threshold <= 255):
        yield ("plan.shot_threshold",), f"{plan.shot_threshold} is outside 0 (excluded) .. 255"
    if plan.overlap >= 0 and 2 <= plan.block_length < 4 * plan.overlap:
        yield (
            ("plan.block_length", "plan.overlap"),
            f"{plan.block_length} is less than four times plan.overlap ({plan.overlap}), so neighbouring blocks would "
            f"reach into each other's cross-fade; use at least {4 * plan.overlap}",
        )
    if job.stitch.speed not in SPEEDS:
        yield ("stitch.speed",), f"'{job.stitch.speed}' is not one of {', '.join(SPEEDS)}"
    if not job.name.strip():
        yield ("name",), "is empty; give the run a name"
    if not job.out.strip():
        yield ("out",), "is empty; name the folder of the outputs"


def _costs(cost: CostConfig) -> Iterator[Problem]:
    prices = {"cost.price_per_gpu_hour": cost.price_per_gpu_hour, "cost.price_per_cpu_hour": cost.price_per_cpu_hour}
    for key, price in prices.items():
        if not (math.isfinite(price) and price >= 0):
            yield (key,), f"{price} is no price"
    if any(pool < 1 for pool in cost.pools):
        yield ("cost.pools",), f"{cost.pools} holds a number below 1"


def _scales(outpaint: OutpaintConfig, mode: Mode) -> Iterator[Problem]:
    scales = {"outpaint.scale_w": outpaint.scale_w, "outpaint.scale_h": outpaint.scale_h}
    wrong = {key: scale for key, scale in scales.items() if not 1 <= scale <= LARGEST_SCALE}
    for key, scale in wrong.items():
        yield (key,), f"{scale} is outside 1..{LARGEST_SCALE:g}"
    if mode == Mode.outpaint and not wrong and set(scales.values()) == {1.0}:
        yield (
            ("mode", *scales),
            "outpaint needs outpaint.scale_w or outpaint.scale_h above 1",
        )


def _at_least(key: str, value: int, least: int) -> Iterator[Problem]:
    if value < least:
        yield (key,), f"{value} is below {least}"


def _between(key: str, value: int, least: int, most: int) -> Iterator[Problem]:
    if not least <= value <= most:
        yield (key,), f"{value} is outside {least}..{most}"


def _side(key: str, value: int) -> Iterator[Problem]:
    if value != 0 and value < SMALLEST_SIDE_PX:
        yield (key,), f"{value} is below {SMALLEST_SIDE_PX} pixels (0 means the source's size)"
