"""Which blocks are restored again follows from their own parts; what the second engine sees, from shot and masks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reelmend.core_model.quality import FrameQuality, summarize_quality
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.blocks import lay_blocks, needed_segments
from reelmend.pipelines.engines.registry import lay_shots
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.reader import MaskSummary
from reelmend.pipelines.stages.parts import Part, cut_patch, encode_part
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.refinement import BlockCount, refined_tasks, score_of
from reelmend.pipelines.storage.ledger import ItemFacts
from reelmend.pipelines.tasks import Block, Chunk, InpaintTask, Item, ItemPlan, StitchTask
from tests.clips import write_clip

FRAMES = 400
SURE = FrameQuality(hole_px=100, seen_px=100, away_sum=100, rim_mismatch=0.0, flicker=1.0)
UNSURE = FrameQuality(hole_px=100, seen_px=0, away_sum=0, rim_mismatch=24.0, flicker=4.0)


def part_of(first: int, *qualities: FrameQuality) -> Part:
    picture, mask = np.zeros((4, 6, 3), np.uint8), np.ones((4, 6), np.bool_)
    patches = [cut_patch(first + t, picture, mask, quality) for t, quality in enumerate(qualities)]
    return Part(encode_part([patch for patch in patches if patch is not None]))


def block_of(start: int, stop: int) -> Block:
    return Block(start, stop, start, stop, start, stop, 0, 100)


def test_a_block_scores_as_its_frames_together_do() -> None:
    """By hand: all seen one frame away, 1 / (1 + 1/40); nothing seen 0.8 / (1 + 24/8) / sqrt(4)."""
    assert score_of(part_of(5, SURE, SURE)) == pytest.approx(40 / 41, abs=1e-4)
    assert score_of(part_of(5, UNSURE)) == pytest.approx(0.1, abs=1e-4)
    both = summarize_quality([SURE, UNSURE]).score
    assert score_of(part_of(5, SURE, UNSURE)) == pytest.approx(both, abs=1e-4)
    assert score_of(Part(encode_part([]))) == 1.0


def test_the_ledger_says_what_was_refined_and_what_that_gained() -> None:
    count = BlockCount(range(100))
    count.see(block_of(0, 2), part_of(0, SURE, SURE), None)
    count.see(block_of(2, 4), part_of(2, SURE, SURE), part_of(2, UNSURE, UNSURE))
    facts = ItemFacts.from_map(count.facts([(frame, SURE) for frame in range(4)], "networks"))
    assert (facts.blocks, facts.refined_blocks, facts.refined_frames, facts.refined_by) == (2, 1, "2-3", "networks")
    assert facts.quality_lowest_block == pytest.approx(40 / 41, abs=1e-4)
    before = summarize_quality([SURE, SURE, UNSURE, UNSURE]).score
    assert facts.quality_before == pytest.approx(before, abs=1e-4)
    assert facts.quality_gained == pytest.approx(40 / 41 - before, abs=1e-4)


def test_where_nothing_was_refined_the_ledger_says_nothing_of_it() -> None:
    count = BlockCount(range(100))
    count.see(block_of(0, 2), part_of(0, SURE, UNSURE), None)
    facts = ItemFacts.from_map(count.facts([(0, SURE), (1, UNSURE)], "networks"))
    assert (facts.blocks, facts.refined_blocks, facts.refined_by, facts.quality_gained) == (1, None, None, None)


@pytest.fixture
def record(tmp_path: Path) -> ProbeRecord:
    """A shot of 400 frames, masked throughout."""
    info = inspect_video(write_clip(tmp_path / "clip.mkv", 4, codec="ffv1", audio=False))
    mask = MaskSummary("image", 1, ((0, FRAMES),), 0.1, (0, 0, 96, 64))
    return ProbeRecord(replace(info, frames=FRAMES), "video", "mask", mask, ((0, FRAMES),))


def test_the_networks_see_of_a_shot_what_their_own_blocks_of_these_frames_see(record: ProbeRecord) -> None:
    """And a shot's blocks share their segments, whichever of them are refined by which task."""
    job = JobConfig(engine="propainter")
    blocks = lay_blocks([(0, FRAMES)], block_length=50, overlap=5, halo=10)
    item = Item("clip", record.info.path, None, Path("out.mkv"))
    plan = ItemPlan("probe", FRAMES, 96, 64, (), ())
    chunk = InpaintTask(item, plan, Chunk(3, tuple(blocks), ()))
    together = refined_tasks(chunk, [blocks[2], blocks[5]], record, job)
    alone = refined_tasks(StitchTask(item, plan), [blocks[5]], record, job)
    own = {block.start: block for block in lay_shots(job, [(0, FRAMES)], [(0, FRAMES)], FRAMES)}
    for (block, _), before in zip(together, (blocks[2], blocks[5]), strict=True):
        kept = before.start, before.stop, before.kept_start, before.kept_stop
        assert (block.start, block.stop, block.kept_start, block.kept_stop) == kept
    # Frames 95 to 155 are in the sub-videos that begin at 80; frames 245 to 305 in those of 240.
    assert (together[0][0].seen_start, together[0][0].seen_stop) == (own[80].seen_start, own[80].seen_stop)
    assert (together[1][0].seen_start, together[1][0].seen_stop) == (own[240].seen_start, own[240].seen_stop)
    assert alone[0][0] == together[1][0]
    segments = {task.plan.segments for _, task in (*together, *alone)}
    assert len(segments) == 1
    (found,) = segments
    assert all(segment.on_demand for segment in found)
    whole = needed_segments(FRAMES, [replace(blocks[0], seen_start=0, seen_stop=FRAMES)], job.flow.segment_length)
    assert [(s.start, s.stop) for s in found] == [(s.start, s.stop) for s in whole]
