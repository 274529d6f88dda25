"""Probe stage: whether an item can be restored, and the plan for it.

Digests the content, decodes the video once (so that damage is found before work is spent on it), checks the mask
against it, cuts shots and plans. An item whose output is there already, made from the same content by the same
settings, needs nothing more; one whose mask is empty is copied.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace

import av

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.choices import Mode, NothingFound, StillFrames
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.blocks import masked_ranges, plan_frames
from reelmend.pipelines.engines.registry import reads_all_flow, reads_flow, still_frames
from reelmend.pipelines.engines.repeats import with_moving_pairs
from reelmend.pipelines.engines.worked_area import flow_pixels, worked_of_plan
from reelmend.pipelines.errors import MaskError, MediaError
from reelmend.pipelines.job.output_paths import copy_place
from reelmend.pipelines.media.canvas.canvas import canvas_of, canvas_settings
from reelmend.pipelines.media.canvas.framing import on_canvas
from reelmend.pipelines.media.canvas.masks import inspect_canvas_masks, read_canvas_masks
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.item_mask import making_of, mask_settings
from reelmend.pipelines.media.masks.reader import MaskInput, MaskSummary
from reelmend.pipelines.media.rates import exact_rate
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.repeats import REPEATS_VERSION, Distinct, RepeatFinder, with_equal_masks, within_shots
from reelmend.pipelines.media.sizes import chooses_side, with_side
from reelmend.pipelines.media.source import list_images
from reelmend.pipelines.media.still_ranges import StillFinder
from reelmend.pipelines.media.stream_copy import try_copies
from reelmend.pipelines.stages.detail import DETAIL_VERSION, DetailFinder
from reelmend.pipelines.stages.digests import Seen, see, see_mask
from reelmend.pipelines.stages.finished import find_finished, rate_told, record_finished
from reelmend.pipelines.stages.mask_making import make_mask
from reelmend.pipelines.stages.mask_output import write_mask_output
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.range_copy import copy_range
from reelmend.pipelines.stages.regions import blocks_of, region_finder
from reelmend.pipelines.stages.shot_detection import ShotFinder
from reelmend.pipelines.stages.steady import sources_of, unwritten
from reelmend.pipelines.stages.there_before import Way
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.flow_cache.codec import expected_bytes
from reelmend.pipelines.storage.ledger import ItemFacts
from reelmend.pipelines.storage.staging import staged
from reelmend.pipelines.tasks import Item, ItemPlan, ProbeReceipt, ProbeTask
from reelmend.pipelines.utils.hashing import digest_of

PROBE_VERSION = 5
"""Raise it when a probe records something else, so that old records are not read."""


def probe(task: ProbeTask, worker_context: WorkerContext) -> ProbeReceipt:
    item, job = task.item, worker_context.settings(task.item)
    video, mask = see_sources(item, worker_context)
    finished = find_finished(item, (video, mask), worker_context)
    if finished is not None:
        return finished.receipt(item, job)

    Way(item, item.output, (video.digest, mask.digest), worker_context).refuse_early()
    record, probe_key, reused = examine(item, job, (video, mask), worker_context)
    if job.mask.strict and (record.mask.notes or _is_empty_file(item, record)):
        doubts = "; ".join(record.mask.notes) or "it is empty, or its range is outside of the video"
        raise MaskError(f"{item.video}: its mask is doubtful (mask.strict): {doubts}")
    if job.mode is Mode.masks:
        _refuse_nothing_found(item, record, job)
        return write_mask_output(task, record, (video, mask), worker_context)
    frames = record.frames_of(job)
    if frames is not None and not _within(record.mask.masked, frames):
        return copy_range(task, record, frames, (video, mask), worker_context)
    if not record.mask.masked:
        _refuse_nothing_found(item, record, job)
        return _leave_untouched(task, record, (video, mask), worker_context)
    mended = try_copies(record.info, job.stitch)
    plan = replace(plan_of(record, probe_key, job, frames), video_stamp=video.stamp, mask_stamp=mask.stamp)
    note = "; ".join([*record.info.notes, *mended])
    worked = worked_of_plan(plan, record.size, with_side(job, plan.side))
    found = record.facts(frames) | worked.facts() | ItemFacts(restored_side=plan.side).to_map()
    return ProbeReceipt(task.id, reused=reused, frames=plan.frames, plan=plan, note=note, facts=found)


def see_sources(item: Item, worker_context: WorkerContext) -> tuple[Seen, Seen]:
    """Return an item's video and mask as they are now. Raises MediaError, MaskError where one is missing."""
    if item.problem:
        raise MediaError(item.problem)
    video = see(item.video, worker_context)
    if video is None:
        raise MediaError(f"{item.video}: no such video")
    mask = see_mask(item, worker_context)
    if mask is None:
        raise MaskError(f"{item.video}: its mask {item.mask} does not exist")
    if item.mask is not None and mask.digest == video.digest:
        raise MaskError(f"{item.video}: its mask {item.mask} has the same content as the video itself")
    return video, mask


