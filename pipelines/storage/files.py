"""Reading and writing of files at any kind of location, behind one interface."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from reelmend.pipelines.config import S3Config
from reelmend.pipelines.storage.local_files import LocalFiles
from reelmend.pipelines.storage.location import Entry, Location, RemotePath
from reelmend.pipelines.utils.hashing import digest_of

if TYPE_CHECKING:
    from reelmend.pipelines.storage.s3_files import S3Files

CLOCK_S = 2.0
"""Stores tell times of writing to the second: two that are nearer than this may be in either order."""

_HASTY_S, _HASTY_ATTEMPTS = 10.0, 3
"""A sign of life that hangs for so long, so often, leaves time for another one before its process is taken for dead."""


class FileSystem(Protocol):
    """What a kind of location must be able to do. A write appears in one step: a reader sees the old file or the new.

    Everything raises StoreError where another attempt may help, SetupError where it will not.
    """

    def read(self, place: Any) -> bytes | None:
        """Return a file's bytes, None when it is not there."""
        ...

    def write(self, place: Any, value: bytes) -> None: ...

    def delete(self, place: Any) -> None:
        """Remove the file if it is there."""
        ...

    def delete_many(self, places: Sequence[Any]) -> None: ...

    def now(self, place: Any) -> float:
        """Return the time by the clock that entries' times of writing are told by, in seconds since the epoch."""
        ...

    def look(self, place: Any) -> Entry | None:
        """Return what a listing would say of a file, None when it is not there, or is a folder."""
        ...

    def look_many(self, places: Iterable[Any]) -> dict[Any, Entry]:
        """As `look`, without those that are not there, in far fewer requests than there are places."""
        ...

    def leftovers(self, folder: Any) -> list[Entry]:
        """Return half-written files, in `folder` and below, of processes that were killed while they wrote."""
        ...

    def is_folder(self, place: Any) -> bool: ...

    def children(self, folder: Any) -> list[Entry]:
        """Return files and folders directly in `folder`, by name; nothing when it is not there."""
        ...

    def walk(self, folder: Any) -> Iterator[Entry]:
        """Yield the files in `folder` and below, in the order of their names."""
        ...

    def open(self, entry: Entry) -> BinaryIO:
        """Return a file to read a little of: of a remote one, what is read of it is asked for."""
        ...

    def fetch(self, entry: Entry, target: Path) -> None:
        """Copy a file to this machine. Raises StoreError when it is no longer the one that `entry` was of."""
        ...

    def set_aside(self, place: Any, target: Any) -> Any:
        """Keep a file or folder as `target`, or a name beside that; `place` may stay. Return where it is."""
        ...

    def publish(self, staged: Path, place: Any) -> None:
        """Put a finished local file or folder of files in its place; `staged` may be moved there."""
        ...


