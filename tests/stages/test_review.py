"""From the figures of frames to an item's facts, its verdict and a reason in words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmend.core_model.quality import FrameQuality, summarize_quality
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.stages.parts import Patch, encode_part
from reelmend.pipelines.stages.review import main_reason, quality_facts, with_verdict
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.stitch import PatchTrack
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.tasks import Block, Chunk, Item, ItemPlan, StitchTask

GOOD = FrameQuality(hole_px=100, seen_px=100, away_sum=100, rim_mismatch=0.0, flicker=1.0)
INVENTED = FrameQuality(hole_px=100, seen_px=0, away_sum=0, rim_mismatch=0.0, flicker=1.0)


def test_a_frame_that_two_blocks_restore_counts_once_as_the_block_measured_it_that_it_belongs_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks [0, 4) and [4, 8) are both restored at frames 3 and 4; frame 6 has no hole."""
    early = FrameQuality(hole_px=10, seen_px=10, away_sum=20, rim_mismatch=1.0, flicker=1.0)
    late = FrameQuality(hole_px=30, seen_px=0, away_sum=0, rim_mismatch=5.0, flicker=2.0)
    blocks = {Block(0, 4, 0, 5, 0, 8, 0, 8): early, Block(4, 8, 3, 8, 0, 8, 0, 8): late}

    def part_of(block: Block, task: StitchTask, worker_context: WorkerContext) -> tuple[bytes, bool]:
        rgb, mask = np.zeros((1, 1, 3), np.uint8), np.ones((1, 1), np.bool_)
        frames = [frame for frame in range(block.kept_start, block.kept_stop) if frame != 6]
        return encode_part([Patch(frame, 0, 0, rgb, mask, blocks[block]) for frame in frames]), True

    monkeypatch.setattr("reelmend.pipelines.stages.inpaint.ensure_part", part_of)
    item = Item("a", tmp_path / "a.mp4", None, tmp_path / "out/a.mp4")
    plan = ItemPlan("probe", 8, 1, 1, (), tuple(Chunk(n, (block,), ()) for n, block in enumerate(blocks)))
    worker_context = WorkerContext(RunContext("run", JobConfig(out=str(tmp_path / "out"))))
    patches = PatchTrack(StitchTask(item, plan), worker_context)
    for frame in range(8):
        patches.at(frame)
    assert patches.qualities == [(0, early), (1, early), (2, early), (3, early), (4, late), (5, late), (7, late)]
    facts = quality_facts(patches.qualities)
    assert facts["quality_seen_share"] == round(40 / 130, 4)
    assert facts["quality_seen_away"] == 2
    assert facts["quality_rim_mismatch"] == round((40 * 1 + 90 * 5) / 130, 4)
    assert facts["quality_flicker"] == round((40 * 1 + 90 * 2) / 130, 4)


def test_the_worst_frame_lies_in_the_ten_that_are_worst_together() -> None:
    one_bad = dict.fromkeys(range(30), GOOD) | {4: INVENTED}
    many_bad = one_bad | dict.fromkeys(range(20, 26), INVENTED) | {23: INVENTED._replace(rim_mismatch=30.0)}
    assert quality_facts([*one_bad.items()])["quality_worst_frame"] == 4
    assert quality_facts([*many_bad.items()])["quality_worst_frame"] == 23


def test_an_item_without_a_hole_has_no_facts_and_no_verdict() -> None:
    assert quality_facts([]) == {}
    assert with_verdict({"frames": 3}, 1.0) == {"frames": 3}


@pytest.mark.parametrize(
    ("quality", "reason"),
    [
        (INVENTED, "the hole was never visible"),
        (GOOD._replace(seen_px=39), "61% of the hole was never visible"),
        (GOOD._replace(away_sum=9000), "what fills the hole comes from 90 frames away on average"),
        (GOOD._replace(rim_mismatch=14.2), "the fill does not match its surroundings (rim mismatch 14 levels)"),
        (GOOD._replace(flicker=2.3), "flickers 2.3 times as much as its surroundings"),
    ],
)
def test_the_reason_is_what_lowers_the_score_most(quality: FrameQuality, reason: str) -> None:
    assert main_reason(summarize_quality([quality])) == reason


def test_a_verdict_takes_the_place_of_an_earlier_one() -> None:
    facts = quality_facts([(0, INVENTED)])
    marked = with_verdict(facts, 1.0)
    assert (marked["review"], marked["review_reason"]) == (1, "the hole was never visible")
    assert with_verdict(marked, 0.0) == facts | {"review": 0}
    assert with_verdict(facts, float(facts["quality_score"])) == facts | {"review": 0}, "below, not at"


@pytest.mark.parametrize("value", ["much", float("nan"), None], ids=str)
def test_figures_that_somebody_else_wrote_and_that_are_none_give_no_verdict(value: float | str | None) -> None:
    facts: dict[str, Any] = {**with_verdict(quality_facts([(0, INVENTED)]), 1.0), "quality_flicker": value}
    assert "review" not in with_verdict(facts, 1.0)
