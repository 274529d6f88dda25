"""A GPU that cannot hold a picture: the item fails with advice, or is restored smaller, and its row says so.

The engine is the one without networks, on a device that is said to be full above a size.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelmend.core_model.device.window_batch import WindowBatch
from reelmend.core_model.engine import DeviceFull, Restored, Shot
from reelmend.core_model.propagation.engine import PropagationEngine
from reelmend.pipelines.choices import OutOfMemory
from reelmend.pipelines.config import JobConfig
from tests.clips import moving_box, write_clip, write_mask_video
from tests.jobs import finish, lossless_job

SIZE, FRAMES = (640, 48), 5
"""Two blocks of a picture that is restored at 640 pixels, or 480, 360 or 320."""


class SmallDevice(PropagationEngine):
    """Holds pictures of a longest side up to `limit_px`; `tried` are the sides that it was asked for."""

    def __init__(self, limit_px: int) -> None:
        self.limit_px = limit_px
        self.tried: list[int] = []

    def restore(self, shot: Shot, start: int, stop: int) -> Restored:
        self.tried.append(max(shot.size))
        if max(shot.size) > self.limit_px:
            raise DeviceFull(f"{max(shot.size)} pixels do not fit")
        return super().restore(shot, start, stop)


class FullCard(PropagationEngine):
    """Finds in every block that four windows at once do not fit."""

    def restore(self, shot: Shot, start: int, stop: int) -> Restored:
        WindowBatch(None).did_not_fit(4)
        return super().restore(shot, start, stop)


class Overflowing(PropagationEngine):
    def restore(self, shot: Shot, start: int, stop: int) -> Restored:
        raise FloatingPointError("completed frames are not finite in fp16")


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Let every process of a run, that is this one, have that engine, and give it whole frames as one on a GPU gets."""

    def put(engine: PropagationEngine) -> PropagationEngine:
        monkeypatch.setattr("reelmend.pipelines.stages.regions.works_in_regions", lambda job: False)
        monkeypatch.setattr("reelmend.pipelines.stages.worker_context.build_engine", lambda job, weights: engine)
        return engine

    return put


def add_wide_item(folder: Path, name: str, size: tuple[int, int] = SIZE) -> Path:
    (folder / "in").mkdir(exist_ok=True)
    write_mask_video(folder / "in" / f"{name}_mask.mkv", moving_box(FRAMES, size), codec="ffv1")
    return write_clip(folder / "in" / f"{name}.mp4", frames=FRAMES, size=size)


def job_of(folder: Path, choice: OutOfMemory) -> JobConfig:
    job = lossless_job(folder, block_length=4, overlap=1, chunk_length=1)
    job.process.out_of_memory = choice
    return job


def test_a_picture_that_does_not_fit_is_quarantined_with_the_way_out_and_smaller_ones_are_restored(
    tmp_path: Path, use: Callable[..., Any]
) -> None:
    use(SmallDevice(400))
    add_wide_item(tmp_path, "large")
    add_wide_item(tmp_path, "small", (96, 48))
    summary, rows = finish(job_of(tmp_path, OutOfMemory.fail))
    row = rows["large"]
    assert (row.state, row.kind, row.stage, row.attempts) == ("quarantined", "MemoryShort", "inpaint", 1)
    assert row.reason == (
        f"{tmp_path}/in/large.mp4: 640 pixels do not fit; lower process.max_side, or set process.out_of_memory=smaller"
    )
    assert rows["small"].state == "restored"
    assert summary.exit_status == 3
    assert summary.metrics['reelmend_oom_steps_total{stage="inpaint"}'] == 1
    assert not (tmp_path / "out/large.mkv").exists()


def test_a_picture_that_does_not_fit_is_restored_smaller_where_that_is_allowed_and_its_row_says_so(
    tmp_path: Path, use: Callable[..., Any]
) -> None:
    """The second block begins at the side that the first one found."""
    device = use(SmallDevice(400))
    add_wide_item(tmp_path, "large")
    summary, rows = finish(job_of(tmp_path, OutOfMemory.smaller))
    assert device.tried == [640, 480, 360, 360]
    assert summary.metrics['reelmend_oom_steps_total{stage="inpaint"}'] == 2
    assert (rows["large"].state, summary.exit_status) == ("restored", 0)
    for frames in ("0-1", "2-4"):
        assert f"frames {frames} were restored at 360 px, because GPU memory was insufficient" in rows["large"].reason


