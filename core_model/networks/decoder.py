"""Decoder: the generator's features to pixels, only where pixels are needed.

Legend: N frames, h w height and width of the features, H W = 4 h, 4 w.
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from reelmend.core_model.networks.generator_encoder import CHANNELS
from reelmend.core_model.networks.layers import LEAK, UpsamplingConv, frame_by_frame
from reelmend.core_model.networks.rectangle import Part, Rectangle


class _Reach(NamedTuple):
    """What each layer must give so that the next one can, from the features to the image."""

    features: Rectangle
    first_doubled: Rectangle
    first: Rectangle
    second: Rectangle
    second_doubled: Rectangle
    third: Rectangle


class Decoder(nn.ModuleDict):
    """Features [N, 128, h, w] to an image in [-1, 1], [N, 3, H, W]: any region of it, at the cost of that region."""

    def __init__(self) -> None:
        first, third = UpsamplingConv(CHANNELS, 128), UpsamplingConv(64, 64)
        second, last = nn.Conv2d(128, 64, 3, padding=1), nn.Conv2d(64, 3, 3, padding=1)
        # Released parameters are numbered with an activation behind each layer.
        super().__init__({"0": first, "2": second, "4": third, "6": last})

    @staticmethod
    def reads(region: Rectangle, height: int, width: int) -> Rectangle:
        """The part of the features, a plane h x w, on which a region of the image depends."""
        return _reach(region, height, width).features

    def forward(self, features: Part, region: Rectangle) -> Tensor:
        """Return a region of the image; `features` holds what `reads` names, or more."""
        return frame_by_frame(lambda values: self._decode(features._replace(values=values), region), features.values)

    def _decode(self, features: Part, region: Rectangle) -> Tensor:
        first_conv, second_conv, third_conv, last_conv = (self._conv(name) for name in self)
        reach = _reach(region, *features.size)
        x = _leaky(features.doubled(reach.first_doubled).convolved(first_conv, reach.first))
        x = _leaky(x.convolved(second_conv, reach.second))
        x = _leaky(x.doubled(reach.second_doubled).convolved(third_conv, reach.third))
        return x.convolved(last_conv, region).values.tanh()

    def _conv(self, name: str) -> nn.Conv2d:
        module = self[name]
        conv = module.conv if isinstance(module, UpsamplingConv) else module
        assert isinstance(conv, nn.Conv2d)
        return conv


def _leaky(part: Part) -> Part:
    return part._replace(values=F.leaky_relu(part.values, LEAK))


def _reach(region: Rectangle, height: int, width: int) -> _Reach:
    half, whole = (2 * height, 2 * width), (4 * height, 4 * width)
    third = region.grown(1, *whole)
    second_doubled = third.grown(1, *whole)
    second = second_doubled.halved(*half)
    first = second.grown(1, *half)
    first_doubled = first.grown(1, *half)
    return _Reach(first_doubled.halved(height, width), first_doubled, first, second, second_doubled, third)
