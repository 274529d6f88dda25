"""Which masks of a video are at hand? Those from a frame on that only moves forward."""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]


class MaskWindow:
    """Reads every mask once while frames are asked for in about their order; holds a bit a pixel."""

    def __init__(self, read_from: Callable[[int], Iterator[Bool]], size: tuple[int, int]) -> None:
        """`read_from(index)` yields the masks of frame `index` and those after it, bool [H, W]; `size` is (W, H)."""
        self._read_from, self._size = read_from, size
        self._start = 0
        self._bits: deque[NDArray[np.uint8]] = deque()
        self._source = read_from(0)

    def at(self, index: int) -> Bool:
        """Return the mask of a frame; reads anew from there if it was dropped."""
        if index < self._start or (not self._bits and index > self._start):
            self._start = index
            self._bits.clear()
            self._source = self._read_from(index)
        while self._start + len(self._bits) <= index:
            # A bool array of a long 4K block would outweigh its frames.
            self._bits.append(np.packbits(next(self._source)))
        width, height = self._size
        bits = np.unpackbits(self._bits[index - self._start], count=width * height)
        return bits.reshape(height, width).view(np.bool_)

    def drop(self, before: int) -> None:
        """Forget the masks of earlier frames."""
        while self._bits and self._start < before:
            self._bits.popleft()
            self._start += 1
