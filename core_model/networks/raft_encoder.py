"""Encoders of RAFT, for one frame.

Teed & Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020.
Legend: N frames, C channels, H W height and width of the frames.
"""

from collections.abc import Callable
from typing import Self

import torch.nn.functional as F
from torch import Tensor, nn

from reelmend.core_model.networks.layers import PointwiseConv

Norm = Callable[[int], nn.Module]


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch norm that uses its running statistics in training mode as well."""

    def train(self, mode: bool = True) -> Self:
        return super().train(False)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a skip: [N, C_in, H, W] -> [N, C_out, H / stride, W / stride]."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.norm1 = norm(channels_out)
        self.norm2 = norm(channels_out)
        if stride == 1:
            self.downsample: nn.Module = nn.Identity()
        else:
            # Released files hold this norm twice. What is registered last is loaded last: downsample.1 is what counts.
            self.norm3 = norm(channels_out)
            self.downsample = nn.Sequential(PointwiseConv(channels_in, channels_out, stride), self.norm3)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        y = F.relu_(self.norm1(self.conv1(x_NCHW)))
        y = F.relu_(self.norm2(self.conv2(y)))
        return F.relu_(self.downsample(x_NCHW) + y)


class FrameEncoder(nn.Module):
    """Frames in [-1, 1] to features at an eighth: [N, 3, H, W] -> [N, 256, H / 8, W / 8]."""

    def __init__(self, *, norm: Norm, channels_out: int = 256) -> None:
        super().__init__()
        self.norm1 = norm(64)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.layer1 = _stage(64, 64, 1, norm)
        self.layer2 = _stage(64, 96, 2, norm)
        self.layer3 = _stage(96, 128, 2, norm)
        self.conv2 = PointwiseConv(128, channels_out)

    def forward(self, frames_N3HW: Tensor) -> Tensor:
        x = F.relu_(self.norm1(self.conv1(frames_N3HW)))
        features: Tensor = self.conv2(self.layer3(self.layer2(self.layer1(x))))
        return features


def _stage(channels_in: int, channels_out: int, stride: int, norm: Norm) -> nn.Sequential:
    return nn.Sequential(
        ResidualBlock(channels_in, channels_out, stride=stride, norm=norm),
        ResidualBlock(channels_out, channels_out, stride=1, norm=norm),
    )
