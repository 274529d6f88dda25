"""Inpaint stage: a chunk becomes parts, block by block."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from reelmend.core_model.device.memory_ladder import GIVE_UP, SMALLER_BLOCK, STEPS, amounts_below
from reelmend.core_model.engine import U8, DeviceFull, WindowCount
from reelmend.core_model.progress import PROGRESS
from reelmend.core_model.quality import FrameQuality, measure_quality
from reelmend.pipelines.config import JobConfig, OutOfMemory
from reelmend.pipelines.engines.plugins import check_restored
from reelmend.pipelines.engines.region_sizes import restored_size, rule_of
from reelmend.pipelines.engines.registry import engine_of, refine_below
from reelmend.pipelines.errors import MemoryShort, NotFinite
from reelmend.pipelines.media.canvas.canvas import canvas_of
from reelmend.pipelines.media.repeats import Distinct
from reelmend.pipelines.media.sizes import Size, flow_size, process_size
from reelmend.pipelines.stages.finished import picture_settings, smaller_is_refused
from reelmend.pipelines.stages.parts import Part, Patch, cut_patch, encode_part, part_key
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.refinement import refined_tasks, score_of
from reelmend.pipelines.stages.shot import VideoShot, shots_of
from reelmend.pipelines.stages.steady import held_to
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import get_or_make
from reelmend.pipelines.storage.flow_cache.usage import FlowUse
from reelmend.pipelines.tasks import Block, InpaintReceipt, InpaintTask, StitchTask
from reelmend.pipelines.utils.logs import LogLine

_ADVICE = {
    OutOfMemory.fail: "lower process.max_side, or set process.out_of_memory=smaller",
    OutOfMemory.smaller: "even the smallest size does not fit: free that GPU's memory, or use a larger GPU",
}

log = logging.getLogger(__name__)


class Chosen(NamedTuple):
    """The part that a block of an item has in the output."""

    part: bytes
    draft: bytes | None = None
    """The part before, where another engine restored the block again."""


def inpaint(task: InpaintTask, worker_context: WorkerContext) -> InpaintReceipt:
    first, second = worker_context.pair or (worker_context, None)
    made, again = [], []
    for block in task.chunk.blocks:
        PROGRESS.begin_piece(block.stop - block.start)
        blob, found = ensure_part(block, task, first)
        made += [] if found else [len(blob)]
        if second is not None and score_of(Part(blob)) < refine_below(worker_context.context.job):
            again.append(block)
    if second is not None and again:
        first.forget()  # its frames: the other engine reads these again, at another time and in other regions
        record, job = worker_context.record(task), second.planned_settings(task)
        for block, its_task in refined_tasks(task, again, record, job):
            PROGRESS.begin_piece(0)
            blob, found = ensure_part(block, its_task, second)
            made += [] if found else [len(blob)]
    _take_flow_use(worker_context)
    return InpaintReceipt(task.id, reused=not made, frames=task.chunk.frames, bytes_written=sum(made))


def chosen_part(block: Block, task: InpaintTask | StitchTask, worker_context: WorkerContext) -> Chosen:
    """Return the part of a block, of a hybrid engine the one of the engine that it goes to; computed where it is absent."""
    if worker_context.pair is None:
        return Chosen(ensure_part(block, task, worker_context)[0])
    first, second = worker_context.pair
    chosen = Chosen(ensure_part(block, task, first)[0])
    if score_of(Part(chosen.part)) < refine_below(worker_context.context.job):
        record, job = worker_context.record(task), second.planned_settings(task)
        [(again, its_task)] = refined_tasks(task, [block], record, job)
        chosen = Chosen(ensure_part(again, its_task, second)[0], draft=chosen.part)
    _take_flow_use(worker_context)
    return chosen


def _take_flow_use(worker_context: WorkerContext) -> None:
    """Count what the engines of a hybrid one had from the flow cache as the task's."""
    for context in worker_context.pair or ():
        worker_context.flow_use += context.flow_use
        context.flow_use = FlowUse()


def ensure_part(block: Block, task: InpaintTask | StitchTask, worker_context: WorkerContext) -> tuple[bytes, bool]:
    """Return (encoded part, was it in the store), computing and publishing it where it is absent or damaged.

    A part that was restored smaller is as good as absent where the job does not allow that.
    """
    record, job = worker_context.record(task), worker_context.planned_settings(task)
    key = part_key(
        record.video_digest,
        record.mask_digest,
        picture_settings(job),
        flow_size(record.size, job),
        worker_context.flow.digest,
        worker_context.engine.digest,
        block,
        *_repeats_of(block, record),
        *([("made mask", record.mask_content)] if record.mask_content else []),
    )
    part, found = get_or_make(worker_context.store, key, lambda: _make_held(block, task, worker_context))
    if found and smaller_is_refused(job) and Part(part).side:
        part, found = _make_held(block, task, worker_context), False
        worker_context.store.put(key, part)
    return part, found


