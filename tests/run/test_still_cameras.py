"""Where the camera stands still no flow is measured beforehand, and the pictures are the same as if it were."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.forecast.rates_of_run import rates_of_run
from reelmend.pipelines.media.still_ranges import StillFinder
from tests.clips import moving_box, scene, write_clip, write_mask_video
from tests.jobs import finish, lossless_job

FRAMES = 24


def job_of_one_block(folder: Path, out: str = "out") -> JobConfig:
    return lossless_job(folder, out, block_length=40, chunk_length=40)


def add_still_item(folder: Path) -> None:
    """A camera on a tripod, its grain, and a box that moves over the picture."""
    (folder / "in").mkdir()
    box = moving_box(FRAMES)
    grain = np.random.default_rng(0).normal(0, 3, (FRAMES, *box.shape[1:], 1))
    pictures = (scene(1) + grain).clip(0, 255).astype(np.uint8)
    write_mask_video(folder / "in/clip_mask.mkv", box, codec="ffv1")
    write_clip(folder / "in/clip.mp4", FRAMES, pictures=np.where(box[..., None], np.uint8(255), pictures))


def add_panned_item(folder: Path) -> None:
    """A camera that pans by 4 pixels a frame over what looks the same nowhere."""
    (folder / "in").mkdir()
    box = moving_box(FRAMES, (200, 120))
    height, width = box.shape[1:]
    grain = np.random.default_rng(0).integers(0, 256, (height, width + 4 * FRAMES, 3), np.uint8)
    world = (cv2.GaussianBlur(grain, (0, 0), 2) // 2 * 2).astype(np.uint8)
    pictures = np.stack([world[:, 4 * t : 4 * t + width] for t in range(FRAMES)])
    write_mask_video(folder / "in/clip_mask.mkv", box, codec="ffv1")
    write_clip(folder / "in/clip.mp4", FRAMES, size=(200, 120), pictures=pictures)


def claim(monkeypatch: pytest.MonkeyPatch, ranges: tuple[tuple[int, int], ...]) -> None:
    monkeypatch.setattr(StillFinder, "ranges", lambda self: ranges)


def test_a_still_clip_needs_no_flow_and_is_restored_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_still_item(tmp_path)
    job = job_of_one_block(tmp_path)
    summary, rows = finish(job)
    row = rows["clip"]
    assert (row.state, row.tasks_planned, row.tasks_computed) == ("restored", 3, 3), "probe, one chunk, stitch"
    assert "flow" not in row.seconds
    assert not summary.flow_use
    assert row.facts["worked_regions"] == 0
    (rate,) = rates_of_run(job, rows.values())
    assert set(rate.seconds_per_frame) == {"probe", "inpaint", "stitch"}

    claim(monkeypatch, ())
    summary, rows = finish(job_of_one_block(tmp_path, "measured"))
    assert rows["clip"].tasks_planned == 4
    assert summary.flow_use.computed == 1
    assert (tmp_path / "out/clip.mkv").read_bytes() == (tmp_path / "measured/clip.mkv").read_bytes()


def test_flow_of_a_moving_clip_is_measured_once_also_where_it_was_taken_to_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_panned_item(tmp_path)
    summary, rows = finish(job_of_one_block(tmp_path))
    assert (rows["clip"].tasks_planned, rows["clip"].facts["worked_regions"]) == (4, 1)
    assert (summary.flow_use.computed, summary.flow_use.computed_again) == (1, 0)

    claim(monkeypatch, ((0, FRAMES),))
    summary, rows = finish(job_of_one_block(tmp_path, "mistaken"))
    assert rows["clip"].tasks_planned == 3
    assert (summary.flow_use.computed, summary.flow_use.computed_again) == (1, 0)
    assert (tmp_path / "out/clip.mkv").read_bytes() == (tmp_path / "mistaken/clip.mkv").read_bytes()
