"""The result does not depend on how it was computed, and pixels outside the mask are the source's."""

import numpy as np
import pytest
from clips import moving_box
from jobs import add_item, finish, lossless_job, planes

from pipelines.config import ExecutorName


@pytest.fixture
def folder(tmp_path):
    add_item(tmp_path)
    return tmp_path


def test_one_chunk_and_four_give_the_same_bytes(folder):
    results = []
    for out, chunk_length, chunks in (("one", 1000, 1), ("four", 1, 4)):
        _, rows = finish(lossless_job(folder, out, chunk_length=chunk_length))
        assert rows["clip"].chunks_computed == chunks
        results.append(planes(folder / out / "clip.mkv"))
    assert np.array_equal(*results)


@pytest.mark.ray
def test_ray_and_this_process_give_the_same_bytes(folder, on_cluster):
    for executor in ExecutorName:
        summary, _ = finish(lossless_job(folder, executor, executor=executor))
        assert summary.exit_status == 0
    inline, ray = (planes(folder / executor / "clip.mkv") for executor in ("inline", "ray"))
    assert np.array_equal(inline, ray)


@pytest.mark.parametrize("dilation", [0, 4])
def test_pixels_outside_the_dilated_mask_are_the_sources(folder, dilation):
    job = lossless_job(folder)
    job.mask.dilation = dilation
    finish(job)
    source, restored = np.stack(planes(folder / "in/clip.mp4")), np.stack(planes(folder / "out/clip.mkv"))
    changed = source != restored
    luma, chroma = changed[:, :64], changed[:, 64:].reshape(70, 2, 32, 48)
    inside = _grown(moving_box(70), dilation)
    assert not (luma & ~inside).any()
    assert not (chroma & ~inside.reshape(70, 1, 32, 2, 48, 2).all(axis=(3, 5))).any()
    assert (luma & moving_box(70)).sum() > 0.95 * moving_box(70).sum(), "the box is gone"


def test_a_smaller_working_size_still_leaves_the_rest_untouched(folder):
    job = lossless_job(folder)
    job.process.max_side = 48
    finish(job)
    source, restored = np.stack(planes(folder / "in/clip.mp4")), np.stack(planes(folder / "out/clip.mkv"))
    assert not ((source != restored)[:, :64] & ~_grown(moving_box(70), 4)).any()


def _grown(masks, pixels):
    """Dilate by a cross, `pixels` times."""
    for _ in range(pixels):
        padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
        masks = masks | padded[:, :-2, 1:-1] | padded[:, 2:, 1:-1] | padded[:, 1:-1, :-2] | padded[:, 1:-1, 2:]
    return masks
