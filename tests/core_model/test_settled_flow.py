"""RAFT stops when a flow has settled: the same number of iterations for all pairs of a clip, found from its content."""

import numpy as np
import pytest
import torch

from reelmend.core_model.device.precision import Execution
from reelmend.core_model.engine import U8
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.core_model.networks.raft import Raft, longest_on_average
from reelmend.core_model.progress import SKIPPED
from tests.core_model.moving_parts import still
from tests.released import shared

MOST = 3


@pytest.fixture(scope="module")
def clip() -> U8:
    """Three frames; the second pair differs more than the first."""
    scene = still(1, 128, 160)[0]
    return np.stack([scene[:, shift : shift + 128] for shift in (0, 1, 6)])


@pytest.fixture(scope="module")
def first_updates(clip: U8) -> list[float]:
    """Of each pair, in pixels."""
    frames = torch.from_numpy(clip.transpose(0, 3, 1, 2).copy()).float()[None] / 255 * 2 - 1
    with torch.inference_mode():
        return [next(shared(Raft).updates(frames[:, t : t + 2], 1)) for t in (0, 1)]


def flow(bound: float, iterations: int = MOST) -> RaftFlow:
    return RaftFlow(lambda: shared(Raft), "", iterations, Execution(), bound)


def test_pairs_get_the_iterations_that_settle_the_one_that_differs_most(clip: U8, first_updates: list[float]) -> None:
    before = SKIPPED.raft_iterations
    stopped = flow(1.01 * first_updates[1]).estimate(clip)
    assert SKIPPED.raft_iterations - before == 2 * (MOST - 1), "of two pairs"
    for got, expected in zip(stopped, flow(0, 1).estimate(clip), strict=True):
        assert np.array_equal(got, expected)


def test_a_pair_that_has_settled_waits_for_the_one_that_differs_most(clip: U8, first_updates: list[float]) -> None:
    """These weights' updates never grow shorter, so what has not settled after one iteration never does."""
    assert first_updates[0] < first_updates[1]
    before = SKIPPED.raft_iterations
    stopped = flow(sum(first_updates) / 2).estimate(clip)
    assert SKIPPED.raft_iterations == before
    for got, expected in zip(stopped, flow(0).estimate(clip), strict=True):
        assert np.array_equal(got, expected)


def test_something_small_that_moves_by_itself_counts_as_much_as_the_rest() -> None:
    updates = torch.zeros(2, 2, 12, 18)
    updates[1, 0, 4:8, 8:12] = 3
    updates[1, 1, 4:8, 8:12] = 4
    assert longest_on_average(updates) == 5, "of one tile; over all of them 0.2"


def test_the_bound_is_part_of_the_digest_where_there_is_one() -> None:
    assert flow(0).digest == "raft-1--3-fp32"
    assert flow(0.25).digest == "raft-1--3-fp32-below0.25"
