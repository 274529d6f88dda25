"""The stretches of a video in which the camera stands still, from small pictures that the probe takes as it decodes.

They say beforehand for which blocks an engine will read no flow. A hint: where it is wrong, flow is measured that
nobody reads, or later, by the worker that needs it; no pixel depends on it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.sizes import fit

if TYPE_CHECKING:
    import av

EVERY = 10
"""Frames from one picture to the next."""

_SIDE = 256  # pixels; pictures are shrunk to this longest side
_FARTHEST_PX = 12.0  # of the video: a camera that moves farther in a stretch does not stand
_TILE_PX = 16
_AROUND = (15, 15)
_CLEARER = 1.15  # a tile tells something if a shift by a pixel changes its difference by this factor
_DETAILED_LEVELS = 2.0
_FOUND_AGAIN = 0.7  # of a tile's detail: what differs more shows something else
_FEWEST_TILES = 4
_STANDING_TILES = 0.35  # of those that tell something: the others may be covered by what passes
_SHIFTS = ((1, 0), (-1, 0), (0, 1), (0, -1))

F32 = NDArray[np.float32]
Range = tuple[int, int]


class StillFinder:
    """Give it every frame once, in order; then ask for the stretches."""

    def __init__(self) -> None:
        self._detail: F32 | None = None
        self._place = np.zeros(2)  # of the last picture, from the first one of its stretch
        self._ranges: list[list[int]] = []

    def see(self, index: int, frame: "av.VideoFrame") -> None:
        if index % EVERY:
            return
        width, height = fit((frame.width, frame.height), _SIDE)
        small = frame.reformat(width=width, height=height, format="gray", interpolation="AREA").to_ndarray()
        last, self._detail = self._detail, _detail(np.asarray(small, np.uint8))
        moved = None if last is None or last.shape != self._detail.shape else shift_between(last, self._detail)
        if moved is None:
            self._place = np.zeros(2)
            self._ranges.append([index, index + 1])
            return
        step = moved * (frame.width / width)
        self._place = self._place + step
        if np.abs(self._place).max() <= _FARTHEST_PX:
            self._ranges[-1][1] = index + 1
        else:
            self._place = step
            near = np.abs(step).max() <= _FARTHEST_PX
            self._ranges.append([index - EVERY if near else index, index + 1])

    def ranges(self) -> tuple[Range, ...]:
        """Return [first, last + 1) of the pictures of every stretch of two pictures or more."""
        return tuple((start, stop) for start, stop in self._ranges if stop - start > 1)


def stands_in(ranges: Sequence[Range], start: int, stop: int) -> bool:
    """Whether the camera stands in frames [start, stop), as far as their pictures tell; two are needed."""
    first, last = -(-start // EVERY) * EVERY, (stop - 1) // EVERY * EVERY
    return last > first and any(begin <= first and last < end for begin, end in ranges)


def shift_between(before_HW: F32, after_HW: F32) -> NDArray[np.float64] | None:
    """Return by how many pixels (right, down) the scene has moved between two pictures' details, None if it differs.

    Where nothing tells, it stands.
    """
    if min(before_HW.shape) < _TILE_PX:
        return np.zeros(2)
    window = cv2.createHanningWindow(before_HW.shape[::-1], cv2.CV_32F)
    shift = np.array(cv2.phaseCorrelate(before_HW * window, after_HW * window)[0])
    if _agree(before_HW, after_HW):
        return shift if np.abs(shift).max() < 1 else np.zeros(2)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    back = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(after_HW, matrix, after_HW.shape[::-1], flags=back, borderMode=cv2.BORDER_REPLICATE)
    return shift if _agree(before_HW, np.asarray(moved, np.float32)) else None


def _detail(grey_HW: NDArray[np.uint8]) -> F32:
    grey = grey_HW.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 1) - cv2.blur(grey, _AROUND), np.float32)


def _agree(first: F32, second: F32) -> bool:
    """Whether most tiles that tell something say that two pictures lie upon each other."""
    place, energy = _tiles(np.abs(first - second)), _tiles(np.abs(first))
    shifted = np.min([_tiles(np.abs(first - np.roll(second, shift, (0, 1)))) for shift in _SHIFTS], axis=0)
    detailed = energy > _DETAILED_LEVELS
    found = detailed & (np.minimum(place, shifted) < _FOUND_AGAIN * energy)
    standing = int((found & (shifted > _CLEARER * place)).sum())
    against = int((found & (place > _CLEARER * shifted)).sum() + (detailed & ~found).sum())
    if standing + against < _FEWEST_TILES:
        return True
    return standing >= _FEWEST_TILES and standing >= _STANDING_TILES * (standing + against)


def _tiles(values: F32) -> F32:
    """Return the mean of every whole tile."""
    rows, columns = (side // _TILE_PX for side in values.shape)
    whole = values[: rows * _TILE_PX, : columns * _TILE_PX]
    means = whole.reshape(rows, _TILE_PX, columns, _TILE_PX).mean((1, 3))
    return np.asarray(means, np.float32)
