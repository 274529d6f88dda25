"""Strokes of a round brush, as pixels."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.preview.draw.drawing import Stroke

Bool = NDArray[np.bool_]
_Point = tuple[float, float]


def painted(strokes: Sequence[Stroke], size: tuple[int, int]) -> Bool:
    """Return bool [H, W] of a picture of the size (width, height): pixels whose centre the brush passed over, in the
    order of the strokes; an eraser takes away."""
    mask = np.zeros(size[::-1], np.bool_)
    for stroke in strokes:
        ends = stroke.points[1:] or stroke.points
        for start, end in zip(stroke.points, ends, strict=False):
            _pass(mask, start, end, stroke.radius, not stroke.erases)
    return mask


def _pass(mask: Bool, start: _Point, end: _Point, radius: float, value: bool) -> None:
    """Set pixels whose centre is at most `radius` from the line between two points."""
    height, width = mask.shape
    left, right = _span(start[0], end[0], radius, width)
    top, bottom = _span(start[1], end[1], radius, height)
    if left >= right or top >= bottom:
        return
    x = np.arange(left, right, dtype=np.float32)[None, :] + 0.5 - start[0]
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5 - start[1]
    across, down = end[0] - start[0], end[1] - start[1]
    length = across * across + down * down
    along = np.clip((x * across + y * down) / length, 0, 1) if length else np.float32(0)
    near = (x - along * across) ** 2 + (y - along * down) ** 2 <= radius * radius
    mask[top:bottom, left:right][near] = value


def _span(first: float, second: float, radius: float, side: int) -> tuple[int, int]:
    return max(0, math.floor(min(first, second) - radius)), min(side, math.ceil(max(first, second) + radius))
