"""Ranges and combinations of settings that types cannot express."""

import math
from collections.abc import Iterator

from reelmend.pipelines.choices import Codec, Mode, WorkRegion
from reelmend.pipelines.config import (
    AUTO_FLOW,
    AUTO_SIDE,
    CostConfig,
    JobConfig,
    LimitsConfig,
    OutpaintConfig,
    ProcessConfig,
)
from reelmend.pipelines.engines.device import device_problems
from reelmend.pipelines.engines.flow_registry import flow_methods, unknown_method
from reelmend.pipelines.engines.registry import find_spec, own_sections, unknown_engine
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.media.frame_range import range_of
from reelmend.pipelines.media.masks.expression import is_expression, read_expression
from reelmend.pipelines.media.masks.over_time import LONGEST
from reelmend.pipelines.media.rates import exact_rate
from reelmend.pipelines.utils.text import is_writable, shown

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
SMALLEST_PIECE_BYTES = 5 << 20
"""What S3 takes as a piece of an upload that is not its last."""
SLOWEST_RATE, FASTEST_RATE = 0.001, 1000.0
LARGEST_DILATION_PX = 4096
"""A pixel takes a pass over the mask: a manifest's override must not keep a worker for hours."""
LARGEST_FRAME_PX = 268_435_456
"""What FFmpeg takes at most (16384 x 16384)."""
LARGEST_SCALE = 4.0
"""Above this most of the output would be invented."""

REGION_MARGIN_STEP_PX = 8
"""What the networks' sides are multiples of."""
LEAST_REGION_MARGIN_PX = 40
"""A window of the generator looks three tokens of 12 pixels beyond itself; with less, a hole touches its region's edge."""

Problem = tuple[tuple[str, ...], str]
"""The keys at fault, the one to name first, and what is wrong."""


def find_problems(job: JobConfig) -> Iterator[Problem]:
    """Yield every value that is out of range, or that does not go with another one."""
    plan = job.plan
    yield from _rate("input.image_rate", job.input.image_rate)
    yield from _frames(job.frames)
    yield from _masks(job.input.masks)
    yield from _at_least("flow.segment_length", job.flow.segment_length, 1)
    if job.flow.method not in {AUTO_FLOW, *flow_methods()}:
        yield ("flow.method",), unknown_method(job.flow.method)
    yield from _between("mask.dilation", job.mask.dilation, 0, LARGEST_DILATION_PX)
    yield from _limits(job.limits)
    yield from _at_least("plan.chunk_length", plan.chunk_length, 1)
    yield from _at_least("plan.block_length", plan.block_length, 2)
    yield from _at_least("plan.sample", plan.sample, 1)
    yield from _at_least("plan.overlap", plan.overlap, 0)
    yield from _engines(job)
    yield from ((("device",), problem) for problem in device_problems(job))
    yield from _region(job)
    yield from _at_least("run.workers", job.run.workers, 0)
    yield from _at_least("run.attempts", job.run.attempts, 1)
    yield from _at_least("run.active_items", job.run.active_items, 0)
    yield from _at_least("run.active_bytes", job.run.active_bytes, 0)
    yield from _at_least("run.stop_grace_s", job.run.stop_grace_s, 0)
    if not (math.isfinite(job.run.outage_s) and job.run.outage_s >= 0):
        yield ("run.outage_s",), f"{job.run.outage_s} is not a valid number of seconds"
    yield from _pools(job)
    yield from _at_least("store.cache_bytes", job.store.cache_bytes, 1)
    yield from _at_least("flow_cache.max_bytes", job.flow_cache.max_bytes, 0)
    yield from _at_least("s3.attempts", job.s3.attempts, 1)
    yield from _at_least("s3.piece_bytes", job.s3.piece_bytes, SMALLEST_PIECE_BYTES)
    if not (math.isfinite(job.s3.timeout_s) and job.s3.timeout_s > 0):
        yield ("s3.timeout_s",), f"{job.s3.timeout_s} is not a valid time-out for a request"
    yield from _between("mask.threshold", job.mask.threshold, 0, 254)
    yield from _between("mask.persist", job.mask.persist, 0, LONGEST)
    yield from _between("mask.fade", job.mask.fade, 0, LONGEST)
    yield from _between("find.damage_sensitivity", job.find.damage_sensitivity, 0, 1)
    if job.mask.label is not None:
        yield from _between("mask.label", job.mask.label, 0, 65_535)
    if job.mask.numbered_from is not None:
        yield from _at_least("mask.numbered_from", job.mask.numbered_from, 0)
    yield from _between("metrics.port", job.metrics.port, 0, 65535)
    yield from _between("quality.review_below", job.quality.review_below, 0, 1)
    if job.refine.below is not None:
        yield from _between("refine.below", job.refine.below, 0, 1)
    yield from _between("stitch.crf", job.stitch.crf, 0, 51)
    yield from _process(job.process, job.mode)
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
        yield ("name",), "is empty; name the run"
    if not job.out.strip():
        yield ("out",), "is empty; name the folder of the outputs"
    for key, text in (("out", job.out), ("input.manifest", job.input.manifest), ("input.masks", job.input.masks)):
        if text and not is_writable(text):
            yield (key,), f"'{shown(text)}' is not UTF-8; rename it"


