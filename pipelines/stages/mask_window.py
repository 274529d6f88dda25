"""The masks of a video that are at hand: those from a frame on that only moves forward."""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
Bits = NDArray[np.uint8]


class MaskWindow:
    """Reads every mask once while frames are asked for in about their order; holds a bit a pixel.

    A mask that stands for many frames is held once, and comes out as one array for all of them.
    """

    def __init__(self, read_from: Callable[[int], Iterator[Bool]], size: tuple[int, int]) -> None:
        """`read_from(index)` yields the masks of frame `index` and those after it, bool [H, W]; `size` is (W, H)."""
        self._read_from, self._size = read_from, size
        self._start = 0
        self._bits: deque[Bits] = deque()
        self._source: Iterator[Bool] | None = read_from(0)
        self._read: Bool | None = None
        """The mask that was read last: that of the last bits."""
        self._unpacked: tuple[Bits, Bool] | None = None

    def at(self, index: int) -> Bool:
        """Return the read-only mask of a frame; reads again from there if it was dropped."""
        self.reach(index)
        return self._unpack(self._bits[index - self._start])

    def reach(self, index: int) -> None:
        """Have the mask of a frame at hand, and those before it that were not dropped."""
        if index < self._start or (not self._bits and index > self._start):
            self._start = index
            self._bits.clear()
            self._source, self._read = self._read_from(index), None
        if self._source is None:
            self._source = self._read_from(self._start + len(self._bits))
        while self._start + len(self._bits) <= index:
            mask = next(self._source)
            # A bool array of a long 4K block would outweigh its frames.
            self._bits.append(self._bits[-1] if self._bits and mask is self._read else self._packed(mask))
            self._read = mask

    def open_again(self) -> None:
        """After an error: masks that are not at hand yet are read from the file as it is then."""
        self._source, self._read = None, None

    def drop(self, before: int) -> None:
        """Forget the masks of earlier frames."""
        while self._bits and self._start < before:
            self._bits.popleft()
            self._start += 1

    def _packed(self, mask: Bool) -> Bits:
        """Return a mask's bits: those of the mask before where they are the same."""
        bits = np.packbits(mask)
        return self._bits[-1] if self._bits and np.array_equal(self._bits[-1], bits) else bits

    def _unpack(self, bits: Bits) -> Bool:
        if self._unpacked is None or self._unpacked[0] is not bits:
            width, height = self._size
            mask = np.unpackbits(bits, count=width * height).reshape(height, width).view(np.bool_)
            mask.flags.writeable = False
            self._unpacked = bits, mask
        return self._unpacked[1]
