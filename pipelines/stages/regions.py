"""Regions of an item's blocks, by the track of holes that its probe recorded."""

from collections.abc import Callable
from functools import cache

from reelmend.core_model.regions import Region
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.region_sizes import regions_for, rule_of
from reelmend.pipelines.engines.registry import works_in_regions
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.tasks import Block

RegionFinder = Callable[[Block], tuple[Region, ...]]


def region_finder(record: ProbeRecord, job: JobConfig) -> RegionFinder:
    """Return a function that says what of the frame a block is computed on, nothing for all of it."""
    if not works_in_regions(job):
        return lambda block: ()
    return _of_shots(record, job) if rule_of(job).of_shot else _of_blocks(record, job)


def _of_blocks(record: ProbeRecord, job: JobConfig) -> RegionFinder:
    """A block's regions are those of the holes that it sees."""
    boxes = record.mask.track.boxes
    return lambda block: regions_for(boxes(block.seen_start, block.seen_stop), record.size, job)


def _of_shots(record: ProbeRecord, job: JobConfig) -> RegionFinder:
    """A shot's regions are those of all its holes; a block has those that hold one of its own.

    The track is that of tiles: the box around the whole mask says exactly where the outermost holes end.
    """
    track, outermost = record.mask.track, Region(*record.mask.box)

    @cache
    def of_shot(start: int, stop: int) -> tuple[Region, ...]:
        exact = (box.within(outermost) for box in track.boxes(start, stop))
        return regions_for([box for box in exact if box is not None], record.size, job)

    def of_block(block: Block) -> tuple[Region, ...]:
        own = track.boxes(block.kept_start, block.kept_stop)
        regions = of_shot(block.shot_start, block.shot_stop)
        return tuple(region for region in regions if any(region.overlaps(box) for box in own))

    return of_block