def find_contradictions(job: JobConfig) -> Iterator[Problem]:
    """Yield what one part of a whole job says against another; an item may turn off what the job says for all."""
    scales = {"outpaint.scale_w": job.outpaint.scale_w, "outpaint.scale_h": job.outpaint.scale_h}
    larger = [key for key, scale in scales.items() if 1 < scale <= LARGEST_SCALE]
    if job.mode != Mode.outpaint and larger and not job.input.manifest:  # a manifest's rows may choose the mode
        yield (larger[0], "mode"), f"is set, but mode is {job.mode}; add mode=outpaint"
    yield from _of_masks(job)


def _of_masks(job: JobConfig) -> Iterator[Problem]:
    if job.mode is not Mode.masks:
        return
    if job.frames is not None:
        yield ("frames", "mode"), "masks are made for whole videos; leave out frames"
    if job.stitch.codec not in (Codec.ffv1, Codec.png):
        yield ("stitch.codec", "mode"), f"{job.stitch.codec} changes masks; use ffv1 or png"


def _rate(key: str, written: str) -> Iterator[Problem]:
    try:
        rate = exact_rate(written)
    except ValueError as exc:
        yield (key,), str(exc)
        return
    if not SLOWEST_RATE <= rate <= FASTEST_RATE:
        yield (key,), f"{written} is outside {SLOWEST_RATE:g}..{FASTEST_RATE:g}"


def _frames(written: str | None) -> Iterator[Problem]:
    try:
        range_of(written)
    except ConfigError as exc:
        yield ("frames",), str(exc)


def _masks(written: str | None) -> Iterator[Problem]:
    try:
        read_expression(written) if written is not None and is_expression(written) else None
    except ConfigError as exc:
        yield ("input.masks",), str(exc)


def _engines(job: JobConfig) -> Iterator[Problem]:
    if find_spec(job.engine) is None:
        yield ("engine",), unknown_engine(job.engine)
    for spec in own_sections():
        for setting, what in spec.find_problems(spec.settings(job)):
            yield (f"{spec.name}.{setting}",), what


def _region(job: JobConfig) -> Iterator[Problem]:
    margin, spec = job.process.region_margin, find_spec(job.engine)
    if margin and (margin < LEAST_REGION_MARGIN_PX or margin % REGION_MARGIN_STEP_PX):
        step = f"a multiple of {REGION_MARGIN_STEP_PX} of {LEAST_REGION_MARGIN_PX} pixels or more"
        yield ("process.region_margin",), f"{margin} is not {step} (0 means the engine's own)"
    if job.process.region is WorkRegion.hole and spec is not None and not spec.in_regions:
        yield ("process.region", "engine"), f"hole: engine {spec.name} needs whole frames; use frame or auto"


