"""Encoder of the generator, for one frame.

Zhou et al., "ProPainter", ICCV 2023. Legend: N frames, H W height and width of the frames.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from reelmend.core_model.networks.layers import LEAK

CHANNELS = 128
_BASE = 256
_GROUPED = ((512, 2), (384, 4), (256, 8), (CHANNELS, 1))  # (channels, groups) of the last four convolutions


class GeneratorEncoder(nn.Module):
    """Image, mask and updated mask [N, 5, H, W] to features [N, 128, H/4, W/4]."""

    def __init__(self) -> None:
        super().__init__()
        plain = [(5, 64, 2), (64, 64, 1), (64, 128, 2), (128, _BASE, 1), (_BASE, 384, 1)]
        convs = [nn.Conv2d(before, after, 3, stride, padding=1) for before, after, stride in plain]
        before = plain[-1][1]
        for after, groups in _GROUPED:
            convs.append(nn.Conv2d(_BASE + before, after, 3, padding=1, groups=groups))
            before = after
        # Released parameters are numbered with an activation behind each convolution.
        self.layers = nn.Sequential(*(module for conv in convs for module in (conv, nn.LeakyReLU(LEAK))))

    def forward(self, seen_N5HW: Tensor) -> Tensor:
        base = self.layers[:8](seen_N5HW)
        x: Tensor = self.layers[8:10](base)
        for number, (_, groups) in enumerate(_GROUPED):
            start = 10 + 2 * number
            x = self.layers[start : start + 2](_joined_in_groups(base, x, groups))
        return x


def _joined_in_groups(first_NCHW: Tensor, second_NCHW: Tensor, groups: int) -> Tensor:
    split = [rearrange(x, "n (g c) h w -> n g c h w", g=groups) for x in (first_NCHW, second_NCHW)]
    return rearrange(torch.cat(split, 2), "n g c h w -> n (g c) h w")
