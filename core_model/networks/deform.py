"""Deformable convolution: every tap has its own offset and weight.

Modulated deformable convolution (Zhu et al., "Deformable ConvNets v2", CVPR 2019): in plain PyTorch, and on CUDA by
torchvision's kernel where torchvision is installed.
Legend: B batch, C channels, G groups of channels that share their offsets, K kernel taps, H W height and width.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUPS = 16
TAPS = 9


class OffsetNetwork(nn.Sequential):
    """Conditioning [B, C, H, W] to the raw offsets and modulation of a 3x3 kernel: [B, 3 G K, H, W]."""

    def __init__(self, channels: int) -> None:
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [nn.Conv2d(channels, 128, 3, padding=1), nn.LeakyReLU(0.1)]
            channels = 128
        super().__init__(*layers, nn.Conv2d(128, 3 * GROUPS * TAPS, 3, padding=1))


class DeformableAlignment(nn.Module):
    """A 3x3 deformable convolution whose taps look where a small network says, at most `reach_px` away on each axis."""

    def __init__(self, channels_in: int, *, condition_channels: int, reach_px: float, channels_out: int = 128) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels_out, channels_in, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.conv_offset = OffsetNetwork(condition_channels)
        self.reach_px = reach_px

    def forward(self, x_BCHW: Tensor, condition_BCHW: Tensor, flow_B2HW: Tensor | None = None) -> Tensor:
        """Return x as seen from here: [B, 128, H, W]. With a flow (dx, dy), the taps look around where it leads."""
        offsets, modulation = self.conv_offset(condition_BCHW).float().split((2 * GROUPS * TAPS, GROUPS * TAPS), dim=1)
        offsets = self.reach_px * torch.tanh(offsets)
        if flow_B2HW is not None:
            offsets.view(len(offsets), -1, *flow_B2HW.shape[1:]).add_(flow_B2HW.flip(1)[:, None])
        return deform_conv2d(x_BCHW, offsets, torch.sigmoid(modulation), self.weight, self.bias)


def deform_conv2d(x_BCHW: Tensor, offsets: Tensor, modulation: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve with zeros outside; tap k of group g reads at its place plus its offset, times its modulation.

    `offsets` [B, 2 G K, H, W] holds (dy, dx) of each tap in turn, taps row by row, groups outermost; `modulation` is
    [B, G K, H, W]; `weight` [C_out, C, kh, kw] has odd sides. The layout is that of torchvision.ops.deform_conv2d.
    Samples are bilinear, zero outside. Raises ValueError when shapes do not fit.
    """
    kernel_height, kernel_width = weight.shape[2:]
    groups = _groups(x_BCHW, offsets, modulation, weight, kernel_height * kernel_width)
    # Sampled in fp32 whatever autocast says: bf16 coordinates would be off by pixels.
    with torch.autocast(x_BCHW.device.type, enabled=False):
        x, offsets, modulation = x_BCHW.float(), offsets.float(), modulation.float()
        kernel = torchvision_kernel() if x.device.type == "cuda" else None
        if kernel is not None:
            padding = kernel_height // 2, kernel_width // 2
            return kernel(x, offsets, weight, bias, padding=padding, mask=modulation)
        columns_BCN = _samples(x, offsets, modulation, groups, (kernel_height, kernel_width))
    out = weight.flatten(1) @ columns_BCN + bias[:, None]
    return out.reshape(len(x), len(weight), *x.shape[2:])


@cache
def torchvision_kernel() -> Callable[..., Tensor] | None:
    """Return torchvision.ops.deform_conv2d; None where torchvision is missing or not built for this torch."""
    try:
        kernel: Callable[..., Tensor] = import_module("torchvision.ops").deform_conv2d
    except (ImportError, OSError, RuntimeError):
        return None
    return kernel


def _samples(x_BCHW: Tensor, offsets: Tensor, modulation: Tensor, groups: int, kernel: tuple[int, int]) -> Tensor:
    """Return what the taps read, [B, C K, H W]; all fp32."""
    batch, channels, height, width = x_BCHW.shape
    taps = kernel[0] * kernel[1]
    offsets_BGKHW2 = offsets.reshape(batch * groups, taps, 2, height, width)
    row = torch.arange(height, dtype=torch.float32, device=x_BCHW.device)[:, None]
    column = torch.arange(width, dtype=torch.float32, device=x_BCHW.device)
    tap = torch.arange(taps, device=x_BCHW.device)[:, None, None]
    rows = offsets_BGKHW2[:, :, 0] + (row + (tap // kernel[1] - kernel[0] // 2))
    columns = offsets_BGKHW2[:, :, 1] + (column + (tap % kernel[1] - kernel[1] // 2))
    # With align_corners=False a side of one pixel needs no special case.
    grid = torch.stack(((2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1), dim=-1)
    x = x_BCHW.reshape(batch * groups, channels // groups, height, width)
    samples = F.grid_sample(x, grid.reshape(batch * groups, taps * height, width, 2), align_corners=False)
    samples *= modulation.reshape(batch * groups, 1, taps * height, width)
    return samples.reshape(batch, channels * taps, height * width)


def _groups(x: Tensor, offsets: Tensor, modulation: Tensor, weight: Tensor, taps: int) -> int:
    groups = offsets.shape[1] // (2 * taps)
    batch, channels, height, width = x.shape
    expected = (batch, 2 * groups * taps, height, width), (batch, groups * taps, height, width)
    fits = groups > 0 and channels % groups == 0 and weight.shape[1] == channels
    if not fits or (offsets.shape, modulation.shape) != expected:
        raise ValueError(
            f"deform_conv2d: expected x [B, C, H, W], offsets [B, 2 G K, H, W], modulation [B, G K, H, W], weight "
            f"[O, C, kh, kw], got {[*x.shape]}, {[*offsets.shape]}, {[*modulation.shape]} and {[*weight.shape]}"
        )
    return groups
