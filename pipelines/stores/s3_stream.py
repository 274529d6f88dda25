"""How is a little of a large object read? As a file that asks for what is read of it, and nothing else."""

import io
from typing import Any

from pipelines.stores.location import RemotePath
from pipelines.stores.s3_client import translated

_BLOCK_BYTES = 1 << 18


def open_object(client: Any, place: RemotePath, size: int) -> io.BufferedReader:
    """Return the object of `size` bytes as a seekable file; each block that is read is a request."""
    return io.BufferedReader(_Object(client, place, size), _BLOCK_BYTES)


class _Object(io.RawIOBase):
    def __init__(self, client: Any, place: RemotePath, size: int) -> None:
        self._client, self._place, self._size, self._at = client, place, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        span = f"bytes={self._at}-{self._at + wanted - 1}"
        with translated(self._place):
            answer = self._client.get_object(Bucket=self._place.bucket, Key=self._place.key, Range=span)
            piece = answer["Body"].read()
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
