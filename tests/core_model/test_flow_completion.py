import re

import pytest
import torch
import torch.nn.functional as F

from reelmend.core_model.networks.flow_completion import FlowCompletion, SpatialConv, TemporalConv
from tests.released import golden, shared, with_test_weights


@pytest.fixture(scope="module")
def completion() -> FlowCompletion:
    return shared(FlowCompletion)


def test_completed_flow_is_that_of_the_published_network(completion: FlowCompletion) -> None:
    case = golden("flow_completion_64x96")
    forward, backward = completion(case["flow_forward"], case["flow_backward"], case["masks"])
    assert torch.allclose(forward, case["completed_forward"], rtol=0, atol=2e-5)
    assert torch.allclose(backward, case["completed_backward"], rtol=0, atol=2e-5)


def test_measured_flow_outside_the_holes_is_returned_as_it_is(completion: FlowCompletion) -> None:
    case = golden("flow_completion_64x96")
    forward, backward = completion(case["flow_forward"], case["flow_backward"], case["masks"])
    outside_first, outside_second = (1 - case["masks"][:, :-1]).bool(), (1 - case["masks"][:, 1:]).bool()
    assert torch.equal(forward * outside_first, case["flow_forward"] * outside_first)
    assert torch.equal(backward * outside_second, case["flow_backward"] * outside_second)


def test_flow_inside_the_holes_is_not_looked_at(completion: FlowCompletion) -> None:
    case = golden("flow_completion_64x96")
    spoiled = case["flow_forward"] + 100 * case["masks"][:, :-1]
    forward, _ = completion(spoiled, case["flow_backward"], case["masks"])
    assert torch.allclose(forward, case["completed_forward"], rtol=0, atol=2e-5)


def test_backward_flow_is_completed_like_forward_flow_of_the_reversed_clip(completion: FlowCompletion) -> None:
    case = golden("flow_completion_64x96")
    forward, backward = completion(case["flow_forward"], case["flow_backward"], case["masks"])
    swapped, _ = completion(case["flow_backward"].flip(1), case["flow_forward"].flip(1), case["masks"].flip(1))
    assert torch.allclose(swapped.flip(1), backward, rtol=0, atol=2e-6)
    assert not torch.allclose(swapped, forward)


def test_a_single_pair_of_frames_is_completed(completion: FlowCompletion) -> None:
    case = golden("flow_completion_64x96")
    forward, _ = completion(case["flow_forward"][:, :1], case["flow_backward"][:, :1], case["masks"][:, :2])
    assert forward.isfinite().all()
    assert not torch.equal(forward, case["flow_forward"][:, :1])


def test_convolutions_are_those_of_the_released_3d_weights() -> None:
    x = torch.randn(2, 5, 4, 6, 7)
    spatial = with_test_weights(SpatialConv(4, 3, 3, stride=2))
    temporal = with_test_weights(TemporalConv(4))
    volume = x.transpose(1, 2)
    plain = F.conv3d(volume, spatial.weight, spatial.bias, stride=(1, 2, 2), padding=(0, 1, 1))
    assert torch.allclose(spatial(x), plain.transpose(1, 2), atol=1e-5)
    plain = F.conv3d(volume, temporal.weight, temporal.bias, padding=(2, 0, 0), dilation=(2, 1, 1))
    for pieces in (torch.split(x, 1, dim=1), torch.split(x, 3, dim=1), [x]):
        assert torch.allclose(torch.cat([*temporal.stream(pieces)], 1), plain.transpose(1, 2), atol=1e-5)


def test_flows_and_masks_that_do_not_fit_are_refused_with_their_shapes(completion: FlowCompletion) -> None:
    flow, masks = torch.zeros(1, 3, 2, 64, 64), torch.zeros(1, 4, 1, 64, 64)
    for wrong in (flow[:, :2], flow[..., 8:], flow[:, :, :1]):
        with pytest.raises(ValueError, match=re.escape(f"{[*wrong.shape]} and [1, 4, 1, 64, 64]")):
            completion(flow, wrong, masks)
    with pytest.raises(ValueError, match="multiples of 8"):
        completion(flow[..., :60], flow[..., :60], masks[..., :60])
