"""Store of artefacts by key: each is complete, or absent.

An artefact is published in one step, and carries a digest of its key and its bytes, which is checked on reading. One
that does not match (a disk that lied, a copy that was cut, a file that was put under another's name) is deleted, so
that it is made again.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Any

from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Entry, Location

_MAGIC = b"RMND2\n"
_DIGEST_SIZE = 32  # bytes of a SHA-256
_LOOKS = 2
"""What is damaged on its way here looks like what is damaged there; only the latter stays so, and may be deleted."""

log = logging.getLogger(__name__)


class Condition(StrEnum):
    GOOD = "good"
    DAMAGED = "damaged"
    ABSENT = "absent"


class Store:
    """A folder or a prefix of a bucket. Keys are relative paths with `/`; values are bytes that are never changed."""

    def __init__(self, root: Location, files: Files) -> None:
        self.root = root
        self.damaged = 0
        """Objects that `get` found damaged so far."""
        self._files = files

    def get(self, key: str) -> bytes | None:
        """Return the value, or None when the key is absent or was damaged (a damaged one is deleted)."""
        condition, value = self._read(key)
        if condition is Condition.DAMAGED:
            log.warning("%s does not match its digest; it is deleted and recomputed", self.root / key)
            self.damaged += 1
            self.delete(key)
        return value

    def peek(self, key: str) -> bytes | None:
        """Return the value, or None when the key is absent or damaged; nothing is changed."""
        return self._read(key)[1]

    def check(self, key: str) -> Condition:
        """Read the whole object and say what it is like; nothing is changed."""
        return self._read(key)[0]

    def put(self, key: str, value: bytes) -> None:
        """Publish `value` in one step; the last writer of a key wins. Raises StoreError."""
        self._files.write(self.root / key, _MAGIC + _digest(key, value) + value)

    def exists(self, key: str) -> bool:
        return self._files.look(self.root / key) is not None

    def delete(self, key: str) -> None:
        """Remove the key if it is there."""
        self._files.delete(self.root / key)

    def delete_many(self, keys: Iterable[str]) -> None:
        """As `delete`, in far fewer requests than there are keys."""
        self._files.delete_many([self.root / key for key in keys])

    def sweep(self, prefix: str) -> int:
        """Remove what killed processes left half written below the folder `prefix`; return how many there were."""
        half = self._files.leftovers(self.root / prefix)
        self._files.delete_many([entry.place for entry in half])
        return len(half)

    def now(self) -> float:
        """Return the time by the clock that `list` tells times of writing by, in seconds since the epoch."""
        return self._files.now(self.root)

    def list(self, prefix: str) -> Iterator[tuple[str, Entry]]:
        """Yield (key, what is known of it without reading it) of everything below the folder `prefix`."""
        beginning = len(str(self.root / "x")) - 1
        for entry in self._files.walk(self.root / prefix):
            yield str(entry.place)[beginning:], entry

    def _read(self, key: str) -> tuple[Condition, bytes | None]:
        for _ in range(_LOOKS):
            condition, value = self._read_once(key)
            if condition is not Condition.DAMAGED:
                break
        return condition, value

    def _read_once(self, key: str) -> tuple[Condition, bytes | None]:
        blob = self._files.read(self.root / key)
        if blob is None:
            return Condition.ABSENT, None
        value = blob[len(_MAGIC) + _DIGEST_SIZE :]
        if blob[: len(_MAGIC)] != _MAGIC or blob[len(_MAGIC) :][:_DIGEST_SIZE] != _digest(key, value):
            return Condition.DAMAGED, None
        return Condition.GOOD, value


def _digest(key: str, value: bytes) -> bytes:
    """Keys hold no NUL, so that no other key and value give the same bytes."""
    total = hashlib.sha256(key.encode() + b"\0")
    total.update(value)
    return total.digest()


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
