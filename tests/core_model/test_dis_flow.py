"""Optical flow by dense inverse search: right, and the same however it was computed."""

import threading
import time

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.flow.dis import DisFlow
from reelmend.core_model.flow.opencv_pairs import flow_of_pairs
from tests.core_model.hidden_clips import pan


@pytest.mark.parametrize(("finest_scale", "error_px"), [(1, 0.25), (2, 0.3)])
def test_flow_of_a_pan_is_the_pan_in_both_directions(finest_scale: int, error_px: float) -> None:
    forward, backward = DisFlow(finest_scale).estimate(pan(frames=3, speed=3))
    middle = np.s_[:, :, 20:-20, 20:-20]
    assert np.abs(forward[middle] - np.array([-3, 0])[:, None, None]).max() < error_px
    assert np.abs(backward[middle] - np.array([3, 0])[:, None, None]).max() < error_px


def test_a_pair_has_the_same_flow_alone_and_among_others() -> None:
    frames = pan(frames=6)
    whole, alone = DisFlow().estimate(frames), DisFlow().estimate(frames[2:4])
    assert np.array_equal(whole[0][2:3], alone[0])
    assert np.array_equal(whole[1][2:3], alone[1])


def test_the_number_of_threads_does_not_show_in_the_flow() -> None:
    frames, before, flows = pan(frames=2, height=240, width=320), cv2.getNumThreads(), []
    try:
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            flows.append(DisFlow().estimate(frames)[0])
            assert cv2.getNumThreads() == threads  # the caller's setting is left as it was
    finally:
        cv2.setNumThreads(before)
    assert np.array_equal(flows[0], flows[1])
    assert np.array_equal(flows[0], flows[2])


@pytest.mark.parametrize("given", [1, 3])
def test_pairs_are_searched_on_as_many_threads_as_the_worker_was_given(given: int) -> None:
    """A machine with many cores has many workers: each with a thread a core would be the square of them."""
    before, searching = cv2.getNumThreads(), set()

    def search(start: NDArray[np.uint8], goal: NDArray[np.uint8]) -> NDArray[np.float32]:
        searching.add(threading.get_ident())
        time.sleep(0.002)  # so that a pool with more threads would use them
        return np.zeros((*start.shape, 2), np.float32)

    try:
        cv2.setNumThreads(given)
        flow_of_pairs("a search", np.zeros((9, 16, 16, 3), np.uint8), search)
    finally:
        cv2.setNumThreads(before)
    assert len(searching) == given


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 50), (17, 15), (33, 12)])
def test_tiny_frames_have_finite_flow_of_their_size(size: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    for flow in DisFlow().estimate(frames):
        assert flow.shape == (2, 2, *size)
        assert flow.dtype == np.float32
        assert np.isfinite(flow).all()


def test_one_frame_has_no_flow() -> None:
    with pytest.raises(ValueError, match="T >= 2"):
        DisFlow().estimate(np.zeros((1, 8, 8, 3), np.uint8))