def _limits(limits: LimitsConfig) -> Iterator[Problem]:
    yield from _between("limits.pixels", limits.pixels, SMALLEST_SIDE_PX**2, LARGEST_FRAME_PX)
    yield from _at_least("limits.frames", limits.frames, 0)
    for name, seconds in (("duration_s", limits.duration_s), ("task_s", limits.task_s), ("still_s", limits.still_s)):
        if not (math.isfinite(seconds) and seconds >= 0):
            yield (f"limits.{name}",), f"{seconds} is not a valid number of seconds; use 0 for no limit"
    for name, seconds in (("probe_s", limits.probe_s), ("look_s", limits.look_s)):
        if not (math.isfinite(seconds) and seconds > 0):
            yield (f"limits.{name}",), f"{seconds} is too short to read a video"


def _costs(cost: CostConfig) -> Iterator[Problem]:
    for name in ("price_per_gpu_hour", "price_per_cpu_hour", "price_per_gb_month"):
        price = getattr(cost, name)
        if not (math.isfinite(price) and price >= 0):
            yield (f"cost.{name}",), f"{price} is not a valid price"
    if not 0 <= cost.refined <= 1:
        yield ("cost.refined",), f"{cost.refined} is not a share between 0 and 1"
    if any(pool < 1 for pool in cost.pools):
        yield ("cost.pools",), f"{cost.pools} contains a number below 1"


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


def _pools(job: JobConfig) -> Iterator[Problem]:
    pools, workers = job.pools, job.run.workers
    for key in ("inpaint_min", "inpaint_max", "flow_min", "flow_max", "grace_s", "start_timeout_s"):
        yield from _at_least(f"pools.{key}", getattr(pools, key), 0)
    for stage, least, most in (
        ("inpaint", pools.inpaint_min, pools.inpaint_max or workers),
        ("flow", pools.flow_min, pools.flow_max),
    ):
        if 0 < most < least:
            yield (
                (f"pools.{stage}_min", f"pools.{stage}_max"),
                f"{least} is above the maximum number of workers, {most}",
            )
    if workers and pools.inpaint_max and workers != pools.inpaint_max:
        yield ("pools.inpaint_max", "run.workers"), f"{pools.inpaint_max} and {workers} contradict each other; set one"
    if pools.autoscaling and not (pools.inpaint_max or workers):
        yield ("pools.autoscaling", "pools.inpaint_max"), "needs pools.inpaint_max, the number of workers to request"


def _at_least(key: str, value: float, least: int) -> Iterator[Problem]:
    if value < least:
        yield (key,), f"{value} is below {least}"


def _between(key: str, value: float, least: int, most: int) -> Iterator[Problem]:
    if not least <= value <= most:
        yield (key,), f"{value} is outside {least}..{most}"


def _process(process: ProcessConfig, mode: Mode) -> Iterator[Problem]:
    if isinstance(process.max_side, int):
        yield from _side("process.max_side", process.max_side)
    elif process.max_side != AUTO_SIDE:
        yield ("process.max_side",), f"'{process.max_side}' is not a whole number or {AUTO_SIDE}"
    elif mode is Mode.outpaint:
        yield ("process.max_side", "mode"), f"{AUTO_SIDE} is for mode=inpaint; set a number of pixels"
    yield from _at_least("process.auto_least", process.auto_least, SMALLEST_SIDE_PX)
    yield from _side("process.auto_most", process.auto_most)
    if 0 < process.auto_most < process.auto_least:
        yield (
            ("process.auto_most", "process.auto_least"),
            f"{process.auto_most} is less than process.auto_least ({process.auto_least})",
        )


def _side(key: str, value: int) -> Iterator[Problem]:
    if value != 0 and value < SMALLEST_SIDE_PX:
        yield (key,), f"{value} is below {SMALLEST_SIDE_PX} pixels (0 means the source's size)"
