"""Regions of a job: where they are around holes, and the sizes at which they are restored and their flow is measured."""

from collections.abc import Iterable

from reelmend.core_model.regions import Region, RegionRule, regions_around
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import engine_of, works_in_regions
from reelmend.pipelines.media.sizes import Size, fit, process_size


def rule_of(job: JobConfig) -> RegionRule:
    """Return how the regions of the job's engine are laid, with the job's own margin."""
    return engine_of(job).region_rule.with_margin(job.process.region_margin)


def regions_for(boxes: Iterable[Region], source: Size, job: JobConfig) -> tuple[Region, ...]:
    """Return what of the frame is worked on for holes inside these boxes, none for all of it."""
    if not works_in_regions(job):
        return ()
    return regions_around(boxes, source, rule_of(job), max(source) / max(process_size(source, job)))


def restored_size(region: Region | None, source: Size, job: JobConfig) -> Size:
    """Return the size at which a region of the source is restored; None: the whole.

    It is as fine as the whole would be; by a rule of `own_size` as fine as the source, unless the region is longer or
    larger than the whole is when it is restored.
    """
    whole = process_size(source, job)
    if region is None:
        return whole
    width, height = region.size
    scale = max(whole) / max(source)
    if rule_of(job).own_size:
        longest, area = max(whole) / max(region.size), whole[0] * whole[1] / region.area
        scale = max(scale, min(1.0, longest, area**0.5))
    return max(1, round(width * scale)), max(1, round(height * scale))


def measured_size(region: Region | None, source: Size, job: JobConfig) -> Size:
    """Return the size at which flow is measured on a region: as fine as it is restored, unless that is too large."""
    return fit(restored_size(region, source, job), job.flow.max_side)
