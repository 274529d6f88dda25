"""Where do artefacts lie, and when is one there? A key is there whole, or it is not there.

An artefact is published in one step, and carries a digest of its bytes, which is checked on reading. One that does not
match (a disk that lied, a copy that was cut) is deleted, so that it is made again.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from pipelines.stores.entry import Entry
from pipelines.stores.files import Files
from pipelines.stores.location import Location

_MAGIC = b"RMND1\n"
_DIGEST_SIZE = 32
_LOOKS = 2
"""What is damaged on its way here looks like what is damaged there; only the latter stays so, and may be deleted."""


class Store:
    """A folder or a prefix of a bucket. Keys are relative paths with `/`; values are bytes that are never changed."""

    def __init__(self, root: Location, files: Files) -> None:
        self.root = root
        self._files = files

    def get(self, key: str) -> bytes | None:
        """Return the value, or None when the key is absent or was damaged (a damaged one is deleted)."""
        for _ in range(_LOOKS):
            blob = self._files.read(self.root / key)
            if blob is None:
                return None
            value = blob[len(_MAGIC) + _DIGEST_SIZE :]
            if blob[: len(_MAGIC)] == _MAGIC and blob[len(_MAGIC) :][:_DIGEST_SIZE] == hashlib.sha256(value).digest():
                return value
        self.delete(key)
        return None

    def put(self, key: str, value: bytes) -> None:
        """Publish `value` in one step; the last writer of a key wins. Raises StoreError."""
        self._files.write(self.root / key, _MAGIC + hashlib.sha256(value).digest() + value)

    def exists(self, key: str) -> bool:
        return self._files.look(self.root / key) is not None

    def delete(self, key: str) -> None:
        """Remove the key if it is there."""
        self._files.delete(self.root / key)

    def list(self, prefix: str) -> Iterator[tuple[str, Entry]]:
        """Yield (key, what is known of it without reading it) of everything below the folder `prefix`."""
        beginning = len(str(self.root / "x")) - 1
        for entry in self._files.walk(self.root / prefix):
            yield str(entry.place)[beginning:], entry


def get_json(store: Store, key: str) -> dict[str, Any] | None:
    """Return the JSON object under `key`, or None."""
    value = store.get(key)
    return None if value is None else json.loads(value)


def put_json(store: Store, key: str, value: dict[str, Any]) -> None:
    store.put(key, json.dumps(value, sort_keys=True).encode())


def get_or_make(store: Store, key: str, make: Callable[[], bytes]) -> tuple[bytes, bool]:
    """Return (value, was it there already), making and publishing it where it is absent or damaged."""
    value = store.get(key)
    if value is not None:
        return value, True
    value = make()
    store.put(key, value)
    return value, False
