"""Where do artefacts live, and when is one there? A key is there whole, or it is not there.

An artefact is written beside its place, flushed and then renamed; it carries a digest of its bytes, which is checked on
reading. One that does not match (a disk that lied, a copy that was cut) is deleted, so that it is made again.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from pipelines.errors import StoreError

_MAGIC = b"RMND1\n"
_DIGEST_SIZE = 32


def _read_umask() -> int:
    """The mask can only be read by setting it, which is not safe once there are threads: it is done once, here."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _read_umask()


class Store(Protocol):
    """Keys are relative paths with `/`; values are bytes, written once and never changed."""

    def get(self, key: str) -> bytes | None:
        """Return the value, or None when the key is absent or was damaged (a damaged one is deleted)."""
        ...

    def put(self, key: str, value: bytes) -> None:
        """Publish `value` in one step; the last writer of a key wins. Raises StoreError."""
        ...

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None:
        """Remove the key if it is there."""
        ...

    def keys(self, prefix: str) -> Iterator[str]: ...


class LocalStore:
    """A folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, key: str) -> bytes | None:
        try:
            blob = (self.root / key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise StoreError(f"cannot read {self.root / key}: {exc.strerror}") from exc
        value = blob[len(_MAGIC) + _DIGEST_SIZE :]
        if blob[: len(_MAGIC)] != _MAGIC or blob[len(_MAGIC) :][:_DIGEST_SIZE] != hashlib.sha256(value).digest():
            self.delete(key)
            return None
        return value

    def put(self, key: str, value: bytes) -> None:
        write_atomically(self.root / key, _MAGIC + hashlib.sha256(value).digest() + value)

    def exists(self, key: str) -> bool:
        return (self.root / key).is_file()

    def delete(self, key: str) -> None:
        (self.root / key).unlink(missing_ok=True)

    def keys(self, prefix: str) -> Iterator[str]:
        for path in sorted((self.root / prefix).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(self.root).as_posix()


def write_atomically(path: Path, value: bytes) -> None:
    """Write a whole file in one step: a reader sees the old bytes or the new ones. Raises StoreError."""
    staged: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, staged = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        with os.fdopen(handle, "wb") as file:
            file.write(value)
            file.flush()
            os.fchmod(file.fileno(), 0o666 & ~_UMASK)  # mkstemp keeps others out; the ledger is for them to read
            os.fsync(file.fileno())
        Path(staged).replace(path)
    except OSError as exc:
        if staged is not None:
            Path(staged).unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {exc.strerror or exc}") from exc


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
