import re

import pytest
import torch

from reelmend.core_model.networks.generator import InpaintGenerator, LocalFrames, quarter_flow
from reelmend.core_model.networks.rectangle import Rectangle
from tests.released import golden, shared


@pytest.fixture(scope="module")
def generator() -> InpaintGenerator:
    return shared(InpaintGenerator)


def _inputs(name: str) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    case = golden(name)
    frames = case["frames"] * (1 - case["updated_masks"])
    return (frames, case["masks"], case["updated_masks"], case["flow_forward"], case["flow_backward"]), case["output"]


@pytest.fixture(scope="module")
def short() -> tuple[torch.Tensor, ...]:
    """Two local frames and a reference of the smaller one."""
    (frames, masks, updated, flow_fwd, flow_bwd), _ = _inputs("generator_64x96")
    some = [0, 1, frames.shape[1] - 1]
    return frames[:, some], masks[:, some], updated[:, some], flow_fwd[:, :1], flow_bwd[:, :1]


@pytest.fixture(scope="module")
def whole(generator: InpaintGenerator, short: tuple[torch.Tensor, ...]) -> torch.Tensor:
    completed: torch.Tensor = generator(*short)
    return completed


@pytest.mark.parametrize("name", ["generator_64x96", "generator_120x216"])
def test_the_picture_is_that_of_the_published_network(generator: InpaintGenerator, name: str) -> None:
    inputs, output = _inputs(name)
    assert torch.allclose(generator(*inputs), output, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "region", [Rectangle(20, 44, 30, 60), Rectangle(0, 9, 83, 96), Rectangle(63, 64, 0, 1), Rectangle(1, 63, 1, 95)]
)
def test_a_region_is_cut_out_of_the_same_picture(
    generator: InpaintGenerator, short: tuple[torch.Tensor, ...], whole: torch.Tensor, region: Rectangle
) -> None:
    cut = whole[..., region.top : region.bottom, region.left : region.right]
    assert torch.allclose(generator(*short, region=region), cut, rtol=0, atol=1e-5)


def test_frames_encoded_and_split_one_by_one_give_the_same_window(generator: InpaintGenerator) -> None:
    (frames, masks, updated, flow_fwd, flow_bwd), output = _inputs("generator_64x96")
    local = flow_fwd.shape[1] + 1
    each = [
        generator.encode(frames[:, t, None], masks[:, t, None], updated[:, t, None]) for t in range(frames.shape[1])
    ]
    references = torch.cat([generator.split(features) for features in each[local:]], 1)
    flows = quarter_flow(flow_fwd), quarter_flow(flow_bwd)
    window = LocalFrames(torch.cat(each[:local], 1), masks[:, :local], updated[:, :local], *flows)
    assert torch.allclose(generator.complete(window, references), output, rtol=0, atol=1e-4)


def test_clips_in_a_batch_with_different_masked_windows_are_independent(
    generator: InpaintGenerator, short: tuple[torch.Tensor, ...], whole: torch.Tensor
) -> None:
    frames, masks, updated, *flows = short
    empty = frames, 0 * masks, 0 * updated, *flows
    both = generator(*(torch.cat(pair) for pair in zip(empty, short, strict=True)))
    assert torch.allclose(both[1:], whole, rtol=0, atol=1e-5)
    assert torch.allclose(both[:1], generator(*empty), rtol=0, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_single_local_frame_without_flow_is_completed(generator: InpaintGenerator, frames: int) -> None:
    inputs, _ = _inputs("generator_64x96")
    out = generator(*(x[:, :frames] for x in inputs[:3]), inputs[3][:, :0], inputs[4][:, :0])
    assert out.shape == (1, 1, 3, 64, 96)
    assert out.isfinite().all()


def test_under_autocast_the_picture_stays_close(generator: InpaintGenerator) -> None:
    inputs, output = _inputs("generator_64x96")
    with torch.autocast("cpu", torch.bfloat16):
        reduced = generator(*inputs)
    assert (reduced - output).square().mean().sqrt() < 0.02


def test_masks_and_flows_that_do_not_fit_are_refused_with_their_shapes(generator: InpaintGenerator) -> None:
    (frames, masks, updated, flow_fwd, flow_bwd), _ = _inputs("generator_64x96")
    with pytest.raises(ValueError, match=re.escape("got [1, 7, 3, 64, 96], [1, 6, 1, 64, 96]")):
        generator(frames, masks[:, 1:], updated, flow_fwd, flow_bwd)
    with pytest.raises(ValueError, match="multiples of 4"):
        generator(frames[..., :94], masks[..., :94], updated[..., :94], flow_fwd, flow_bwd)
    with pytest.raises(ValueError, match=re.escape("expected masks [1, 5, 1, 64, 96] and flows [1, 4, 2, 16, 24]")):
        generator(frames, masks, updated, flow_fwd, flow_bwd[:, 1:])
    with pytest.raises(ValueError, match=r"expected a region of .*bottom=64.*, got .*bottom=65"):
        generator(frames, masks, updated, flow_fwd, flow_bwd, Rectangle(60, 65, 0, 9))
