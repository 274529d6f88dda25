"""Area of an item's frames that is worked on: all of it, or the regions around its holes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from reelmend.core_model.regions import Region
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.region_sizes import measured_size, restored_size
from reelmend.pipelines.media.sizes import Size, flow_size, process_size
from reelmend.pipelines.tasks import Block, ItemPlan, Segment

_FACT = "worked_"


@dataclass(frozen=True)
class Worked:
    """Averages over an item, or over many."""

    restored: float = 1.0
    """Share of the pixels that are given to the engine, of those it would be given of whole frames."""
    flow: float = 1.0
    """Likewise of those that flow is measured on, a pair and region."""
    regions: float = 1.0
    """Times that a pair of frames is read for its flow: once for each region, never where the camera stands still."""

    def facts(self) -> dict[str, float]:
        """Return what an item's row says of it; `worked_of_facts` reads it."""
        return {_FACT + name: round(value, 4) for name, value in asdict(self).items()}


WHOLE = Worked()


def worked_of_facts(facts: Mapping[str, Any]) -> Worked:
    """Inverse of `Worked.facts`; an item that says nothing was worked on whole."""
    return Worked(**{name: float(facts.get(_FACT + name, value)) for name, value in asdict(WHOLE).items()})


def worked_of_regions(regions: Sequence[Region], source: Size, job: JobConfig) -> Worked:
    """Return what an item is worked on that has the same holes in all frames; see `reelmend.core_model.regions`."""
    if not regions:
        return WHOLE
    restored = sum(_area(restored_size(region, source, job)) for region in regions)
    flow = sum(_area(measured_size(region, source, job)) for region in regions)
    shares = restored / _area(process_size(source, job)), flow / len(regions) / _area(flow_size(source, job))
    return Worked(*shares, float(len(regions)))


def worked_of_plan(plan: ItemPlan, source: Size, job: JobConfig) -> Worked:
    """Return what an item is worked on that was laid out."""
    blocks = [block for chunk in plan.chunks for block in chunk.blocks]
    worked = _worked_in_regions(plan, blocks, source, job) if any(block.regions for block in blocks) else WHOLE
    pairs = sum(segment.stop - segment.start for segment in plan.segments)
    measured = sum(segment.stop - segment.start for segment in plan.segments if not segment.on_demand)
    return replace(worked, regions=worked.regions * measured / pairs) if pairs else worked


def _worked_in_regions(plan: ItemPlan, blocks: Sequence[Block], source: Size, job: JobConfig) -> Worked:
    whole = restored = 0
    for block in blocks:
        seen = block.seen_stop - block.seen_start
        whole += seen * _area(process_size(source, job))
        restored += seen * sum(_area(restored_size(region, source, job)) for region in block.places)
    needed = {pair for block in blocks for pair in range(block.seen_start, block.seen_stop - 1)}
    pairs = sum(segment.stop - segment.start for segment in plan.segments)
    flow = flow_pixels(plan.segments, source, job) / (pairs * _area(flow_size(source, job))) if pairs else 1.0
    return Worked(restored / whole, flow, pairs / len(needed) if needed else 1.0)


def flow_pixels(segments: Sequence[Segment], source: Size, job: JobConfig) -> int:
    """Return how many pixels all pairs of the segments have together, at the sizes that flow is measured at."""
    sizes = ((segment, measured_size(segment.region, source, job)) for segment in segments)
    return sum((segment.stop - segment.start) * width * height for segment, (width, height) in sizes)


def mean_worked(known: Sequence[tuple[Worked, float]]) -> Worked | None:
    """Return the weighted mean, None of nothing."""
    whole = sum(weight for _, weight in known)
    if not whole:
        return None
    restored, flow, regions = (
        sum(getattr(worked, name) * weight for worked, weight in known) / whole
        for name in ("restored", "flow", "regions")
    )
    return Worked(restored, flow, regions)


def _area(size: Size) -> int:
    return size[0] * size[1]
