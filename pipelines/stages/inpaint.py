"""How does a chunk become parts? Block by block: read frames, masks and flow, restore, keep what the mask covers."""

from collections.abc import Iterator, Sequence

from pipelines.parts import Patch, cut_patch, encode_part, part_key
from pipelines.sizes import flow_size
from pipelines.stages.clip import Clip
from pipelines.stages.desk import Desk
from pipelines.stages.finished import picture_settings
from pipelines.stages.flow import read_pairs
from pipelines.store import get_or_make
from pipelines.tasks import Block, Receipt, Segment, Task


def inpaint(task: Task, desk: Desk) -> Receipt:
    assert task.plan is not None
    assert task.chunk is not None
    clip = Clip(desk.record(task), task.item.mask, desk.settings(task.item))
    computed = written = 0
    for block in task.chunk.blocks:
        blob, found = ensure_part(block, clip, task.plan.segments, desk)
        if not found:
            computed += 1
            written += len(blob)
    return Receipt(task.id, reused=not computed, frames=task.chunk.frames, bytes_written=written)


def ensure_part(block: Block, clip: Clip, segments: Sequence[Segment], desk: Desk) -> tuple[bytes, bool]:
    """Return (encoded part, was it in the store), computing and publishing it where it is absent or damaged."""
    record, job = clip.record, clip.job
    key = part_key(
        record.video_digest,
        record.mask_digest,
        picture_settings(job),
        flow_size(record.size, job),
        desk.flow(job).digest,
        desk.engine(job).digest,
        block,
    )
    return get_or_make(desk.store, key, lambda: encode_part(_restore(block, clip, segments, desk)))


def _restore(block: Block, clip: Clip, segments: Sequence[Segment], desk: Desk) -> Iterator[Patch]:
    start, stop = block.seen_start, block.seen_stop
    flows = read_pairs(start, stop - 1, segments, clip.record, clip.job, desk)
    restored = desk.engine(clip.job).restore(*clip.see(start, stop), *flows)
    for index in range(block.kept_start, block.kept_stop):
        patch = cut_patch(index, clip.enlarge(restored[index - start]), clip.mask(index))
        if patch is not None:
            yield patch
