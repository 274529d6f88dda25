"""Inpaint stage: a chunk becomes parts, block by block."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from reelmend.core_model.device.memory_ladder import GIVE_UP, SMALLER_BLOCK, STEPS, amounts_below
from reelmend.core_model.engine import U8, Bool, DeviceFull, Restored, WindowCount
from reelmend.core_model.progress import PROGRESS
from reelmend.core_model.quality import FrameQuality, measure_quality
from reelmend.core_model.regions import Region
from reelmend.pipelines.choices import OutOfMemory
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.plugins import check_restored
from reelmend.pipelines.engines.region_sizes import restored_size, rule_of
from reelmend.pipelines.engines.registry import engine_of, refine_below
from reelmend.pipelines.errors import MemoryShort, NotFinite
from reelmend.pipelines.media.canvas.canvas import canvas_of
from reelmend.pipelines.media.repeats import Distinct
from reelmend.pipelines.media.sizes import Size, flow_size, process_size
from reelmend.pipelines.stages.finished import picture_settings, smaller_is_refused
from reelmend.pipelines.stages.pack_behind import Packer
from reelmend.pipelines.stages.parts import Part, Patch, cut_patch, encode_part, part_key
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.refinement import refined_tasks, score_of
from reelmend.pipelines.stages.shot import VideoShot, shots_of
from reelmend.pipelines.stages.shot_reader import Clip
from reelmend.pipelines.stages.steady import held_to
from reelmend.pipelines.stages.worker_context import WorkerContext
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


class Packing(NamedTuple):
    """A block that is restored, and what is left to do."""

    pack: Callable[[], bytes]
    """Measures and encodes; returns the part. Called once, by any thread."""
    held_bytes: int
    """Of the arrays that it holds."""


def inpaint(task: InpaintTask, worker_context: WorkerContext) -> InpaintReceipt:
    first, second = worker_context.pair or (worker_context, None)
    made, again = [], []
    if second is None:
        made += _make_parts([(block, task) for block in task.chunk.blocks], first)
    else:
        for block in task.chunk.blocks:
            PROGRESS.begin_piece(block.stop - block.start)
            blob, found = ensure_part(block, task, first)
            made += [] if found else [len(blob)]
            if score_of(Part(blob)) < refine_below(worker_context.context.job):
                again.append(block)
    if second is not None and again:
        first.forget()  # its frames: the other engine reads these again, at another time and in other regions
        record, job = worker_context.record(task), second.planned_settings(task)
        made += _make_parts(refined_tasks(task, again, record, job), second, refined=True)
    _take_flow_use(worker_context)
    return InpaintReceipt(task.id, reused=not made, frames=task.chunk.frames, bytes_written=sum(made))


def _make_parts(
    blocks: Sequence[tuple[Block, InpaintTask | StitchTask]], worker_context: WorkerContext, *, refined: bool = False
) -> list[int]:
    """Restore those blocks whose parts are not in the store; return the bytes that were written, of each.

    A part is packed while the engine computes the next block, where that leaves cores free. `refined`: their frames
    were counted before.
    """
    try:
        with Packer[int](behind=worker_context.fed) as packer:
            for block, task in blocks:
                PROGRESS.begin_piece(0 if refined else block.stop - block.start)
                key = _key_of(block, task, worker_context)
                if _found(key, task, worker_context) is None:
                    part = _restored(key, block, task, worker_context)
                    packer.put(partial(_packed_bytes, part.pack), part.held_bytes)
                    del part  # and what it holds
    except Exception:
        if worker_context.fed:
            worker_context.forget()  # of what was written meanwhile, as a second thread may have found
        raise
    return packer.done


def _packed_bytes(pack: Callable[[], bytes]) -> int:
    """Pack, and return no more than the length: a chunk may have many parts."""
    return len(pack())


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
    key = _key_of(block, task, worker_context)
    found = _found(key, task, worker_context)
    return (_restored(key, block, task, worker_context).pack(), False) if found is None else (found, True)


def _key_of(block: Block, task: InpaintTask | StitchTask, worker_context: WorkerContext) -> str:
    record, job = worker_context.record(task), worker_context.planned_settings(task)
    return part_key(
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


def _found(key: str, task: InpaintTask | StitchTask, worker_context: WorkerContext) -> bytes | None:
    """Return the part under that key, None where there is none that the job allows."""
    part = worker_context.store.get(key)
    if part is not None and smaller_is_refused(worker_context.planned_settings(task)) and Part(part).side:
        return None
    return part


def _repeats_of(block: Block, record: ProbeRecord) -> list[object]:
    """Return what its part's key says of frames that repeat others in its shot; nothing where none do."""
    runs = Distinct(record.repeats, block.shot_start, block.shot_stop).repeats(block.shot_start, block.shot_stop)
    return [("repeats", runs)] if runs else []


