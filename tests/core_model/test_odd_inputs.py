"""Any clip gives a defined picture, the same one each time, or an error that says what was wrong with it."""

import warnings
from copy import deepcopy
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.device.precision import Execution
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from reelmend.core_model.propainter.engine import ProPainterEngine
from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.propainter.restorer import Restorer, dilate
from tests.released import Networks, shared_networks, with_test_weights

SHAPES = [(1, 1, 1), (2, 1, 1), (3, 1, 19), (2, 19, 1), (2, 3, 150), (3, 7, 5), (2, 8, 8), (4, 9, 16), (2, 127, 129)]
"""(T, H, W)"""
Network = TypeVar("Network", Raft, InpaintGenerator)


@pytest.fixture(scope="module")
def networks() -> Networks:
    return shared_networks()


@pytest.fixture(scope="module")
def restore(networks: Networks) -> Restorer:
    return Restorer(*networks, RestoreOptions(raft_iterations=1, mask_dilation=1))


def clip(frames: int, height: int, width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Noise, and a hole from the middle on, at most 9 pixels wide and high."""
    pictures = np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), np.uint8)
    masks = np.zeros((frames, height, width), bool)
    masks[:, height // 2 :, width // 2 :][:, :9, :9] = True
    return pictures, masks


def still(pictures: NDArray[Any], masks: NDArray[Any]) -> ArrayShot:
    """A shot in which nothing moves."""
    flow = np.zeros((max(0, len(pictures) - 1), 2, *masks.shape[1:]), np.float16)
    return ArrayShot(pictures, masks, flow, flow)


@pytest.mark.parametrize("shape", SHAPES)
def test_clips_of_odd_sizes_and_lengths_are_restored_twice_alike_and_in_the_mask_only(
    restore: Restorer, shape: tuple[int, int, int]
) -> None:
    pictures, masks = clip(*shape)
    first, second = restore(pictures, masks), restore(pictures, masks)
    inside = dilate(masks, 1)
    assert first.shape == pictures.shape
    assert np.array_equal(first, second)
    assert np.array_equal(first[~inside], pictures[~inside])
    assert not np.array_equal(first[inside], pictures[inside])


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_what_is_under_a_mask_over_whole_frames_does_not_show(networks: Networks, frames: int) -> None:
    """Nothing is known: the picture follows from the weights alone. Masked flow is not read either."""
    pictures, masks = clip(frames, 24, 16)
    masks[:] = True
    blank = np.zeros_like(pictures)
    shots = [still(pictures, masks), still(blank, masks)]
    engine = ProPainterEngine(lambda: networks[1:], "", RestoreOptions())
    first, second = (engine.restore(shot, 0, frames).frames for shot in shots)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, blank)


def test_mirrored_and_read_only_arrays_are_as_good_as_others(restore: Restorer) -> None:
    """A picture read by OpenCV and turned to RGB by `[..., ::-1]` is a view with a negative stride."""
    pictures, masks = clip(2, 20, 24)
    mirrored = np.ascontiguousarray(pictures[..., ::-1])[..., ::-1]
    for array in (mirrored, pictures):
        array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(restore(mirrored, masks), restore(pictures, masks))


@pytest.mark.parametrize(
    ("frames", "masks", "problem"),
    [
        ((0, 8, 8, 3), (0, 8, 8), r"uint8 \[0, 8, 8, 3\]"),
        ((2, 8, 8, 3), (2, 16, 8), r"uint8 \[2, 8, 8, 3\] and \[2, 16, 8\]"),
        ((2, 8, 8, 3), (1, 8, 8), r"uint8 \[2, 8, 8, 3\] and \[1, 8, 8\]"),
        ((2, 0, 8, 3), (2, 0, 8), r"uint8 \[2, 0, 8, 3\]"),
    ],
)
def test_a_clip_without_frames_or_with_a_mask_of_another_size_is_refused_with_both_shapes(
    restore: Restorer, frames: tuple[int, int, int, int], masks: tuple[int, int, int], problem: str
) -> None:
    with pytest.raises(ValueError, match=f"Restorer: expected u8 frames .* got {problem}"):
        restore(np.zeros(frames, np.uint8), np.zeros(masks, np.uint8))


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (1, 8, 8, 3), (2, 0, 8, 3), (2, 8, 8, 4), (2, 8, 8)])
def test_flow_of_anything_but_two_frames_or_more_is_refused_with_the_shape(
    networks: Networks, shape: tuple[int, ...]
) -> None:
    raft = RaftFlow(lambda: networks.raft, "", 1, Execution())
    with pytest.raises(ValueError, match=r"RaftFlow: expected u8 frames \[T >= 2, H, W, 3\], got uint8 \["):
        raft.estimate(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (1, 1), (-1, 1), (2, 1), (0, 3)])
def test_frames_that_a_shot_does_not_have_are_refused_with_their_numbers(
    networks: Networks, start: int, stop: int
) -> None:
    engine = ProPainterEngine(lambda: networks[1:], "", RestoreOptions())
    with pytest.raises(ValueError, match=rf"expected frames of a shot of 2, got \[{start}, {stop}\)"):
        engine.restore(still(*clip(2, 8, 8)), start, stop)


def overflowing(network: Network, name: str) -> Network:
    """The network, one of whose biases is finite, but too large for what is computed from it."""
    parameter = dict(network.named_parameters())[name]
    parameter.data.fill_(torch.finfo(torch.float32).max)
    return network


def test_flow_that_overflows_is_an_error_and_not_a_flow() -> None:
    raft = overflowing(with_test_weights(Raft()), "update_block.flow_head.conv2.bias")
    with pytest.raises(FloatingPointError, match="flow of 8x8 frames is not finite in fp32"):
        RaftFlow(lambda: raft, "", 2, Execution()).estimate(clip(2, 8, 8)[0])


def test_a_picture_that_overflows_is_an_error_and_not_a_picture(
    networks: Networks,
) -> None:
    generator = overflowing(deepcopy(networks.generator), "encoder.layers.0.bias")
    engine = ProPainterEngine(lambda: (networks.completion, generator), "", RestoreOptions())
    with pytest.raises(FloatingPointError, match="completed frames are not finite in fp32"):
        engine.restore(still(*clip(1, 8, 8)), 0, 1)


def test_flow_smaller_than_the_frames_is_scaled_up_with_its_vectors(
    networks: Networks,
) -> None:
    """As of a 4K source whose flow was measured at 640 pixels: the same motion, given at a third of the size."""
    pictures, masks = clip(3, 24, 48)
    large, small = (np.full((2, 2, 24 // n, 48 // n), -6 / n, np.float16) for n in (1, 3))
    restored = [
        ProPainterEngine(lambda: networks[1:], "", RestoreOptions())
        .restore(ArrayShot(pictures, masks, f, -f), 0, 3)
        .frames
        for f in (large, small)
    ]
    assert np.array_equal(restored[0], restored[1])
