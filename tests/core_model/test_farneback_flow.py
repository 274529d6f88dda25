"""Optical flow by polynomial expansion: right, and the same however it was computed."""

import cv2
import numpy as np
import pytest

from reelmend.core_model.flow.farneback import FarnebackFlow
from tests.core_model.hidden_clips import pan


def test_flow_of_a_pan_is_the_pan_in_both_directions() -> None:
    forward, backward = FarnebackFlow().estimate(pan(frames=3, speed=3))
    middle = np.s_[:, :, 20:-20, 20:-20]
    assert np.abs(forward[middle] - np.array([-3, 0])[:, None, None]).max() < 0.3
    assert np.abs(backward[middle] - np.array([3, 0])[:, None, None]).max() < 0.3


def test_a_pair_has_the_same_flow_alone_and_with_any_number_of_threads() -> None:
    frames, before = pan(frames=4), cv2.getNumThreads()
    whole = FarnebackFlow().estimate(frames)
    try:
        cv2.setNumThreads(5)
        alone = FarnebackFlow().estimate(frames[1:3])
    finally:
        cv2.setNumThreads(before)
    assert np.array_equal(whole[0][1:2], alone[0])
    assert np.array_equal(whole[1][1:2], alone[1])


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 50), (17, 15)])
def test_tiny_frames_have_finite_flow_of_their_size(size: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    for flow in FarnebackFlow().estimate(frames):
        assert flow.shape == (2, 2, *size)
        assert np.isfinite(flow).all()
