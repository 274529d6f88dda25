"""How does a chunk become parts? Block by block: the engine restores it, what the mask covers is kept."""

import logging
from collections.abc import Iterator

from core_model.device_memory import DeviceFull
from pipelines.canvas import canvas_of
from pipelines.config import JobConfig, OutOfMemory
from pipelines.errors import MemoryShort
from pipelines.parts import Patch, cut_patch, encode_part, part_key
from pipelines.sizes import Size, flow_size, process_size, smaller_sides
from pipelines.stages.desk import Desk
from pipelines.stages.finished import picture_settings
from pipelines.stages.shot import VideoShot, shot_of
from pipelines.store import get_or_make
from pipelines.tasks import Block, Receipt, Task

log = logging.getLogger(__name__)


def inpaint(task: Task, desk: Desk) -> Receipt:
    assert task.chunk is not None
    computed = written = 0
    for block in task.chunk.blocks:
        blob, found = ensure_part(block, task, desk)
        if not found:
            computed += 1
            written += len(blob)
    return Receipt(task.id, reused=not computed, frames=task.chunk.frames, bytes_written=written)


def ensure_part(block: Block, task: Task, desk: Desk) -> tuple[bytes, bool]:
    """Return (encoded part, was it in the store), computing and publishing it where it is absent or damaged."""
    record, job = desk.record(task), desk.settings(task.item)
    key = part_key(
        record.video_digest,
        record.mask_digest,
        picture_settings(job),
        flow_size(record.size, job),
        desk.flow.digest,
        desk.engine.digest,
        block,
    )
    return get_or_make(desk.store, key, lambda: _make_part(block, task, desk))


def _make_part(block: Block, task: Task, desk: Desk) -> bytes:
    """Restore at the job's size, or, where the GPU cannot hold that and the job allows it, at the largest that fits."""
    job = desk.settings(task.item)
    size = canvas_of(desk.record(task).info, job).size
    reason = ""
    for side in _sides(size, job, desk):
        try:
            part = encode_part(_restore(shot_of(block, task, desk, side), block, desk), side)
        except DeviceFull as exc:
            reason = str(exc)
            log.warning("item=%s frames=%d-%d: %s", task.item.id, block.start, block.stop - 1, reason)
        else:
            desk.side_that_fits[size] = side
            return part
    raise MemoryShort(f"{task.item.video}: {reason}; set process.max_side lower, or process.out_of_memory=smaller")


def _sides(size: Size, job: JobConfig, desk: Desk) -> list[int]:
    """Return the longest sides to try, 0 for the job's own; what fitted pictures of this size last comes first."""
    sides = [0]
    if job.process.out_of_memory is OutOfMemory.smaller:
        sides += smaller_sides(process_size(size, job))
    return sides[sides.index(desk.side_that_fits.get(size, 0)) :]


def _restore(shot: VideoShot, block: Block, desk: Desk) -> Iterator[Patch]:
    restored = desk.engine.restore(shot, block.kept_start - shot.start, block.kept_stop - shot.start)
    for index in range(block.kept_start, block.kept_stop):
        frame = shot.clip.enlarge(restored[index - block.kept_start])
        patch = cut_patch(index, frame, shot.clip.output_mask(index))
        if patch is not None:
            yield patch