def examine(
    item: Item, job: JobConfig, sources: tuple[Seen, Seen], worker_context: WorkerContext
) -> tuple[ProbeRecord, str, bool]:
    """Return (record, its key in the store, was it there already) of an item; its mask is made where it has to be."""
    video, mask = sources
    masking = (mask.digest, mask_settings(job.mask), canvas_settings(job))
    looking = (DETAIL_VERSION,) if chooses_side(job) else ()
    facts = (PROBE_VERSION, video.digest, masking, _shot_settings(job), rate_told(item, job), *_repeat_settings(job))
    probe_key = f"probes/{digest_of('probe', *facts, *looking)}"
    record = worker_context.find_record(probe_key)
    if record is not None and record.mask_key and not worker_context.store.exists(record.mask_key):
        record = None  # a mask that is made again may be another one
    if record is not None:  # of the same content, maybe under another path, where nothing may be any more
        return replace(record, info=replace(record.info, path=worker_context.local(item.video))), probe_key, True
    with unwritten(sources_of(item, *sources), sources, worker_context):
        record = _inspect(item, job, video.digest, mask.digest, worker_context)
    worker_context.save_record(probe_key, record)
    return record, probe_key, False


def _shot_settings(job: JobConfig) -> tuple[bool, float]:
    return job.plan.shots, job.plan.shot_threshold


def _repeat_settings(job: JobConfig) -> tuple[object, ...]:
    mode = still_frames(job)
    return () if mode is StillFrames.off else ("still_frames", mode, REPEATS_VERSION)


def _inspect(
    item: Item, job: JobConfig, video_digest: str, mask_digest: str, worker_context: WorkerContext
) -> ProbeRecord:
    survey = FrameSurvey(job)

    def on_frame(index: int, frame: av.VideoFrame) -> None:
        PROGRESS.frame()
        survey.see(index, frame)

    rate = exact_rate(rate_told(item, job) or job.input.image_rate)
    info = inspect_video(worker_context.local(item.video), on_frame=on_frame, folder_rate=rate)
    canvas = canvas_of(info, job)
    on_canvas(info, canvas)  # raises where that is too large
    expression = making_of(item, job)
    if expression is None:
        mask_source = worker_context.mask_of(item)
        mask = inspect_canvas_masks(mask_source, info, job.mask, canvas)
        return survey.record(info, video_digest, mask_digest, mask, mask_source)
    made = make_mask(item, expression, job, (info, video_digest), mask_digest, survey.shots(info), worker_context)
    mask = inspect_canvas_masks(made.mask, info, job.mask, canvas)
    mask = replace(mask, notes=(*made.mask.notes, *mask.notes))
    record = survey.record(info, video_digest, mask_digest, mask, made.mask)
    return replace(record, mask_key=made.key, mask_content=made.mask.digest)


class FrameSurvey:
    """What a probe learns from looking at every frame once, in order: shots, where the camera stands still, repeats,
    and detail."""

    def __init__(self, job: JobConfig) -> None:
        self._finder = ShotFinder(job.plan.shot_threshold) if job.plan.shots else None
        self._still = StillFinder()
        self._job = job
        mode = still_frames(job)
        self._repeats = None if mode is StillFrames.off else RepeatFinder(mode)
        self._detail = DetailFinder() if chooses_side(job) else None

    def see(self, index: int, frame: av.VideoFrame) -> None:
        self._still.see(index, frame)
        if self._detail is not None:
            self._detail.see(index, frame)
        if self._finder is not None:
            self._finder.see(index, frame)
        if self._repeats is not None:
            self._repeats.see(index, frame)

    def shots(self, info: VideoInfo) -> list[tuple[int, int]]:
        """Return the ranges [start, stop) between the cuts of a video all of whose frames were seen."""
        return self._finder.shots() if self._finder is not None else [(0, info.frames)]

    def record(
        self,
        info: VideoInfo,
        video_digest: str,
        mask_digest: str,
        mask: MaskSummary,
        mask_source: MaskInput | None,
    ) -> ProbeRecord:
        """Return the record of a video all of whose frames were seen; where it repeats some, masks are read again."""
        shots = self.shots(info)
        detail = self._detail.detail(mask.track, (info.width, info.height)) if self._detail is not None else ()
        still = self._still.ranges()
        record = ProbeRecord(info, video_digest, mask_digest, mask, tuple(shots), still, detail=detail)
        runs = [] if self._repeats is None else self._repeats.ranges()
        if not runs:
            return record
        job, canvas = self._job, canvas_of(info, self._job)
        masks = read_canvas_masks(mask_source, info, mask.as_read(job.mask), canvas, 0, info.frames)
        return replace(record, repeats=within_shots(with_equal_masks(runs, masks), shots))


