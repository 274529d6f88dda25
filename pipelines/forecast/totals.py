"""Totals of a forecast: from sums and rates to bytes, hours, price, time, and doubts."""

from dataclasses import fields

from reelmend.pipelines.choices import StillFrames
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import count_work, hybrid_of, still_frames
from reelmend.pipelines.engines.worked_area import WHOLE, mean_worked
from reelmend.pipelines.forecast.rates import ChosenRates, codec_name
from reelmend.pipelines.forecast.result import CPU, Forecast, bill
from reelmend.pipelines.forecast.speed import Pixels, Speed, bytes_per_pixel
from reelmend.pipelines.forecast.sums import Group, Hole, Sums, pixels_of
from reelmend.pipelines.media.sizes import chooses_side
from reelmend.pipelines.storage.flow_cache.codec import BYTES_PER_VALUE
from reelmend.pipelines.tasks import Stage

FLOW_BYTES_PER_PIXEL = 4 * BYTES_PER_VALUE
"""Of both directions of a pair of frames, where no rates say it; measured on hand-held film."""
PART_BYTES_PER_PIXEL = 1.3
"""Of a missing pixel, likewise."""


def conclude(
    sums: Sums, rates: ChosenRates | None, *, items: int, looked_at: int, unknown: int, quarantined: float
) -> Forecast:
    """Return the forecast. `unknown` items are in no sum; `quarantined` as estimated from those looked at."""
    job, groups, missing = sums.job, sums.groups, sums.missing
    doubts = _doubts(sums, rates, unknown)
    hole = _assumed_hole(sums, rates)
    flow_pixels = sum(group.pixels(hole).flow for group in groups) * 1e6
    output_pixels = sum(group.frames * group.canvas.width * group.canvas.height for group in groups)
    counted = Forecast(
        items=items,
        looked_at=looked_at,
        unknown=unknown,
        quarantined=round(quarantined),
        frames=round(sum(group.frames for group in groups)),
        frames_error=round(sums.frames_error),
        work_error=sums.work_error,
        segments=round(sum(group.segments for group in groups) * hole.worked.regions),
        chunks=round(sum(group.chunks for group in groups)),
        missing=missing,
        flow_bytes=round(flow_pixels * flow_bytes_per_pixel(rates)),
        part_bytes=None if missing is None else round(output_pixels * missing * part_bytes_per_pixel(rates)),
        output_bytes=_output_bytes(output_pixels, rates, job),
        currency=job.cost.currency,
        price_per_cpu_hour=job.cost.price_per_cpu_hour,
        price_per_gpu_hour=job.cost.price_per_gpu_hour,
        doubts=doubts,
    )
    return counted if rates is None else _with_hours(counted, groups, rates, job, hole)


def flow_bytes_per_pixel(rates: ChosenRates | None) -> float:
    found = None if rates is None else bytes_per_pixel(rates.rates, "flow_bytes_per_pixel")
    return FLOW_BYTES_PER_PIXEL if found is None else found


def part_bytes_per_pixel(rates: ChosenRates | None) -> float:
    found = None if rates is None else bytes_per_pixel(rates.rates, "part_bytes_per_pixel")
    return PART_BYTES_PER_PIXEL if found is None else found


def _output_bytes(pixels: float, rates: ChosenRates | None, job: JobConfig) -> int | None:
    each = None if rates is None else bytes_per_pixel(rates.rates, "output_bytes_per_pixel", codec_name(job))
    return None if each is None else round(pixels * each)