class Files:
    """The files of every location; one a process and its S3 settings is enough, and it may be used by many threads."""

    def __init__(self, s3: S3Config | None = None) -> None:
        self._s3_config = s3 or S3Config()
        self._local = LocalFiles()
        self._by_fsspec = cache(_open_fsspec)
        self.bytes_read = 0
        """By `read` and `fetch` so far."""

    @cached_property
    def _s3(self) -> "S3Files":
        from reelmend.pipelines.storage.s3_files import (
            S3Files,  # boto3 takes a while to import, and most runs are local
        )

        return S3Files(self._s3_config)

    @cached_property
    def hasty(self) -> "Files":
        """The same files, asked with less patience: for signs of life, which are worth nothing when they come late."""
        s3 = self._s3_config
        return Files(replace(s3, timeout_s=min(s3.timeout_s, _HASTY_S), attempts=min(s3.attempts, _HASTY_ATTEMPTS)))

    def of(self, place: Location) -> FileSystem:
        """Return what keeps the file. Raises SetupError where a package is missing that a scheme needs."""
        if not isinstance(place, RemotePath):
            return self._local
        return self._s3 if place.scheme == "s3" else self._by_fsspec(place.scheme)

    def read(self, place: Location) -> bytes | None:
        value = self.of(place).read(place)
        self.bytes_read += len(value or b"")
        return value

    def write(self, place: Location, value: bytes) -> None:
        self.of(place).write(place, value)

    def delete(self, place: Location) -> None:
        self.of(place).delete(place)

    def delete_many(self, places: Sequence[Location]) -> None:
        """Remove files that are all of one folder or bucket."""
        if places:
            self.of(places[0]).delete_many(places)

    def now(self, place: Location) -> float:
        return self.of(place).now(place)

    def open(self, entry: Entry) -> BinaryIO:
        return self.of(entry.place).open(entry)

    def fetch(self, entry: Entry, target: Path) -> None:
        self.of(entry.place).fetch(entry, target)
        self.bytes_read += entry.size

    def look(self, place: Location) -> Entry | None:
        return self.of(place).look(place)

    def is_folder(self, place: Location) -> bool:
        return self.of(place).is_folder(place)

    def exists(self, place: Location) -> bool:
        return self.look(place) is not None or self.is_folder(place)

    def children(self, folder: Location) -> list[Entry]:
        return self.of(folder).children(folder)

    def walk(self, folder: Location) -> Iterator[Entry]:
        return self.of(folder).walk(folder)

    def leftovers(self, folder: Location) -> list[Entry]:
        return self.of(folder).leftovers(folder)

    def set_aside(self, place: Location, target: Location) -> Location:
        """Keep what lies at `place` as `target` of the same system; what is there already stays."""
        kept: Location = self.of(place).set_aside(place, target)
        return kept

    def tidy(self, folder: Location, ours: Iterable[Location]) -> None:
        """Remove what killed processes left of uploads in `folder` to the places `ours`, or inside of them.

        For the run alone that holds the folder's lease and writes there.
        """
        if isinstance(folder, RemotePath) and folder.scheme == "s3":
            self._s3.abort_uploads(folder, ours)

    def parts_of(self, place: Location) -> list[Entry] | None:
        """Return the file, or the files directly in the folder; None when neither is there."""
        entry = self.look(place)
        return [entry] if entry is not None else self._parts_of_folder(place)

    def mark(self, place: Location) -> str | None:
        """Return what changes whenever a file, or a file in a folder, is written; None when it is not there.

        Equal marks mean "not written since"; they never name content.
        """
        parts = self.parts_of(place)
        return None if parts is None else mark_of(parts)

    def marks(self, places: Iterable[Location]) -> dict[Location, str]:
        """As `mark`, of many; those that are not there are left out."""
        return {place: mark_of(parts) for place, parts in self.parts_of_many(places).items()}

    def parts_of_many(self, places: Iterable[Location]) -> dict[Location, list[Entry]]:
        """As `parts_of`, of many; those that are not there are left out."""
        wanted = set(places)
        found: dict[Location, Entry] = {}
        for system in {self.of(place) for place in wanted}:
            found |= system.look_many({place for place in wanted if self.of(place) is system})
        folders = {place: self._parts_of_folder(place) for place in wanted - found.keys()}
        parts = {place: [entry] for place, entry in found.items()}
        return parts | {place: entries for place, entries in folders.items() if entries is not None}

    def _parts_of_folder(self, place: Location) -> list[Entry] | None:
        if not self.is_folder(place):
            return None
        # An object may be called "..": its copy would lie elsewhere.
        return [child for child in self.children(place) if not child.is_folder and child.place.name not in (".", "..")]


def _open_fsspec(scheme: str) -> FileSystem:
    from reelmend.pipelines.storage.fsspec_files import FsspecFiles  # an extra

    return FsspecFiles(scheme)


def mark_of(entries: list[Entry]) -> str:
    return digest_of("fingerprint", [(entry.place.name, entry.size, entry.tag) for entry in entries])