def _repeats_of(block: Block, record: ProbeRecord) -> list[object]:
    """Return what its part's key says of frames that repeat others in its shot; nothing where none do."""
    runs = Distinct(record.repeats, block.shot_start, block.shot_stop).repeats(block.shot_start, block.shot_stop)
    return [("repeats", runs)] if runs else []


def _make_held(block: Block, task: InpaintTask | StitchTask, worker_context: WorkerContext) -> bytes:
    with held_to(worker_context.record(task), worker_context, mask=True):
        return _make_part(block, task, worker_context)


def _make_part(block: Block, task: InpaintTask | StitchTask, worker_context: WorkerContext) -> bytes:
    """Restore at the job's size, or, where the GPU cannot hold that and the job allows it, at the largest that fits."""
    job, frames = worker_context.planned_settings(task), f"frames {block.start}-{block.stop - 1}"
    size = _largest_size(block, canvas_of(worker_context.record(task).info, job).size, job)
    reason = ""
    sides = _sides(size, job, worker_context)
    for side in sides:
        try:
            windows: list[WindowCount] = []
            shots = shots_of(block, task, worker_context, side)
            repeats = shots[0].distinct.repeats(block.kept_start, block.kept_stop)
            step = worker_context.recovery.step
            patches = _restore(shots, block, worker_context, windows)
            part = encode_part(patches, side, windows, repeats, step.name if step.changes else "")
        except DeviceFull as exc:
            reason = str(exc)
            STEPS.take(SMALLER_BLOCK if side != sides[-1] else GIVE_UP)
            log.warning(LogLine(reason, item=task.item.id, frames=f"{block.start}-{block.stop - 1}"))
        except FloatingPointError as exc:
            advice = engine_of(job).if_not_finite
            raise NotFinite(f"{task.item.video}: {frames}: {exc}; {advice}") from exc
        else:
            worker_context.side_that_fits[size] = side
            return part
    raise MemoryShort(f"{task.item.video}: {reason}; {_ADVICE[job.process.out_of_memory]}")


def _largest_size(block: Block, output: Size, job: JobConfig) -> Size:
    """Return the size that `process.max_side` limits: of the frame, or of the block's largest region."""
    if not block.regions or not rule_of(job).own_size:
        return process_size(output, job)
    return max((restored_size(region, output, job) for region in block.regions), key=max)


def _sides(size: Size, job: JobConfig, worker_context: WorkerContext) -> list[int]:
    """Return the longest sides to try for pictures processed at `size`, 0 for that; what fitted last comes first."""
    if job.process.out_of_memory is OutOfMemory.fail:
        return [0]
    sides = [0, *amounts_below(SMALLER_BLOCK, max(size))]
    return sides[sides.index(worker_context.side_that_fits.get(size, 0)) :]


def _restore(
    shots: Sequence[VideoShot], block: Block, worker_context: WorkerContext, windows: list[WindowCount]
) -> Iterator[Patch]:
    """Yield a patch for each region and frame that is kept and has a hole there; add to `windows` what was counted."""
    done = []
    for shot in shots:
        done.append((shot, *_restore_region(shot, block, worker_context, windows)))
        PROGRESS.sign()
    distinct = Distinct(shots[0].distinct.runs, block.kept_start, block.kept_stop)
    for t, index in enumerate(distinct.frames):
        for shot, frames, qualities in done:
            patch = _cut(index, frames[t], shot, qualities[t])
            if patch is not None:
                yield patch


def _restore_region(
    shot: VideoShot, block: Block, worker_context: WorkerContext, windows: list[WindowCount]
) -> tuple[U8, list[FrameQuality]]:
    """Return the frames that are kept of a block, of one region, and what is known of their holes."""
    first, last = shot.distinct.count(block.kept_start, block.kept_stop)
    with worker_context.model_clock.running():
        restored = worker_context.computing_engine.restore(shot, first, last)
    masks = shot.masks(first, last)
    check_restored(worker_context.context.job.engine, restored, masks.shape)
    windows += [restored.windows] if restored.windows is not None else []
    return restored.frames, measure_quality(restored.frames, masks, restored.away, restored.miss)


def _cut(index: int, restored_HWC: U8, shot: VideoShot, quality: FrameQuality) -> Patch | None:
    frame, mask = shot.clip.enlarge(shot.region, restored_HWC), shot.clip.output_mask(shot.region, index)
    patch = cut_patch(index, frame, mask, quality)
    if patch is None or shot.region is None:
        return patch
    return replace(patch, left=patch.left + shot.region.left, top=patch.top + shot.region.top)