def _within(ranges: Sequence[tuple[int, int]], frames: tuple[int, int]) -> bool:
    return any(start < frames[1] and frames[0] < stop for start, stop in ranges)


def plan_of(record: ProbeRecord, probe_key: str, job: JobConfig, within: tuple[int, int] | None = None) -> ItemPlan:
    """Return what has to be computed for an item, by what its probe found; `within`: of these frames only."""
    frames, masked, side = record.info.frames, record.mask.masked, record.side_of(job)
    job = with_side(job, side)
    distinct = Distinct(record.repeats, 0, frames)
    blocks = blocks_of(record, job, record.shots)
    segments, chunks = plan_frames(
        frames,
        blocks,
        masked_ranges(masked, frames),
        chunk_length=job.plan.chunk_length,
        segment_length=job.flow.segment_length,
        regions=region_finder(record, job),
        still=() if reads_all_flow(job) else record.still,
        reads_flow=reads_flow(job),
        within=within,
    )
    if record.repeats:
        segments = with_moving_pairs(segments, distinct)
        left = {segment.index for segment in segments}
        chunks = tuple(replace(chunk, segments=tuple(sorted(left.intersection(chunk.segments)))) for chunk in chunks)
    scheduled = [segment for segment in segments if not segment.on_demand]
    flow_bytes = expected_bytes(flow_pixels(scheduled, record.size, job))
    restored = within[1] - within[0] if within else frames
    size = canvas_of(record.info, job).size
    return ItemPlan(probe_key, restored, *size, segments, chunks, flow_bytes, side=side)


def _is_empty_file(item: Item, record: ProbeRecord) -> bool:
    """Whether a mask that was given marks nothing; one that was looked for is `mask.nothing_found`'s matter."""
    return not record.mask.masked and not record.mask_key


def _refuse_nothing_found(item: Item, record: ProbeRecord, job: JobConfig) -> None:
    """Raise MaskError where the job wants a mask to be found and none was."""
    found = record.mask.masked or not (record.mask_key and item.mask_expression)
    if not found and job.mask.nothing_found is NothingFound.fail:
        raise MaskError(
            f"{item.video}: nothing was found by {item.mask_expression}; look at `reelmend mask preview`, or set "
            "mask.nothing_found=copy to keep such videos as they are"
        )


def _leave_untouched(
    task: ProbeTask, record: ProbeRecord, sources: tuple[Seen, Seen], worker_context: WorkerContext
) -> ProbeReceipt:
    """Copy the source as it is, under the item's name with the source's own suffix."""
    source = worker_context.local(task.item.video)
    output = copy_place(task.item, is_folder=source.is_dir())
    video, way = (
        sources_of(task.item, *sources)[:1],
        Way(task.item, output, (sources[0].digest, sources[1].digest), worker_context),
    )
    with (
        staged(output, worker_context.files, worker_context.context.cache_dir, way.make) as copy,
        unwritten(video, sources, worker_context),
    ):
        if source.is_dir():
            copy.mkdir(parents=True)
            for image in list_images(source):  # whatever else is there, or linked there, is not part of the video
                shutil.copyfile(image, copy / image.name)
        else:
            shutil.copyfile(source, copy)
    empty = f"nothing was found by {task.item.mask_expression}" if record.mask_key else "the mask is empty"
    why = "; ".join((empty, *record.mask.notes))
    note = f"{why}: the source was copied unchanged to {output}"
    done = record_finished(task.item, "untouched", output, sources, note, record.facts(), worker_context)
    way.end()
    note = "; ".join(filter(None, [note, way.note]))
    return ProbeReceipt(task.id, frames=record.info.frames, final="untouched", note=note, facts=done.facts | way.facts)
