"""Layers shared by several networks, and the number of frames per call."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAK = 0.2


def as_clips(x_N: Tensor, like_BT: Tensor) -> Tensor:
    """Undo `flatten(0, 1)`: [B T, ...] -> [B, T, ...], with the B and T of `like`."""
    return x_N.reshape(*like_BT.shape[:2], *x_N.shape[1:])


def frames_at(x_BT: Tensor, positions: Sequence[int]) -> Tensor:
    """The frames at these positions: [B, T, ...] -> [B, len(positions), ...].

    Not `x[:, positions]`: there a list becomes a tensor in host memory first, and the host waits while it is copied.
    """
    if not positions:
        return x_BT[:, :0]
    frames = x_BT.unbind(1)
    return torch.stack([frames[t] for t in positions], 1)


def frame_by_frame(per_frame: Callable[[Tensor], Tensor], x_N: Tensor) -> Tensor:
    """`per_frame` of N frames, each by itself: on a CPU one at a time, on other devices all at once.

    One frame's layers stay in a CPU's caches and in memory that it has already touched, which is faster by a tenth to
    a quarter; and its bytes do not depend on which frames come with it.
    """
    if x_N.device.type != "cpu" or len(x_N) <= 1:
        return per_frame(x_N)
    return torch.cat([per_frame(one) for one in torch.split(x_N, 1)])


def pointwise(x_NCHW: Tensor, weight_OC: Tensor, bias_O: Tensor | None) -> Tensor:
    """Mix each pixel's channels: [N, C, H, W] -> [N, O, H, W].

    As a matrix product: oneDNN's convolution of one pixel divides its sums by the number of threads, so that its bytes
    would depend on how many workers share a machine.
    """
    mixed = weight_OC @ x_NCHW.flatten(2)
    if bias_O is not None:
        mixed = mixed + bias_O.to(mixed.dtype)[:, None]
    return mixed.reshape(*mixed.shape[:2], *x_NCHW.shape[2:])


class PointwiseConv(nn.Conv2d):
    """A convolution with a kernel of one pixel."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__(channels_in, channels_out, 1, stride)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        rows, columns = self.stride
        return pointwise(x_NCHW[..., ::rows, ::columns], self.weight.flatten(1), self.bias)


class UpsamplingConv(nn.Module):
    """Twice the size (bilinear, corners on corners), then a 3x3 convolution: [B, C, H, W] -> [B, C_out, 2 H, 2 W]."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        larger = F.interpolate(x_BCHW, scale_factor=2, mode="bilinear", align_corners=True)
        out: Tensor = self.conv(larger)
        return out
