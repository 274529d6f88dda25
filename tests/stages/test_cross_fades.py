"""What a stitched frame holds near the borders of blocks: levels worked out by hand, over every whole ramp.

Parts are made by hand, each of one level; blocks are laid, and patches joined, by the product.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reelmend.core_model.quality import FrameQuality
from reelmend.pipelines.config import JobConfig, PlanConfig
from reelmend.pipelines.engines.blocks import lay_blocks
from reelmend.pipelines.stages.parts import Patch, encode_part
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.stitch import PatchTrack
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.tasks import Block, Chunk, Item, ItemPlan, StitchTask

Stitched = Callable[..., list[int]]

SEEN = FrameQuality(hole_px=1, seen_px=1, away_sum=1, rim_mismatch=0.0, flicker=0.0)


@pytest.fixture
def stitched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stitched:
    def levels(
        shots: list[tuple[int, int]],
        level_of: list[int],
        *,
        overlap: int,
        chunk_of: Callable[[int], int] = lambda number: 0,
    ) -> list[int]:
        """The level of every frame, where each block is of one level, by its number."""
        blocks = lay_blocks(shots, block_length=6, overlap=overlap, halo=2)

        def part_of(block: Block, task: StitchTask, worker_context: WorkerContext) -> tuple[bytes, bool]:
            rgb = np.full((1, 1, 3), level_of[blocks.index(block)], np.uint8)
            frames = range(block.kept_start, block.kept_stop)
            return encode_part([Patch(frame, 0, 0, rgb, np.ones((1, 1), np.bool_), SEEN) for frame in frames]), True

        monkeypatch.setattr("reelmend.pipelines.stages.inpaint.ensure_part", part_of)
        groups = [[block for n, block in enumerate(blocks) if chunk_of(n) == chunk] for chunk in range(len(blocks))]
        chunks = tuple(Chunk(n, tuple(group), ()) for n, group in enumerate(groups) if group)
        item, frames = Item("a", tmp_path / "a.mp4", None, tmp_path / "out/a.mp4"), shots[-1][1]
        job = JobConfig(out=str(tmp_path / "out"), plan=PlanConfig(block_length=20, overlap=overlap))
        patches = PatchTrack(
            StitchTask(item, ItemPlan("probe", frames, 1, 1, (), chunks)), WorkerContext(RunContext("run", job))
        )

        def level(frame: int) -> int:
            patch = patches.at(frame)
            assert patch is not None
            return int(patch.rgb[0, 0, 0])

        return [level(frame) for frame in range(frames)]

    return levels


RAMPS = [0, 0, 0, 0, 10, 30, 50, 70, 80, 80, 90, 110, 130, 150, 160, 160, 160, 160]
"""Blocks [0, 6) of level 0, [6, 12) of 80, [12, 18) of 160; two frames on each side of a border are shared."""


def test_each_border_is_a_ramp_from_the_earlier_block_to_the_later(stitched: Stitched) -> None:
    assert stitched([(0, 18)], [0, 80, 160], overlap=2) == RAMPS
    assert stitched([(0, 18)], [160, 80, 0], overlap=2) == [160 - level for level in RAMPS]


def test_a_border_between_chunks_is_no_other(stitched: Stitched) -> None:
    assert stitched([(0, 18)], [0, 80, 160], overlap=2, chunk_of=lambda number: number) == RAMPS


def test_ramps_of_three_frames_a_side_meet_in_the_middle_of_a_block(stitched: Stitched) -> None:
    """24 levels in six steps of 4: the first is half a step above the earlier block's."""
    ramp = [2, 6, 10, 14, 18, 22]
    expected = [0, 0, 0, *ramp, *[24 + level for level in ramp], 48, 48, 48]
    assert stitched([(0, 18)], [0, 24, 48], overlap=3) == expected


def test_nothing_fades_over_a_cut_nor_without_an_overlap(stitched: Stitched) -> None:
    assert stitched([(0, 6), (6, 18)], [0, 80, 160], overlap=2) == [0] * 6 + [80] * 4 + RAMPS[10:14] + [160] * 4
    assert stitched([(0, 12)], [0, 80], overlap=0) == [0] * 6 + [80] * 6


def test_a_block_that_networks_restored_again_is_faded_into_its_neighbours_by_the_same_ramp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three blocks drafted at level 0, of which the second is unsure and comes back from the networks at 80."""
    blocks = lay_blocks([(0, 18)], block_length=6, overlap=2, halo=2)

    def part_of(block: Block, task: StitchTask, worker_context: WorkerContext) -> tuple[bytes, bool]:
        networks = worker_context.context.job.engine == "propainter"
        unsure = block == blocks[1] and not networks
        rgb = np.full((1, 1, 3), 80 if networks else 0, np.uint8)
        quality = SEEN._replace(rim_mismatch=40.0) if unsure else SEEN
        frames = range(block.kept_start, block.kept_stop)
        return encode_part([Patch(frame, 0, 0, rgb, np.ones((1, 1), np.bool_), quality) for frame in frames]), True

    monkeypatch.setattr("reelmend.pipelines.stages.inpaint.ensure_part", part_of)
    monkeypatch.setattr("reelmend.pipelines.stages.inpaint.refined_tasks", lambda task, again, *_: [(again[0], task)])
    monkeypatch.setattr(WorkerContext, "record", lambda *_: None)
    job = JobConfig(out=str(tmp_path / "out"), engine="auto", plan=PlanConfig(block_length=20, overlap=2))
    item = Item("a", tmp_path / "a.mp4", None, tmp_path / "out/a.mp4")
    plan = ItemPlan("probe", 18, 1, 1, (), (Chunk(0, tuple(blocks), ()),))
    patches = PatchTrack(StitchTask(item, plan), WorkerContext(RunContext("run", job)))
    found = [patches.at(frame) for frame in range(18)]
    levels = [int(patch.rgb[0, 0, 0]) for patch in found if patch is not None]
    assert levels == [0, 0, 0, 0, 10, 30, 50, 70, 80, 80, 70, 50, 30, 10, 0, 0, 0, 0]
    assert patches.count.facts(patches.qualities, "networks")["refined_frames"] == "6-11"
