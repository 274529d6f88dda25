"""Does the engine bring back what a hole hides, and is its answer defined and the same in every corner?"""

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reelmend.core_model.metrics import psnr, warping_error
from reelmend.core_model.propagation.fill import fill_clip
from tests.core_model.hidden_clips import Hidden, centre_box, hide, pan, texture


def restore(clip: Hidden) -> np.ndarray:
    return fill_clip(clip.frames.copy(), clip.masks, lambda: (clip.flow_fwd, clip.flow_bwd)).frames


def panned(**size: int) -> Hidden:
    truth = pan(**size)
    return hide(truth, centre_box(*truth.shape[:3]))


@pytest.fixture(scope="module")
def passing() -> tuple[Hidden, np.ndarray]:
    """A texture that passes behind a static hole, and what became of it."""
    clip = panned()
    return clip, restore(clip)


def telea(clip: Hidden) -> np.ndarray:
    pairs = zip(clip.frames, clip.masks, strict=True)
    return np.stack([cv2.inpaint(frame, mask.astype(np.uint8), 4, cv2.INPAINT_TELEA) for frame, mask in pairs])


def test_a_texture_that_passes_behind_a_static_hole_comes_back(passing: tuple[Hidden, NDArray[Any]]) -> None:
    clip, restored = passing
    assert psnr(restored, clip.truth, clip.masks) > 35


def test_a_drifting_hole_over_a_still_scene_comes_back() -> None:
    truth = np.repeat(texture(80, 120)[None], 16, 0)
    masks = np.zeros(truth.shape[:3], bool)
    for t, mask in enumerate(masks):
        mask[25:50, 10 + 5 * t : 32 + 5 * t] = True
    clip = hide(truth, masks)
    assert psnr(restore(clip), truth, masks) > 35


def test_frames_of_different_light_leave_no_seams() -> None:
    truth = pan(frames=16)
    brightness = np.linspace(0.6, 1.0, len(truth))[:, None, None, None]
    clip = hide((truth * brightness).astype(np.uint8), centre_box(*truth.shape[:3]))
    assert psnr(restore(clip), clip.truth, clip.masks) > 28


def test_pixels_outside_the_mask_are_the_sources() -> None:
    clip = panned(frames=8)
    assert np.array_equal(restore(clip)[~clip.masks], clip.frames[~clip.masks])


def test_what_is_painted_in_the_hole_does_not_matter_much(passing: tuple[Hidden, NDArray[Any]]) -> None:
    clip, restored = passing
    frames = clip.frames.copy()
    frames[clip.masks] = np.random.default_rng(1).integers(0, 256, (int(clip.masks.sum()), 3))
    noisy = hide(clip.truth, clip.masks)._replace(frames=frames)
    assert np.array_equal(restored, restore(noisy))


def test_what_no_frame_shows_is_filled_and_stands_still() -> None:
    still = np.repeat(texture(64, 96)[None], 10, 0)
    clip = hide(still, centre_box(10, 64, 96))
    restored = restore(clip)
    assert (restored == restored[0]).all()
    assert (restored[clip.masks] != 128).any()


def test_two_cuts_of_a_scene_are_not_mixed() -> None:
    first, second = pan(frames=16), 255 - texture(96, 128, seed=5)
    clip = hide(np.concatenate((first, np.repeat(second[None], 4, 0))), centre_box(20, 96, 128))
    assert psnr(restore(clip)[:16], clip.truth[:16], clip.masks[:16]) > 28


@pytest.mark.parametrize("scale", [0.5, 0.37])
def test_flow_of_a_lower_resolution_serves(scale: float) -> None:
    truth = pan(frames=14, height=160, width=224, speed=4)
    clip = hide(truth, centre_box(*truth.shape[:3]), flow_scale=scale)
    assert psnr(restore(clip), clip.truth, clip.masks) > psnr(telea(clip), clip.truth, clip.masks) + 6


def test_restored_motion_is_steadier_than_inpainting_frame_by_frame(passing: tuple[Hidden, NDArray[Any]]) -> None:
    clip, restored = passing
    flows = clip.flow_fwd, clip.flow_bwd
    true_flows = [np.broadcast_to(np.array([dx, 0.0])[:, None, None], flows[0].shape) for dx in (-3, 3)]
    ours = warping_error(restored, clip.masks, *true_flows)
    assert ours < 0.25 * warping_error(telea(clip), clip.masks, *true_flows)


def test_the_number_of_threads_does_not_show_in_the_picture() -> None:
    clip, before, results = panned(frames=8), (cv2.getNumThreads(), torch.get_num_threads()), []
    try:
        for threads in (1, 2, 3):
            cv2.setNumThreads(threads)
            torch.set_num_threads(threads)
            results.append(restore(clip))
            assert (cv2.getNumThreads(), torch.get_num_threads()) == (threads, threads)
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (17, 31)])
@pytest.mark.parametrize("masked", ["nothing", "one pixel", "one frame", "everything"])
def test_every_size_and_mask_has_an_answer(frames: int, size: tuple[int, int], masked: str) -> None:
    rng = np.random.default_rng(0)
    clip = rng.integers(0, 256, (frames, *size, 3), dtype=np.uint8)
    masks = np.zeros((frames, *size), bool)
    where: dict[str, Any] = {
        "nothing": np.s_[:0], "one pixel": np.s_[0, 0, 0], "one frame": np.s_[-1], "everything": np.s_[:]
    }  # fmt: skip
    masks[where[masked]] = True
    flow = rng.normal(0, 2, (2, frames - 1, 2, *size)).astype(np.float16)
    restored = fill_clip(clip.copy(), masks, lambda: (flow[0], flow[1])).frames
    assert restored.shape == clip.shape
    assert restored.dtype == np.uint8
    assert np.array_equal(restored[~masks], clip[~masks])


def test_frames_are_filled_in_place_unless_they_are_read_only() -> None:
    clip = panned(frames=6)
    frames = clip.frames.copy()
    frames.flags.writeable = False
    separate = fill_clip(frames, clip.masks, lambda: clip[3:]).frames
    assert np.array_equal(frames, clip.frames)
    given = clip.frames.copy()
    in_place = fill_clip(given, clip.masks, lambda: clip[3:]).frames
    assert in_place is given
    assert np.array_equal(in_place, separate)


def test_arrays_that_do_not_fit_are_named() -> None:
    clip = panned(frames=6)
    with pytest.raises(ValueError, match=r"masks \[T, H, W\].*\[5, 96, 128\]"):
        fill_clip(clip.frames, clip.masks[:5], lambda: (clip.flow_fwd, clip.flow_bwd))
    with pytest.raises(ValueError, match=r"flows \[5, 2, h, w\].*\[4, 2, 96, 128\]"):
        fill_clip(clip.frames, clip.masks, lambda: (clip.flow_fwd[:4], clip.flow_bwd))
