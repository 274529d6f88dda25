"""The probe cuts a video into its shots, to the frame."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reelmend.pipelines.config import JobConfig, PlanConfig
from reelmend.pipelines.stages.probe import probe
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.tasks import Item, ProbeTask
from tests.clips import U8, moving_box, scene, write_clip, write_mask_image

ShotsOf = Callable[..., list[tuple[int, int]]]

LENGTHS = 17, 20, 16
"""The detector takes what is shorter than fifteen frames for no shot."""


@pytest.fixture
def shots_of(tmp_path: Path) -> ShotsOf:
    def found(pictures: U8, **plan: bool) -> list[tuple[int, int]]:
        video = write_clip(tmp_path / "clip.mkv", codec="ffv1", audio=False, pictures=pictures)
        mask = write_mask_image(tmp_path / "mask.png", moving_box(1)[0])
        worker_context = WorkerContext(RunContext("run", JobConfig(out=str(tmp_path / "out"), plan=PlanConfig(**plan))))
        item = Item("clip", video, mask, tmp_path / "out/clip.mp4")
        plan_ = probe(ProbeTask(item), worker_context).plan
        assert plan_ is not None
        blocks = [block for chunk in plan_.chunks for block in chunk.blocks]
        record = worker_context.find_record(plan_.probe_key)
        assert record is not None
        assert {(block.shot_start, block.shot_stop) for block in blocks} == set(record.shots)
        return [*record.shots]

    return found


@pytest.fixture
def three_shots() -> U8:
    first, second, third = (scene(length, seed=seed) for seed, length in enumerate(LENGTHS))
    return np.concatenate([first, 255 - second // 4, third // 4])


def test_a_shot_begins_with_the_frame_after_a_cut_and_the_last_one_ends_with_the_video(
    shots_of: ShotsOf, three_shots: U8
) -> None:
    assert shots_of(three_shots) == [(0, 17), (17, 37), (37, 53)]


def test_a_pan_is_one_shot(shots_of: ShotsOf) -> None:
    assert shots_of(scene(40)) == [(0, 40)]


def test_a_job_may_look_for_no_shots(shots_of: ShotsOf, three_shots: U8) -> None:
    assert shots_of(three_shots, shots=False) == [(0, 53)]
