"""Can this item be restored, and what does that take?

Digests the content, decodes the video once (so that damage is found before work is spent on it), checks the mask
against it, cuts shots and plans. An item whose output is there already, made from the same content by the same
settings, needs nothing more; one whose mask is empty is copied.
"""

import shutil
from dataclasses import replace

import av

from core_model.progress import PROGRESS
from core_model.regions import Region, regions_around
from pipelines.cache.flow_cache import expected_bytes
from pipelines.canvas.canvas import canvas_of, canvas_settings
from pipelines.canvas.masks import inspect_canvas_masks
from pipelines.config import JobConfig
from pipelines.copies import copy_place
from pipelines.cost.worked import worked_of_plan
from pipelines.engines import lay_shots, reads_all_flow, works_in_regions
from pipelines.errors import MaskError, MediaError
from pipelines.identity import digest_of
from pipelines.media.framing import on_canvas
from pipelines.media.info import inspect_video
from pipelines.media.rates import exact_rate
from pipelines.media.remux import try_copies
from pipelines.media.source import list_images
from pipelines.plan import flow_pixels, masked_ranges, plan_frames
from pipelines.publish import staged
from pipelines.shots import ShotFinder
from pipelines.sizes import margin_of
from pipelines.stages.desk import Desk
from pipelines.stages.digests import Seen, see, see_mask
from pipelines.stages.finished import find_finished, rate_told, record_finished
from pipelines.stages.record import ProbeRecord
from pipelines.stages.steady import sources_of, unwritten
from pipelines.stages.there_before import Way
from pipelines.still_ranges import StillFinder
from pipelines.tasks import Item, ItemPlan, Receipt, Task

PROBE_VERSION = 5
"""Raise it when a probe records something else, so that old records are not read."""


def probe(task: Task, desk: Desk) -> Receipt:
    item, job = task.item, desk.settings(task.item)
    if item.problem:
        raise MediaError(item.problem)
    video = see(item.video, desk)
    if video is None:
        raise MediaError(f"{item.video}: no such video")
    mask = see_mask(item, desk)
    if mask is None:
        raise MaskError(f"{item.video}: its mask {item.mask} does not exist")
    finished = find_finished(item, (video, mask), desk)
    if finished is not None:
        return finished.receipt(item, job)

    Way(item, item.output, (video.digest, mask.digest), desk).refuse_early()
    masking = (mask.digest, job.mask, canvas_settings(job))
    facts = (PROBE_VERSION, video.digest, masking, _shot_settings(job), rate_told(item, job))
    probe_key = f"probes/{digest_of('probe', *facts)}"
    record = desk.find_record(probe_key)
    reused = record is not None
    if record is None:
        with unwritten(sources_of(item, video, mask), (video, mask), desk):
            record = _inspect(item, job, video.digest, mask.digest, desk)
        desk.save_record(probe_key, record)
    if not record.mask.masked:
        return _leave_untouched(task, record, (video, mask), desk)
    mended = try_copies(record.info, job.stitch)
    plan = replace(_plan(record, probe_key, job), video_stamp=video.stamp, mask_stamp=mask.stamp)
    note = "; ".join([*record.info.notes, *mended])
    found = record.facts() | worked_of_plan(plan, record.size, job).facts()
    return Receipt(task.id, reused=reused, frames=record.info.frames, plan=plan, note=note, facts=found)


def _shot_settings(job: JobConfig) -> tuple[bool, float]:
    return job.plan.shots, job.plan.shot_threshold


def _inspect(item: Item, job: JobConfig, video_digest: str, mask_digest: str, desk: Desk) -> ProbeRecord:
    finder = ShotFinder(job.plan.shot_threshold) if job.plan.shots else None
    still = StillFinder()

    def on_frame(index: int, frame: av.VideoFrame) -> None:
        PROGRESS.frame()
        still.see(index, frame)
        if finder is not None:
            finder.see(index, frame)

    rate = exact_rate(rate_told(item, job) or job.input.image_rate)
    info = inspect_video(desk.local(item.video), on_frame=on_frame, folder_rate=rate)
    canvas = canvas_of(info, job)
    on_canvas(info, canvas)  # raises where that is too large
    mask_path = None if item.mask is None else desk.local(item.mask)
    mask = inspect_canvas_masks(mask_path, info, job.mask, canvas)
    shots = finder.shots() if finder is not None else [(0, info.frames)]
    return ProbeRecord(info, video_digest, mask_digest, mask, tuple(shots), still.ranges())


def _plan(record: ProbeRecord, probe_key: str, job: JobConfig) -> ItemPlan:
    frames, masked = record.info.frames, record.mask.masked
    in_regions, margin_px = works_in_regions(job), margin_of(record.size, job)

    def regions(start: int, stop: int) -> tuple[Region, ...]:
        return regions_around(record.mask.track.boxes(start, stop), record.size, margin_px) if in_regions else ()

    segments, chunks = plan_frames(
        frames,
        lay_shots(job, record.shots, masked, frames),
        masked_ranges(masked, frames),
        chunk_length=job.plan.chunk_length,
        segment_length=job.flow.segment_length,
        regions=regions,
        still=() if reads_all_flow(job) else record.still,
    )
    scheduled = [segment for segment in segments if not segment.on_demand]
    flow_bytes = expected_bytes(flow_pixels(scheduled, record.size, job))
    return ItemPlan(probe_key, record.info.frames, *canvas_of(record.info, job).size, segments, chunks, flow_bytes)


def _leave_untouched(task: Task, record: ProbeRecord, sources: tuple[Seen, Seen], desk: Desk) -> Receipt:
    """Copy the source as it is, under the item's name with the source's own suffix."""
    source = desk.local(task.item.video)
    output = copy_place(task.item, is_folder=source.is_dir())
    video, way = (
        sources_of(task.item, *sources)[:1],
        Way(task.item, output, (sources[0].digest, sources[1].digest), desk),
    )
    with staged(output, desk.files, desk.context.cache_dir, way.make) as copy, unwritten(video, sources, desk):
        if source.is_dir():
            copy.mkdir(parents=True)
            for image in list_images(source):  # whatever else lies or is linked there is no part of the video
                shutil.copyfile(image, copy / image.name)
        else:
            shutil.copyfile(source, copy)
    why = "; ".join(("the mask is empty", *record.mask.notes))
    note = f"{why}: the source was copied unchanged to {output}"
    done = record_finished(task.item, "untouched", output, sources, note, record.facts(), desk)
    way.end()
    note = "; ".join(filter(None, [note, way.note]))
    return Receipt(task.id, frames=record.info.frames, final="untouched", note=note, facts=done.facts | way.facts)
