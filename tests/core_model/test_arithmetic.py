"""Do the small tools compute what they say?"""

import numpy as np
import pytest
from hidden_clips import pan, texture

from core_model.metrics import psnr, warping_error
from core_model.motion_fit import evaluate_affine, fit_affine
from core_model.poisson import Edges, solve_poisson


def test_a_hole_is_rebuilt_from_its_differences_and_its_edge():
    image = texture(61, 83).astype(np.float32).transpose(2, 0, 1)
    free = np.zeros((61, 83), bool)
    free[3:20, 5:70] = True
    free[20:61, 30:40] = True  # down to the edge of the image
    emptied = np.where(free, np.float32(0), image)
    differences = Edges(np.diff(image, axis=2), np.diff(image, axis=1))
    weights = Edges(np.ones((61, 82), np.float32), np.ones((60, 83), np.float32))
    solved = solve_poisson(emptied, free, differences, weights, np.zeros((61, 83), np.float32))
    assert np.array_equal(solved[:, ~free], image[:, ~free])
    assert np.abs(solved - image).max() < 0.1 * np.abs(emptied - image).max()


def test_a_motion_is_found_although_a_third_of_the_samples_move_otherwise():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 600))
    motion = np.array([[2.0, 0.5, -0.3], [-1.0, 0.2, 0.4]])
    samples = evaluate_affine(motion, x, y) + rng.normal(0, 0.05, (2, 600))
    samples[:, :200] += [[9.0], [4.0]]
    assert np.abs(fit_affine(x, y, samples, noise=0.5) - motion).max() < 0.05


def test_psnr_counts_masked_pixels_only():
    truth = np.zeros((1, 4, 4, 3), np.uint8)
    restored, masks = truth.copy(), np.zeros((1, 4, 4), bool)
    restored[0, 0, 0], restored[0, 3, 3], masks[0, 0, 0] = 16, 255, True
    assert psnr(restored, truth, masks) == pytest.approx(10 * np.log10(255**2 / 16**2))
    assert psnr(truth, truth, masks) == float("inf")


def test_warping_error_is_zero_for_a_true_pan_and_not_for_flicker():
    clip = pan(frames=4, speed=3)
    masks = np.zeros(clip.shape[:3], bool)
    masks[:, 30:60, 40:90] = True
    flow_fwd, flow_bwd = (np.broadcast_to(np.array([dx, 0.0])[:, None, None], (3, 2, 96, 128)) for dx in (-3, 3))
    assert warping_error(clip, masks, flow_fwd, flow_bwd) < 1e-3
    clip[1::2, 30:60, 40:90] //= 2
    assert warping_error(clip, masks, flow_fwd, flow_bwd) > 100
