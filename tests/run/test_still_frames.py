"""Runs of equal frames are restored once by the networks: the picture is that of the distinct frames, repeated."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from clips import scene, write_clip, write_mask_image
from jobs import finish, lossless_job, planes
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from reelmend import restore
from reelmend.pipelines.config import JobConfig, ProPainterConfig, StillFrames

U8 = NDArray[np.uint8]
SCHEDULE: dict[str, object] = {"subvideo_length": 2, "neighbor_length": 2, "ref_stride": 2, "raft_iterations": 1}
FRAMES = 3
"""Distinct ones."""


@pytest.fixture(scope="module")
def clip() -> U8:
    return scene(FRAMES, (48, 32))


@pytest.fixture(scope="module")
def hole() -> NDArray[np.bool_]:
    mask = np.zeros((32, 48), np.bool_)
    mask[12:20, 16:28] = True
    return mask


@pytest.fixture
def restored(hole: NDArray[np.bool_], weights: dict[str, str]) -> Callable[..., U8]:
    def run(frames: U8, **settings: object) -> U8:
        networks = {f"propainter.{name}": value for name, value in {**weights, **SCHEDULE, "precision": "fp32"}.items()}
        chosen: Mapping[str, object] = {
            **networks,
            "flow.segment_length": 3,
            "plan.shots": False,
            **{name.replace("__", "."): value for name, value in settings.items()},
        }
        return restore(frames, hole, "propainter", settings=chosen)

    return run


def operations(work: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def test_a_clip_on_twos_is_its_distinct_frames_restored_and_repeated_for_half_the_operations(
    clip: U8, restored: Callable[..., U8]
) -> None:
    once = restored(clip)
    twos = np.repeat(clip, 2, 0)
    found: list[U8] = []
    on = operations(lambda: found.append(restored(twos, process__still_frames="equal")))
    assert np.array_equal(found[0], np.repeat(once, 2, 0))
    off = operations(lambda: found.append(restored(twos)))
    assert on <= 0.6 * off
    assert not np.array_equal(found[0], found[1]), "the schedule is that of other frames"


def test_sixty_identical_frames_cost_what_one_costs(clip: U8, restored: Callable[..., U8]) -> None:
    one = operations(lambda: restored(clip[:1]))
    sixty = np.repeat(clip[:1], 60, 0)
    found: list[U8] = []
    all_of_them = operations(lambda: found.append(restored(sixty, process__still_frames="equal")))
    assert 0 < all_of_them <= 1.3 * one
    assert (found[0] == found[0][0]).all()


def job_of(folder: Path, weights: dict[str, str], out: str, mode: StillFrames, chunk_length: int) -> JobConfig:
    job = lossless_job(folder, out, chunk_length=chunk_length)
    job.engine = "propainter"
    job.flow.segment_length = 3
    job.process.still_frames = mode
    job.propainter = ProPainterConfig(**weights, **SCHEDULE, precision="fp32")  # type: ignore[arg-type]
    return job


def add_uneven_item(folder: Path, clip: U8, hole: NDArray[np.bool_], times: list[int]) -> None:
    (folder / "in").mkdir()
    frames = np.repeat(clip, times, 0)
    write_clip(folder / "in/clip.mkv", len(frames), codec="ffv1", pictures=frames)
    write_mask_image(folder / "in/clip_mask.png", hole)


def test_chunks_and_resuming_change_nothing_and_the_row_counts_what_was_repeated(
    tmp_path: Path, clip: U8, hole: NDArray[np.bool_], weights: dict[str, str]
) -> None:
    add_uneven_item(tmp_path, clip, hole, [1, 4, 2])
    _, rows = finish(job_of(tmp_path, weights, "one", StillFrames.equal, 100))
    assert rows["clip"].facts["frames_repeated"] == 4
    job = job_of(tmp_path, weights, "many", StillFrames.equal, 1)
    _, rows = finish(job)
    assert rows["clip"].chunks_computed == 2, "two distinct frames, and one"
    one, many = (planes(tmp_path / out / "clip.mkv") for out in ("one", "many"))
    assert np.array_equal(one, many)

    (tmp_path / "many/clip.mkv").unlink()
    _, rows = finish(job)
    assert rows["clip"].chunks_reused == 2
    assert np.array_equal(planes(tmp_path / "many/clip.mkv"), one)


def test_the_switch_recomputes_no_part_and_no_flow_of_a_clip_that_repeats_nothing(
    tmp_path: Path, clip: U8, hole: NDArray[np.bool_], weights: dict[str, str]
) -> None:
    add_uneven_item(tmp_path, clip, hole, [1, 1, 1])
    finish(job_of(tmp_path, weights, "out", StillFrames.off, 100))
    before = planes(tmp_path / "out/clip.mkv")
    _, rows = finish(job_of(tmp_path, weights, "out", StillFrames.equal, 100))
    row = rows["clip"]
    assert (row.tasks_computed, row.tasks_reused) == (2, 2), "probe and stitch; flow and chunk are there"
    assert "frames_repeated" not in row.facts
    assert np.array_equal(planes(tmp_path / "out/clip.mkv"), before)
