import pytest
import torch
import torch.nn.functional as F

from reelmend.core_model.networks.correlation import CorrelationPyramid
from reelmend.core_model.networks.raft import Raft
from tests.released import golden, shared


@pytest.fixture(scope="module")
def raft() -> Raft:
    return shared(Raft)


def test_flow_is_that_of_the_published_network(raft: Raft) -> None:
    case = golden("raft_128x160")
    forward, backward = raft(case["frames"], int(case["iters"]))
    assert torch.allclose(forward, case["flow_forward"], rtol=0, atol=1e-4)
    assert torch.allclose(backward, case["flow_backward"], rtol=0, atol=1e-4)


def test_flow_is_that_of_each_directed_pair_computed_alone(raft: Raft) -> None:
    frames = golden("raft_128x160")["frames"]
    forward, backward = raft(frames, 3)
    assert torch.allclose(forward[:, 1], _plain_raft(raft, frames[:, 1], frames[:, 2], 3), rtol=0, atol=2e-5)
    assert torch.allclose(backward[:, 0], _plain_raft(raft, frames[:, 1], frames[:, 0], 3), rtol=0, atol=2e-5)


def test_how_many_pairs_are_computed_at_once_changes_nothing(raft: Raft) -> None:
    frames = golden("raft_128x160")["frames"]
    for all_at_once, one_by_one in zip(raft(frames, 2), raft(frames, 2, pairs_at_once=1), strict=True):
        assert torch.allclose(all_at_once, one_by_one, rtol=0, atol=2e-6)


def test_several_clips_in_a_batch_are_independent(raft: Raft) -> None:
    frames = golden("raft_128x160")["frames"][:, :2]
    both, _ = raft(torch.cat((frames, frames.flip(1))), 2)
    assert torch.allclose(both[1:], raft(frames.flip(1), 2)[0], rtol=0, atol=2e-6)


def test_under_autocast_flow_stays_fp32_and_close(raft: Raft) -> None:
    frames = golden("raft_128x160")["frames"][:, :2]
    exact, _ = raft(frames, 4)
    with torch.autocast("cpu", torch.bfloat16):
        reduced, _ = raft(frames, 4)
    assert reduced.dtype == torch.float32
    assert (reduced - exact).abs().max() < 0.02


@pytest.mark.parametrize("shape", [(1, 2, 3, 120, 160), (1, 2, 3, 128, 164), (1, 1, 3, 128, 128), (1, 2, 1, 128, 128)])
def test_frames_that_do_not_fit_are_refused_with_their_shape(raft: Raft, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"at least 128, got \[" + ", ".join(map(str, shape))):
        raft(torch.zeros(shape))


def test_no_iterations_are_refused(raft: Raft) -> None:
    with pytest.raises(ValueError, match="at least 1 iteration, got 0"):
        raft(torch.zeros(1, 2, 3, 128, 128), 0)


def test_correlation_moves_x_slowly_and_y_fast_and_is_zero_outside() -> None:
    volume = torch.arange(16 * 16.0).reshape(1, 1, 1, 16, 16)
    pixel = CorrelationPyramid(volume).look_up(torch.tensor([5.0, 2.0]).reshape(1, 2, 1, 1)).reshape(4, 9, 9)
    assert pixel[0, 4, 4] == pytest.approx(2 * 16 + 5)
    assert pixel[0, 6, 4] == pytest.approx(2 * 16 + 7)
    assert pixel[0, :, 1].abs().max() < 1e-5
    assert pixel[0, 4, 2] == pytest.approx(5)
    assert pixel[1, 4, 4] == pytest.approx(F.avg_pool2d(volume[0], 2)[0, 0, 1, 2:4].mean())


def _plain_raft(raft: Raft, first: torch.Tensor, second: torch.Tensor, iterations: int) -> torch.Tensor:
    """RAFT as the paper has it: one directed pair, whole convolutions, upsampled in every iteration."""
    update = raft.update_block
    seen = raft.fnet(first).flatten(2).transpose(1, 2) @ raft.fnet(second).flatten(2) / 16
    state, context = raft.cnet(first).split(128, dim=1)
    state, context = state.tanh(), context.relu()
    height, width = state.shape[2:]
    pyramid = CorrelationPyramid(seen.reshape(-1, height, width, height, width))
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    start = torch.stack((x, y))[None]
    flow = torch.zeros_like(start)
    for _ in range(iterations):
        motion = update.encoder(pyramid.look_up(start + flow), flow)
        for number, padding in ((1, (0, 2)), (2, (2, 0))):
            z, r, q = (getattr(update.gru, f"conv{gate}{number}") for gate in "zrq")
            given = torch.cat((state, context, motion), 1)
            update_z = F.conv2d(given, z.weight, z.bias, padding=padding).sigmoid()
            reset = F.conv2d(given, r.weight, r.bias, padding=padding).sigmoid()
            given = torch.cat((reset * state, context, motion), 1)
            state = (1 - update_z) * state + update_z * F.conv2d(given, q.weight, q.bias, padding=padding).tanh()
        flow = flow + update.flow_head(state)
        upsampled = update.upsample(flow, state)
    return upsampled
