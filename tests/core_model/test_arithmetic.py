"""Do the small tools compute what they say?"""

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.metrics import psnr, warping_error
from reelmend.core_model.propagation.motion_fit import agreement_of, fit_affine, most_frequent
from tests.core_model.hidden_clips import pan

F64 = NDArray[np.float64]
MOTION = np.array([[2.0, 0.005, -0.003], [-1.0, 0.002, 0.004]])
"""(u, v) in pixels from (1, x, y)."""
NOISY = (0.25 / (0.25 + 2 * 0.05**2)) ** 2
"""Weight of a sample that is a twentieth of a pixel off in both directions, where half a pixel is tolerated."""


@pytest.fixture
def samples() -> F64:
    """Rows (x, y, u, v): 600 places that all follow `MOTION`, to a twentieth of a pixel."""
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 200, (600, 2))
    moved = np.column_stack((np.ones(600), places)) @ MOTION.T
    return np.column_stack((places, moved + rng.normal(0, 0.05, (600, 2))))


def fitted(samples: F64, start: F64 | None = None) -> tuple[F64, float]:
    found = np.zeros((2, 3))
    begin = np.zeros((2, 3)) if start is None else start
    agreement = fit_affine(samples, begin, start is not None, 100.0, 100.0, 100.0, found)
    return found, agreement


def errors_px(found: F64) -> F64:
    off: F64 = (found - MOTION) @ np.array([[1, 0, 0], [1, 200, 200]]).T
    return np.abs(off)


def test_a_motion_is_found_although_a_third_of_the_samples_move_otherwise(samples: F64) -> None:
    samples[:200, 2:] += [9, 4]
    found, agreement = fitted(samples)
    assert errors_px(found).max() < 0.1
    assert agreement == pytest.approx(400 * NOISY, abs=8)


def test_from_a_good_start_a_motion_is_found_that_only_a_third_of_the_samples_follow(samples: F64) -> None:
    samples[200:, 2:] += [9, 4]
    found, agreement = fitted(samples, MOTION + np.array([[0.3, 0, 0], [-0.3, 0, 0]]))
    assert errors_px(found).max() < 0.1
    assert agreement == pytest.approx(200 * NOISY, abs=8)
    assert agreement_of(samples, found) == pytest.approx(agreement, abs=5)


def test_a_start_that_turns_and_grows_is_taken_around_whichever_middle(samples: F64) -> None:
    """Two thirds of the samples follow what the start would be, were the middle's x taken for its y."""
    turning = np.array([[2.0, 0.05, -0.03], [-1.0, 0.02, 0.04]])
    samples[:, 2:] = np.column_stack((np.ones(600), samples[:, :2])) @ turning.T
    samples[200:, 2:] += turning[:, 2] * (40 - 170)
    found = np.zeros((2, 3))
    agreement = fit_affine(samples, turning, True, 40.0, 170.0, 100.0, found)
    assert np.abs((found - turning) @ np.array([[1, 0, 0], [1, 200, 200]]).T).max() < 0.1
    assert agreement == pytest.approx(200, abs=8)


def test_the_most_frequent_vector_is_a_start_wherever_the_others_point(samples: F64) -> None:
    samples[:250, 2:] = [-30.2, 12.4]
    samples[250:, 2:] = np.random.default_rng(1).uniform(-60, 60, (350, 2))
    start = np.ones((2, 3))
    most_frequent(samples, start)
    assert start.tolist() == [[-30, 0, 0], [12, 0, 0]]


def test_psnr_counts_masked_pixels_only() -> None:
    truth = np.zeros((1, 4, 4, 3), np.uint8)
    restored, masks = truth.copy(), np.zeros((1, 4, 4), bool)
    restored[0, 0, 0], restored[0, 3, 3], masks[0, 0, 0] = 16, 255, True
    assert psnr(restored, truth, masks) == pytest.approx(10 * np.log10(255**2 / 16**2))
    assert psnr(truth, truth, masks) == float("inf")


def test_warping_error_is_zero_for_a_true_pan_and_not_for_flicker() -> None:
    clip = pan(frames=4, speed=3)
    masks = np.zeros(clip.shape[:3], bool)
    masks[:, 30:60, 40:90] = True
    flow_fwd, flow_bwd = (np.broadcast_to(np.array([dx, 0.0])[:, None, None], (3, 2, 96, 128)) for dx in (-3, 3))
    assert warping_error(clip, masks, flow_fwd, flow_bwd) < 1e-3
    clip[1::2, 30:60, 40:90] //= 2
    assert warping_error(clip, masks, flow_fwd, flow_bwd) > 100
