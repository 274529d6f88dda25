"""Refinement: which blocks of a draft are restored again by networks, and what that gained.

A hybrid engine (`EngineSpec.hybrid_of`) lays out an item as its first engine does. Each block is restored by the first
engine; its part's own quality measures say whether the second one restores it again. So the choice depends on the
block alone, never on chunks, workers or earlier runs, and each part is the one that its engine would make by itself: a
draft's parts are found in the store, and need no other key.
"""

from collections.abc import Sequence
from dataclasses import replace

from reelmend.core_model.quality import summarize_quality
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.blocks import needed_segments
from reelmend.pipelines.engines.repeats import with_moving_pairs
from reelmend.pipelines.media.repeats import Distinct
from reelmend.pipelines.stages.parts import Part
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.regions import blocks_of, region_finder
from reelmend.pipelines.stages.review import SCORE_DIGITS, FrameRows
from reelmend.pipelines.storage.ledger import Facts, ItemFacts
from reelmend.pipelines.tasks import Block, Chunk, InpaintTask, StitchTask
from reelmend.pipelines.utils.text import ranges_in_words

Task = InpaintTask | StitchTask


def score_of(part: Part) -> float:
    """Return the quality score, 0..1, of all that a block changes; 1 where that is nothing."""
    measured = (part.quality(frame) for frame in part.frames)
    return round(summarize_quality(quality for quality in measured if quality is not None).score, SCORE_DIGITS)


def refined_tasks(task: Task, blocks: Sequence[Block], record: ProbeRecord, job: JobConfig) -> list[tuple[Block, Task]]:
    """Return the blocks as the second engine, that of `job`, restores them, each with the task that it belongs to.

    A block keeps its frames, so that it is cross-faded with its neighbours as before. It sees what the engine's own
    blocks of these frames see; its flow is measured when it is read, since no plan knows beforehand who needs it.
    """
    again = [_seen_by(job, block, record) for block in blocks]
    shots = [replace(block, seen_start=block.shot_start, seen_stop=block.shot_stop) for block in again]
    found = needed_segments(record.info.frames, shots, job.flow.segment_length)
    if record.repeats:
        found = with_moving_pairs(found, Distinct(record.repeats, 0, record.info.frames))
    plan = replace(task.plan, segments=tuple(replace(segment, on_demand=True) for segment in found))
    if isinstance(task, InpaintTask):
        chunk = Chunk(task.chunk.index, tuple(again), tuple(segment.index for segment in plan.segments))
        return [(block, replace(task, plan=plan, chunk=chunk, coming=None)) for block in again]
    return [(block, replace(task, plan=plan)) for block in again]


def _seen_by(job: JobConfig, block: Block, record: ProbeRecord) -> Block:
    shot = block.shot_start, block.shot_stop
    own = blocks_of(record, job, [shot])
    covering = [other for other in own if other.start < block.kept_stop and block.kept_start < other.stop]
    seen = min(other.seen_start for other in covering), max(other.seen_stop for other in covering)
    block = replace(block, seen_start=seen[0], seen_stop=seen[1])
    return replace(block, regions=region_finder(record, job)(block))


class BlockCount:
    """What became of an item's blocks, counted as the stitch opens their parts."""

    def __init__(self, frames: range) -> None:
        """`frames`: those that are restored; blocks at their ends reach beyond."""
        self._frames = frames
        self.blocks = 0
        self._lowest = 1.0
        self._refined: list[tuple[int, int]] = []
        self._drafts: list[tuple[Block, Part]] = []

    def see(self, block: Block, part: Part, draft: Part | None) -> None:
        """Count a block; `draft` is what the first engine had made of it, where the second one restored it again."""
        self.blocks += 1
        self._lowest = min(self._lowest, score_of(part))
        if draft is not None:
            self._refined.append((block.start, block.stop))
            self._drafts.append((block, draft))

    def facts(self, qualities: FrameRows, engine: str) -> Facts:
        """Return what the ledger holds; `qualities` are those of the result, `engine` is the second one's name."""
        counted = ItemFacts(blocks=self.blocks, quality_lowest_block=self._lowest)
        if not self._refined:
            return counted.to_map()
        before, after = self._score_before(qualities), _score(qualities)
        return replace(
            counted,
            refined_blocks=len(self._refined),
            refined_frames=ranges_in_words(self._refined),
            refined_by=engine,
            quality_before=before,
            quality_gained=round(after - before, SCORE_DIGITS),
        ).to_map()

    def _score_before(self, qualities: FrameRows) -> float:
        drafted = [
            (frame, quality)
            for block, draft in self._drafts
            for frame in range(max(block.start, self._frames.start), min(block.stop, self._frames.stop))
            if (quality := draft.quality(frame)) is not None
        ]
        other = [row for row in qualities if not any(start <= row[0] < stop for start, stop in self._refined)]
        return _score([*other, *drafted])


def _score(rows: FrameRows) -> float:
    return round(summarize_quality(quality for _, quality in rows).score, SCORE_DIGITS)