def test_that_less_went_through_at_once_is_counted_too(tmp_path: Path, use: Callable[..., Any]) -> None:
    use(FullCard())
    add_wide_item(tmp_path, "clip", (96, 48))
    summary, rows = finish(job_of(tmp_path, OutOfMemory.fail))
    assert rows["clip"].state == "restored"
    assert summary.metrics['reelmend_oom_steps_total{stage="inpaint"}'] == 2


def test_a_resumed_run_takes_the_smaller_parts_as_they_are_and_says_so_again(
    tmp_path: Path, use: Callable[..., Any]
) -> None:
    use(SmallDevice(400))
    add_wide_item(tmp_path, "large")
    _, before = finish(job_of(tmp_path, OutOfMemory.smaller))
    (tmp_path / "out/large.mkv").unlink()
    device = use(SmallDevice(0))
    _, rows = finish(job_of(tmp_path, OutOfMemory.smaller))
    assert device.tried == []
    assert (rows["large"].state, rows["large"].reason) == ("restored", before["large"].reason)


def test_who_takes_the_advice_keeps_what_was_restored_and_who_takes_it_back_keeps_nothing_smaller(
    tmp_path: Path, use: Callable[..., Any]
) -> None:
    use(SmallDevice(400))
    add_wide_item(tmp_path, "large")
    add_wide_item(tmp_path, "small", (96, 48))
    finish(job_of(tmp_path, OutOfMemory.fail))

    device = use(SmallDevice(400))
    _, rows = finish(job_of(tmp_path, OutOfMemory.smaller))
    assert device.tried == [640, 480, 360, 360], "the large item's blocks alone"
    assert rows["large"].facts["blocks_restored_smaller"] == 2

    device = use(SmallDevice(1000))
    _, rows = finish(job_of(tmp_path, OutOfMemory.fail))
    assert device.tried == [640, 640]
    assert (rows["large"].state, rows["large"].reason) == ("restored", "")
    assert "blocks_restored_smaller" not in rows["large"].facts


def test_what_fitted_one_item_is_no_rule_for_one_that_asks_for_another_size_or_for_none_smaller(
    tmp_path: Path, use: Callable[..., Any]
) -> None:
    """Same pictures, and settings of their own in the manifest."""
    device = use(SmallDevice(400))
    settings = {"first": "", "half": "process.max_side=380", "strict": "process.out_of_memory=fail"}
    lines = [
        {"video": str(add_wide_item(tmp_path, name)), "mask": f"{tmp_path}/in/{name}_mask.mkv", "overrides": overrides}
        for name, overrides in settings.items()
    ]
    (tmp_path / "items.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    job = job_of(tmp_path, OutOfMemory.smaller)
    job.input.videos, job.input.manifest = [], str(tmp_path / "items.jsonl")
    _, rows = finish(job)
    assert [rows[name].state for name in settings] == ["restored", "restored", "quarantined"]
    assert rows["half"].reason == ""
    assert device.tried == [640, 480, 360, 360, 380, 380, 640]


def test_where_nothing_smaller_fits_either_the_way_out_is_another_one(tmp_path: Path, use: Callable[..., Any]) -> None:
    device = use(SmallDevice(0))
    add_wide_item(tmp_path, "large")
    _, rows = finish(job_of(tmp_path, OutOfMemory.smaller))
    assert device.tried == [640, 480, 360, 320]
    assert (rows["large"].state, rows["large"].kind) == ("quarantined", "MemoryShort")
    assert "320 pixels do not fit; even the smallest size does not fit: free that GPU's memory" in rows["large"].reason


def test_numbers_that_overflow_quarantine_their_item_and_name_the_frames_and_the_precision(
    tmp_path: Path, use: Callable[..., Any]
) -> None:
    use(Overflowing())
    add_wide_item(tmp_path, "clip", (96, 48))
    _, rows = finish(job_of(tmp_path, OutOfMemory.smaller))
    row = rows["clip"]
    assert (row.state, row.kind, row.attempts) == ("quarantined", "NotFinite", 1)
    assert "frames 0-1: completed frames are not finite in fp16; check the settings of the engine" in row.reason
