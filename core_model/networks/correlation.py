"""Correlation of every pixel of one frame with every pixel of the next.

Legend: P pairs of frames, C channels, h w height and width of the features, S = 81 samples a level.
"""

from typing import Self

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from reelmend.core_model.ranges import named_range

LEVELS = 4
RADIUS = 4
CHANNELS = LEVELS * (2 * RADIUS + 1) ** 2


class CorrelationPyramid:
    """The similarities of all pairs of pixels, at four scales of the second image.

    One product gives both directions: read the other way round, the volume is that of the opposite direction.
    """

    def __init__(self, volume_PhwHW: Tensor) -> None:
        """`volume` is [P, h, w, h, w]: pixels of the first image, then of the second."""
        pairs, height, width = volume_PhwHW.shape[:3]
        self._shape = pairs, height, width
        level = rearrange(volume_PhwHW, "p h w h2 w2 -> (p h w) 1 h2 w2")
        self._levels = [level]
        for _ in range(LEVELS - 1):
            level = F.avg_pool2d(level, 2)
            self._levels.append(level)
        self._reads = [_surroundings(level, number) for number, level in enumerate(self._levels)]

    @classmethod
    def both_ways(cls, first_PChw: Tensor, second_PChw: Tensor) -> Self:
        """Of P pairs of features [P, C, h, w]: 2 P volumes, those from first to second, then those back. In fp32."""
        channels, height, width = first_PChw.shape[1:]
        with torch.autocast(first_PChw.device.type, enabled=False):
            first = first_PChw.float().flatten(2) / channels**0.5
            volume = first.transpose(1, 2) @ second_PChw.float().flatten(2)
        volumes = torch.cat((volume, volume.transpose(1, 2)))
        return cls(volumes.reshape(-1, height, width, height, width))

    @named_range("raft: look up")
    def look_up(self, coords_P2hw: Tensor) -> Tensor:
        """Read the 9x9 surroundings of `coords` (x, y) at each level; zero outside. Returns [P, 4 S, h, w].

        Among the samples of a level x moves slowly and y fast, both from -4 to +4.
        """
        pairs, height, width = self._shape
        centre = rearrange(coords_P2hw, "p xy h w -> (p h w) 1 1 xy")
        reads = zip(self._levels, self._reads, strict=True)
        samples = [_sample(level, torch.addcmul(around, centre, scale)) for level, (scale, around) in reads]
        return rearrange(torch.cat(samples, 1), "(p h w) s -> p s h w", p=pairs, h=height, w=width)


def _sample(level: Tensor, at_Nxy: Tensor) -> Tensor:
    return F.grid_sample(level, at_Nxy, "bilinear", "zeros", align_corners=True).flatten(1)


def _surroundings(level: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """What takes coordinates of the finest level to those of `grid_sample` in this one: a factor, and 9x9 offsets."""
    height, width = level.shape[2:]
    step = torch.arange(-RADIUS, RADIUS + 1, dtype=level.dtype, device=level.device)
    offsets = torch.stack(torch.meshgrid(step, step, indexing="ij"), dim=-1)
    # Filled on the device: a list would be copied there, and the host would wait for it.
    scale = torch.stack([step.new_full((), 2 / (side - 1)) for side in (width, height)])
    return scale / 2**number, offsets * scale - 1
