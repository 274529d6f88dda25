"""The result does not depend on how it was computed, and pixels outside the mask are the source's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import JobConfig
from tests.clips import Bool, moving_box
from tests.jobs import add_item, finish, lossless_job, planes

FRAMES = 28
FOUR_BLOCKS: dict[str, Any] = {"block_length": 8, "overlap": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip, and in four/ what became of it in this process, a chunk a block."""
    folder = tmp_path_factory.mktemp("clip")
    add_item(folder, frames=FRAMES)
    _, rows = finish(lossless_job(folder, "four", **FOUR_BLOCKS, chunk_length=1))
    assert rows["clip"].chunks_computed == 4
    return folder


def test_one_chunk_and_four_give_the_same_bytes(folder: Path) -> None:
    _, rows = finish(lossless_job(folder, "one", **FOUR_BLOCKS, chunk_length=1000))
    assert rows["clip"].chunks_computed == 1
    one, four = (planes(folder / out / "clip.mkv") for out in ("one", "four"))
    assert np.array_equal(one, four)


@pytest.mark.ray
def test_ray_and_this_process_give_the_same_bytes(folder: Path, on_cluster: str) -> None:
    job = lossless_job(folder, "ray", **FOUR_BLOCKS, chunk_length=1, executor=ExecutorName.ray)
    assert finish(job)[0].exit_status == 0
    with_ray, here = (planes(folder / out / "clip.mkv") for out in ("ray", "four"))
    assert np.array_equal(with_ray, here)


def test_pixels_outside_the_dilated_mask_are_the_sources(folder: Path) -> None:
    source, restored = (planes(folder / path) for path in ("in/clip.mp4", "four/clip.mkv"))
    assert_only_the_box_changed(source, restored, dilation=4)


def test_without_dilation_pixels_outside_the_mask_are_the_sources(tmp_path: Path) -> None:
    job = short_job(tmp_path)
    job.mask.dilation = 0
    finish(job)
    assert_only_the_box_changed(planes(tmp_path / "in/clip.mp4"), planes(tmp_path / "out/clip.mkv"), dilation=0)


def test_a_smaller_working_size_still_leaves_the_rest_untouched(tmp_path: Path) -> None:
    job = short_job(tmp_path)
    job.process.max_side = 48
    finish(job)
    assert_only_the_box_changed(planes(tmp_path / "in/clip.mp4"), planes(tmp_path / "out/clip.mkv"), dilation=4)


def short_job(folder: Path) -> JobConfig:
    """Of one block: where blocks meet, the four of the fixture show it."""
    add_item(folder, frames=8)
    return lossless_job(folder)


def assert_only_the_box_changed(
    source: list[NDArray[np.uint8]], restored: list[NDArray[np.uint8]], dilation: int
) -> None:
    changed = np.stack(source) != np.stack(restored)
    frames = len(changed)
    luma, chroma = changed[:, :64], changed[:, 64:].reshape(frames, 2, 32, 48)
    box = moving_box(frames)
    inside = _grown(box, dilation)
    assert not (luma & ~inside).any()
    assert not (chroma & ~inside.reshape(frames, 1, 32, 2, 48, 2).all(axis=(3, 5))).any()
    assert (luma & box).sum() > 0.95 * box.sum(), "the box is gone"


def _grown(masks: Bool, pixels: int) -> Bool:
    """Dilate by a cross, `pixels` times."""
    for _ in range(pixels):
        padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
        masks = masks | padded[:, :-2, 1:-1] | padded[:, 2:, 1:-1] | padded[:, 1:-1, :-2] | padded[:, 1:-1, 2:]
    return masks