def _with_hours(counted: Forecast, groups: list[Group], rates: ChosenRates, job: JobConfig, hole: Hole) -> Forecast:
    speed, first = Speed(rates, job.cost.refined), (rates.second or rates).first
    whole = _sum([group.pixels(hole) for group in groups])
    seconds, cpu_seconds = speed.seconds(whole), speed.cpu_seconds(whole)
    making = sum(group.making for group in groups)
    seconds[Stage.PROBE.value] += making
    cpu_seconds[Stage.PROBE.value] += making
    on_gpu, gpus = first.device != CPU, first.gpus_per_worker
    due = bill(seconds, cpu_seconds, job.cost, on_gpu=on_gpu, gpus_per_worker=gpus)
    longest = max((_alone(group, speed, hole) for group in groups), default=0.0)
    busy = 3600 * (due.gpu_hours if on_gpu else due.cpu_hours)
    far = [group for group in groups if speed.is_far(group.canvas.width * group.canvas.height / 1e6)]
    size = max(far, key=lambda group: group.frames).canvas.size if far else None
    note = (
        [] if size is None else [f"no measurement near {size[0]}x{size[1]}: its time is scaled by the number of pixels"]
    )
    found = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "cpu_hours": due.cpu_hours,
        "gpu_hours": due.gpu_hours,
        "price": due.price,
        "gpus_per_worker": gpus,
        "pool_seconds": {str(pool): max(busy / pool, longest) for pool in job.cost.pools},
        "longest_item_seconds": longest,
        "machine": first.machine,
        "device": first.device,
        "rates": rates.source,
        "rates_frames": rates.frames,
        "rates_spread": speed.spread,
        "doubts": [*counted.doubts, *rates.doubts, *note],
    }
    return Forecast.from_dict(counted.to_dict() | found)


def _alone(group: Group, speed: Speed, hole: Hole) -> float:
    """Seconds of the longest item with any number of workers: read whole, a chunk with its flow, written whole."""
    frames = group.longest
    whole = count_work(group.job, frames)
    chunk = min(frames, group.job.plan.chunk_length)
    seen = whole.frames_seen * chunk / frames if frames else 0
    read = speed.seconds(pixels_of(group.canvas, group.job, frames=frames, pairs=chunk, seen=seen, hole=hole))
    return sum(read.values()) + (group.making * frames / group.frames if group.frames else 0.0)


def _assumed_hole(sums: Sums, rates: ChosenRates | None) -> Hole:
    """Return what the opened masks are like on average, else those where the rates were measured."""
    missing, worked = sums.missing, sums.worked
    if missing is None:
        missing = 0.0 if rates is None else _assumed_missing(rates)
    if worked is None and rates is not None:
        worked = mean_worked([(rate.worked, rate.frames) for rate in rates.rates])
    return Hole(missing, worked or WHOLE)


def _assumed_missing(rates: ChosenRates) -> float:
    return sum(rate.missing * rate.frames for rate in rates.rates) / max(1, rates.frames)


def _sum(pixels: list[Pixels]) -> Pixels:
    names = [f.name for f in fields(Pixels)]
    return Pixels(**{name: sum(getattr(each, name) for each in pixels) for name in names})


def _doubts(sums: Sums, rates: ChosenRates | None, unknown: int) -> list[str]:
    job, doubts = sums.job, []
    if rates is None:
        where = f" on a machine like {job.cost.machine!r}" if job.cost.machine else ""
        doubts.append(
            f"no rates for the engine {job.engine}{where}, so hours and price are unknown; run `reelmend bench rates`"
        )
    if unknown:
        doubts.append(f"{unknown} items without frames, width and height in the manifest are not in the totals")
    if still_frames(job) is not StillFrames.off:
        doubts.append(
            "equal frames are found when the videos are read; work is counted as if no frame repeated another"
        )
    if chooses_side(job):
        most = job.process.auto_most or "the source's size"
        doubts.append(f"sizes are chosen when the videos are read; work is counted at process.auto_most ({most})")
    if any(group.making for group in sums.groups):
        doubts.append("masks are made when the videos are read: the time is estimated, how much they cover is unknown")
    if (pair := hybrid_of(job)) is not None:
        doubts.append(
            "which blocks are refined is known when they are drafted; chunks and flow are those of the drafts"
        )
        if rates is not None:
            doubts += _doubts_of_hybrid(pair, rates, job)
    if sums.missing is None and rates is not None:
        share = f"{_assumed_missing(rates):.0%}"
        doubts.append(f"no mask was opened; assuming that {share} of the pixels are missing, as in the measured clips")
    return doubts


def _doubts_of_hybrid(pair: tuple[str, str], rates: ChosenRates, job: JobConfig) -> list[str]:
    """Return what hours that were put together from those of two engines assume; of measured ones nothing."""
    first, second = pair
    if rates.first.engine not in pair:
        return []
    if rates.second is None:
        return [
            f"no rates for the engine {second}: hours are those of the drafts ({first}) alone; run `reelmend bench rates`"
        ]
    share = f"{job.cost.refined:.0%}"
    return [
        f"hours are those of {first} for all blocks and of {second} for {share} of them (cost.refined), worked on as by {first}",
        *rates.second.doubts,
    ]
