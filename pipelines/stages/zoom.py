"""The part of a frame that shows a hole large: with surroundings, and of a shape that fits beside another one."""

import math

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.sizes import Size

_AROUND = 0.6  # of the hole's shorter side
_AROUND_PX = 48  # at least, so that a small hole has surroundings
_NARROWEST, _WIDEST = 0.7, 3.2  # width over height
_GRID = 4  # left and top: whole chroma samples in every format


def cell_size(hole: Box, frame: Size, area: int) -> Size:
    """Return (width, height) of views on holes inside `hole`: of its shape, about `area` pixels, never enlarged."""
    width, height = _with_surroundings(hole, frame)
    aspect = min(max(width / height, _NARROWEST), _WIDEST)
    width, height = min(max(width, height * aspect), frame[0]), min(max(height, width / aspect), frame[1])
    scale = min(1.0, math.sqrt(area / (width * height)))
    return max(1, round(width * scale)), max(1, round(height * scale))


def zoom(hole: Box, frame: Size, shape: Size) -> Box:
    """Return the box around `hole`, inside the frame, that has the aspect of `shape` as far as the frame lets it."""
    needed_w, needed_h = _with_surroundings(hole, frame)
    aspect = shape[0] / shape[1]
    width, height = max(needed_w, needed_h * aspect), max(needed_h, needed_w / aspect)
    shrink = min(1.0, frame[0] / width, frame[1] / height)
    width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
    left = _placed((hole[0] + hole[2] - width) // 2, width, frame[0])
    top = _placed((hole[1] + hole[3] - height) // 2, height, frame[1])
    return left // _GRID * _GRID, top // _GRID * _GRID, left + width, top + height


def union(first: Box | None, second: Box | None) -> Box | None:
    """Return the box around both; None for none."""
    if first is None or second is None:
        return first or second
    return (min(first[0], second[0]), min(first[1], second[1]), max(first[2], second[2]), max(first[3], second[3]))


def _with_surroundings(hole: Box, frame: Size) -> tuple[float, float]:
    width, height = max(1, hole[2] - hole[0]), max(1, hole[3] - hole[1])
    around = max(_AROUND_PX, _AROUND * min(width, height))
    return min(width + 2 * around, frame[0]), min(height + 2 * around, frame[1])


def _placed(start: int, length: int, limit: int) -> int:
    return max(0, min(start, limit - length))
