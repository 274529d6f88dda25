"""Partial reads of a large remote file, as a seekable file whose blocks are requests."""

import io
from collections.abc import Callable
from typing import Any

_BLOCK_BYTES = 1 << 18  # of one request: few requests for a header, and little that is read for nothing

Span = Callable[[int, int], bytes]
"""Returns the bytes [start, stop) of the file."""


def open_remote(size: int, span: Span) -> io.BufferedReader:
    """Return the file of `size` bytes; what is read of it is asked for."""
    return io.BufferedReader(_Remote(size, span), _BLOCK_BYTES)


class _Remote(io.RawIOBase):
    def __init__(self, size: int, span: Span) -> None:
        self._size, self._span, self._at = size, span, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        stop = min(self._at + len(buffer), self._size)
        if stop <= self._at:
            return 0
        piece = self._span(self._at, stop)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
