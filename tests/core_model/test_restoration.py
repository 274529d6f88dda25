"""A shot restored in pieces, by one actor or by several, is the shot restored at once: byte by byte on a CPU."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from released import with_test_weights

from core_model.array_shot import ArrayShot
from core_model.networks.flow_completion import FlowCompletion
from core_model.networks.generator import InpaintGenerator
from core_model.options import RestoreOptions
from core_model.propainter_engine import ProPainterEngine

FRAMES = 27
OPTIONS = RestoreOptions(neighbor_length=4, ref_stride=3, subvideo_length=8)


@pytest.fixture(scope="module")
def networks():
    return with_test_weights(FlowCompletion()), with_test_weights(InpaintGenerator())


@pytest.fixture(scope="module")
def shot():
    rng = np.random.default_rng(0)
    texture = cv2.resize(rng.integers(0, 256, (20, 30, 3), np.uint8), (150, 44), interpolation=cv2.INTER_CUBIC)
    frames = np.stack([texture[:40, 2 * t : 2 * t + 52] for t in range(FRAMES)])
    masks = np.zeros((FRAMES, 40, 52), bool)
    for t in range(FRAMES):
        masks[t, 10:22, 8 + t : 20 + t] = t % 9 != 4
    flow = np.zeros((FRAMES - 1, 2, 40, 52), np.float32) + rng.normal(0, 0.1, (FRAMES - 1, 2, 40, 52))
    flow[:, 0] -= 2
    return ArrayShot(frames, masks, flow, -flow)


@pytest.fixture(scope="module")
def whole(networks, shot):
    return engine(networks).restore(shot, 0, FRAMES)


def engine(networks, options=OPTIONS):
    return ProPainterEngine(lambda: networks, "", options)


@pytest.mark.parametrize("cuts", [(0, 16, 27), (0, 8, 16, 24, 27), (0, 5, 11, 19, 20, 27)])
def test_pieces_by_one_actor_are_the_whole(networks, shot, whole, cuts):
    actor = engine(networks)
    pieces = [actor.restore(shot, *cut) for cut in pairwise(cuts)]
    assert np.array_equal(np.concatenate(pieces), whole)


def test_pieces_by_several_actors_in_any_order_are_the_whole(networks, shot, whole):
    """Three actors: what each has computed before differs, what it returns does not."""
    first, second, third = (engine(networks) for _ in range(3))
    assert np.array_equal(second.restore(shot, 8, 16), whole[8:16])
    assert np.array_equal(third.restore(shot, 24, 27), whole[24:])
    assert np.array_equal(first.restore(shot, 16, 24), whole[16:24])
    assert np.array_equal(third.restore(shot, 0, 8), whole[:8])


def test_several_windows_at_once_are_the_same_picture_but_for_rounding(networks, shot, whole):
    options = RestoreOptions(neighbor_length=4, ref_stride=3, subvideo_length=8, window_batch=3)
    restored = engine(networks, options).restore(shot, 0, FRAMES)
    assert (np.abs(restored.astype(int) - whole) <= 1).mean() >= 0.9999