def _restored(key: str, block: Block, task: InpaintTask | StitchTask, worker_context: WorkerContext) -> Packing:
    """Restore a block; packing publishes its part, once it is known that nothing was written while it was read."""
    with ExitStack() as held:
        held.enter_context(held_to(worker_context.record(task), worker_context, mask=True))
        part = _make_part(block, task, worker_context)
        still_held = held.pop_all()

    def pack() -> bytes:
        with still_held:
            blob = part.pack()
        worker_context.store.put(key, blob)
        return blob

    return Packing(pack, part.held_bytes)


def _make_part(block: Block, task: InpaintTask | StitchTask, worker_context: WorkerContext) -> Packing:
    """Restore at the job's size, or, where the GPU cannot hold that and the job allows it, at the largest that fits."""
    job, frames = worker_context.planned_settings(task), f"frames {block.start}-{block.stop - 1}"
    size = _largest_size(block, canvas_of(worker_context.record(task).info, job).size, job)
    reason = ""
    sides = _sides(size, job, worker_context)
    for side in sides:
        try:
            windows: list[WindowCount] = []
            shots = shots_of(block, task, worker_context, side)
            distinct = shots[0].distinct
            step = worker_context.recovery.step
            done = [_restore_region(shot, block, worker_context, windows) for shot in shots]
        except DeviceFull as exc:
            reason = str(exc)
            STEPS.take(SMALLER_BLOCK if side != sides[-1] else GIVE_UP)
            log.warning(LogLine(reason, item=task.item.id, frames=f"{block.start}-{block.stop - 1}"))
        except FloatingPointError as exc:
            advice = engine_of(job).if_not_finite
            raise NotFinite(f"{task.item.video}: {frames}: {exc}; {advice}") from exc
        else:
            worker_context.side_that_fits[size] = side
            repeats = distinct.repeats(block.kept_start, block.kept_stop)
            kept = Distinct(distinct.runs, block.kept_start, block.kept_stop).frames
            pack = partial(_encode, done, kept, side, windows, repeats, step.name if step.changes else "")
            return Packing(pack, sum(region.held_bytes for region in done))
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


class _Region(NamedTuple):
    """A region of a block, restored. It holds the clip, not the shot: an engine keeps what it knows as long as that."""

    clip: Clip
    region: Region | None
    restored: Restored
    masks: Bool

    @property
    def held_bytes(self) -> int:
        arrays = (self.restored.frames, self.restored.away, self.restored.miss, self.masks)
        return sum(array.nbytes for array in arrays if array is not None)


def _restore_region(
    shot: VideoShot, block: Block, worker_context: WorkerContext, windows: list[WindowCount]
) -> _Region:
    """Return the frames that are kept of a block, of one region; add to `windows` what was counted."""
    first, last = shot.distinct.count(block.kept_start, block.kept_stop)
    with shot.reading_ahead(), worker_context.model_clock.running():
        restored = worker_context.computing_engine.restore(shot, first, last)
    masks = shot.masks(first, last)
    check_restored(worker_context.context.job.engine, restored, masks.shape)
    windows += [restored.windows] if restored.windows is not None else []
    PROGRESS.sign()
    return _Region(shot.clip, shot.region, restored, masks)


def _encode(
    done: Sequence[_Region],
    kept: Sequence[int],
    side: int,
    windows: Sequence[WindowCount],
    repeats: Sequence[tuple[int, int]],
    step: str,
) -> bytes:
    return encode_part(_patches(done, kept), side, windows, repeats, step)


def _patches(done: Sequence[_Region], frames: Sequence[int]) -> Iterator[Patch]:
    """Yield a patch for each region and frame that is kept and has a hole there."""
    qualities = [measure_quality(r.restored.frames, r.masks, r.restored.away, r.restored.miss) for r in done]
    for t, index in enumerate(frames):
        for region, quality in zip(done, qualities, strict=True):
            patch = _cut(index, region.restored.frames[t], region, quality[t])
            if patch is not None:
                yield patch


def _cut(index: int, restored_HWC: U8, part: _Region, quality: FrameQuality) -> Patch | None:
    frame, mask = part.clip.enlarge(part.region, restored_HWC), part.clip.output_mask(part.region, index)
    patch = cut_patch(index, frame, mask, quality)
    if patch is None or part.region is None:
        return patch
    return replace(patch, left=patch.left + part.region.left, top=patch.top + part.region.top)
