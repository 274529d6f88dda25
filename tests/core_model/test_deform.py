import math

import pytest
import torch
import torch.nn.functional as F

from reelmend.core_model.networks.deform import deform_conv2d, torchvision_kernel

GROUPS, TAPS = 2, 9


def _case(height: int = 4, width: int = 5) -> tuple[torch.Tensor, ...]:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, height, width, generator=draw)
    offsets = 2 * torch.randn(2, 2 * GROUPS * TAPS, height, width, generator=draw)
    modulation = torch.rand(2, GROUPS * TAPS, height, width, generator=draw)
    weight, bias = torch.randn(3, 4, 3, 3, generator=draw), torch.randn(3, generator=draw)
    return x, offsets, modulation, weight, bias


def test_each_tap_reads_bilinearly_where_its_offset_leads_and_zero_outside() -> None:
    x, offsets, modulation, weight, bias = _case()
    assert torch.allclose(deform_conv2d(x, offsets, modulation, weight, bias), _plain(*_case()), atol=1e-5)


def test_without_offsets_and_with_full_modulation_it_is_a_convolution() -> None:
    x, offsets, modulation, weight, bias = _case()
    plain = F.conv2d(x, weight, bias, padding=1)
    out = deform_conv2d(x, torch.zeros_like(offsets), torch.ones_like(modulation), weight, bias)
    assert torch.allclose(out, plain, atol=1e-5)


def test_a_feature_map_of_one_pixel_works() -> None:
    x, offsets, modulation, weight, bias = _case(1, 1)
    assert torch.allclose(deform_conv2d(x, offsets, modulation, weight, bias), _plain(*_case(1, 1)), atol=1e-5)


def test_offsets_of_another_size_are_refused_with_the_shapes() -> None:
    x, offsets, modulation, weight, bias = _case()
    with pytest.raises(ValueError, match=r"\[2, 36, 4, 4\]"):
        deform_conv2d(x, offsets[..., 1:], modulation, weight, bias)


@pytest.mark.skipif(torchvision_kernel() is None, reason="torchvision is not installed, or not built for this torch")
def test_torchvisions_kernel_gives_the_same() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, offsets, modulation, weight, bias = (values.to(device) for values in _case())
    kernel = torchvision_kernel()
    assert kernel is not None
    out = kernel(x, offsets, weight, bias, padding=1, mask=modulation)
    plain = _plain(*_case())
    assert torch.allclose(out.cpu(), plain, atol=1e-5)
    assert torch.allclose(deform_conv2d(x, offsets, modulation, weight, bias).cpu(), plain, atol=1e-5)


def _plain(
    x: torch.Tensor, offsets: torch.Tensor, modulation: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    batch, channels, height, width = x.shape
    out = bias[None, :, None, None].expand(batch, -1, height, width).clone()
    for b in range(batch):
        for row in range(height):
            for column in range(width):
                for channel in range(channels):
                    for k in range(TAPS):
                        at = channel // (channels // GROUPS) * TAPS + k
                        dy, dx = offsets[b, 2 * at : 2 * at + 2, row, column].tolist()
                        value = _bilinear(x[b, channel], row + k // 3 - 1 + dy, column + k % 3 - 1 + dx)
                        out[b, :, row, column] += (
                            weight[:, channel, k // 3, k % 3] * value * modulation[b, at, row, column]
                        )
    return out


def _bilinear(x: torch.Tensor, row: float, column: float) -> float:
    top, left = math.floor(row), math.floor(column)
    value = 0.0
    for r in (top, top + 1):
        for c in (left, left + 1):
            if 0 <= r < x.shape[0] and 0 <= c < x.shape[1]:
                value += (1 - abs(row - r)) * (1 - abs(column - c)) * x[r, c].item()
    return value
