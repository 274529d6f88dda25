"""Download of an object over an unreliable line: received bytes are kept, the rest is requested again."""

import random
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from urllib3.exceptions import HTTPError

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.storage.location import RemotePath
from reelmend.pipelines.storage.s3_client import has_changed, is_absent, translated

_LONGEST_WAIT_S = 20.0  # between two tries; each may be twice as long as the one before
_PIECE_BYTES = 1 << 20  # passed on at once, and a sign of progress each
BROKE_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, ConnectionClosedError, HTTPError)
"""What is raised when an answer to GET breaks off. The last one comes from below boto3, which reads what an error says
without translating, or trying again, what happens meanwhile."""

Sink = Callable[[bytes], object]


class Download:
    """Reads objects; each answer that breaks off costs one of `attempts`."""

    def __init__(self, client: Any, attempts: int) -> None:
        self._client, self._attempts = client, attempts

    def whole(self, place: RemotePath, sink: Sink, tag: str = "") -> bool:
        """Pass an object's bytes to `sink`; False when it is not there. Raises StoreError if it is not `tag`'s."""
        return self._run(place, sink, tag, 0, "")

    def span(self, place: RemotePath, start: int, stop: int, tag: str) -> bytes:
        """Return the bytes [start, stop) of the object that `tag` is of. Raises StoreError."""
        value = bytearray()
        if not self._run(place, value.extend, tag, start, str(stop - 1)):
            raise StoreError(f"{place}: no longer exists")
        return bytes(value)

    def _run(self, place: RemotePath, sink: Sink, tag: str, start: int, last: str) -> bool:
        with translated(place):
            for attempt in range(1, self._attempts + 1):
                try:
                    answer = self._ask(place, tag, f"bytes={start}-{last}" if start or last else "")
                    if answer is None:
                        return False
                    tag = answer["ETag"].strip('"')
                    for piece in answer["Body"].iter_chunks(_PIECE_BYTES):
                        sink(piece)
                        PROGRESS.sign()
                        start += len(piece)
                except BROKE_OFF:
                    if attempt == self._attempts:
                        raise
                    time.sleep(random.random() * min(2 ** (attempt - 1), _LONGEST_WAIT_S))
                else:
                    return True
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _ask(self, place: RemotePath, tag: str, span: str) -> Any:
        asked = {"Bucket": place.bucket, "Key": place.key}
        asked |= {"Range": span} if span else {}
        asked |= {"IfMatch": f'"{tag}"'} if tag else {}
        try:
            return self._client.get_object(**asked)
        except ClientError as exc:
            if is_absent(exc):
                return None
            if has_changed(exc):
                raise StoreError(f"{place}: has changed while it was read; run the same command again") from exc
            raise
