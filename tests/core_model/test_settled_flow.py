"""RAFT stops when a flow has settled: the same number of iterations for all pairs of a clip, found from its content."""

import numpy as np
import pytest
import torch
from moving_parts import still
from released import shared

from reelmend.core_model.device.precision import Execution
from reelmend.core_model.engine import U8
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.core_model.networks.raft import Raft, longest_on_average
from reelmend.core_model.progress import SKIPPED

MOST = 3


@pytest.fixture(scope="module")
def clip() -> U8:
    """Three frames; the second pair differs more than the first."""
    scene = still(1, 128, 160)[0]
    return np.stack([scene[:, shift : shift + 128] for shift in (0, 1, 6)])


def settled(clip: U8, bound: float) -> int:
    frames = torch.from_numpy(clip.transpose(0, 3, 1, 2).copy()).float()[None] / 255 * 2 - 1
    with torch.inference_mode():
        return shared(Raft).settled_iterations(frames, MOST, bound)


def flow(bound: float, iterations: int = MOST) -> RaftFlow:
    return RaftFlow(lambda: shared(Raft), "", iterations, Execution(), bound)


def test_every_pair_gets_the_iterations_that_settle_the_one_that_differs_most(clip: U8) -> None:
    hardest = clip[1:]
    bound = next(bound for bound in np.geomspace(1e3, 1e-4, 120) if settled(hardest, float(bound)) > 1)
    count = settled(hardest, float(bound))
    before = SKIPPED.raft_iterations
    stopped = flow(float(bound)).estimate(clip)
    assert SKIPPED.raft_iterations - before == 2 * (MOST - count), "two pairs"
    for got, expected in zip(stopped, flow(0, count).estimate(clip), strict=True):
        assert np.array_equal(got, expected)


def test_a_bound_that_is_never_reached_changes_nothing(clip: U8) -> None:
    pair = clip[1:]
    assert settled(pair, 1e-9) == MOST
    assert settled(pair, 1e9) == 1


def test_something_small_that_moves_by_itself_counts_as_much_as_the_rest() -> None:
    updates = torch.zeros(2, 2, 12, 18)
    updates[1, 0, 4:8, 8:12] = 3
    updates[1, 1, 4:8, 8:12] = 4
    assert longest_on_average(updates) == 5, "of one tile; over all of them 0.2"


def test_the_bound_is_part_of_the_digest_where_there_is_one() -> None:
    assert flow(0).digest == "raft-1--3-fp32"
    assert flow(0.25).digest == "raft-1--3-fp32-below0.25"
