"""Rectangle of a plane that must be computed when only a part of the result is needed.

Legend: N frames, C channels, H W height and width of the whole plane, h w those of a part.
"""

from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Rectangle(NamedTuple):
    """Rows [top, bottom) and columns [left, right) of a plane."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def whole(cls, height: int, width: int) -> Self:
        return cls(0, height, 0, width)

    def grown(self, by: int, height: int, width: int) -> "Rectangle":
        """With `by` more on each side, as far as a plane of this size goes."""
        return Rectangle(
            max(0, self.top - by), min(height, self.bottom + by), max(0, self.left - by), min(width, self.right + by)
        )

    def halved(self, height: int, width: int) -> "Rectangle":
        """What `Part.doubled` reads of a plane of this size to make this region of one twice as large."""
        top, bottom = _span(self.top, self.bottom, height)
        left, right = _span(self.left, self.right, width)
        return Rectangle(top, bottom, left, right)

    def inside(self, outer: "Rectangle") -> tuple[slice, slice]:
        """Slices that cut this region out of an array that holds `outer`."""
        rows = slice(self.top - outer.top, self.bottom - outer.top)
        return rows, slice(self.left - outer.left, self.right - outer.left)


class Part(NamedTuple):
    """A region of a plane, and the size of the whole: layers give what they would give on the whole plane."""

    values: Tensor  # [N, C, h, w]
    region: Rectangle
    size: tuple[int, int]

    def cut(self, region: Rectangle) -> Tensor:
        """The values of a region inside this one."""
        return self.values[..., *region.inside(self.region)]

    def convolved(self, conv: nn.Conv2d, region: Rectangle) -> "Part":
        """A 3x3 convolution, for a region whose surroundings this part holds; zeros are outside the plane only."""
        height, width = self.size
        beyond = (region.left == 0, region.right == width, region.top == 0, region.bottom == height)
        known = F.pad(self.cut(region.grown(1, height, width)), [int(edge) for edge in beyond])
        return Part(F.conv2d(known, conv.weight, conv.bias), region, self.size)

    def doubled(self, region: Rectangle) -> "Part":
        """Twice the size, bilinear with corners on corners (of the whole plane), for a region of the larger plane."""
        height, width = self.size
        x = _doubled(self.values, 2, height, self.region.top, range(region.top, region.bottom))
        x = _doubled(x, 3, width, self.region.left, range(region.left, region.right))
        return Part(x, region, (2 * height, 2 * width))


def _doubled(x: Tensor, axis: int, length: int, first: int, wanted: range) -> Tensor:
    # In fp32, by the formula that torch.nn.functional.interpolate has, so that the rounding is the same.
    scale = torch.tensor((length - 1) / (2 * length - 1), dtype=torch.float32)
    at = torch.arange(wanted.start, wanted.stop, dtype=torch.float32, device=x.device) * scale
    before = at.long().clamp(max=length - 1)
    after = (before + 1).clamp(max=length - 1)
    share = (at - before).to(x.dtype).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    return x.index_select(axis, before - first).lerp(x.index_select(axis, after - first), share)


def _span(start: int, stop: int, length: int) -> tuple[int, int]:
    scale = (length - 1) / (2 * length - 1)
    # A row more on each side: fp32 may round a position that falls on a row to either side of it.
    return max(0, int(start * scale) - 1), min(length, int((stop - 1) * scale) + 3)
