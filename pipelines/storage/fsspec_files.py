"""Objects in stores reached by fsspec: Google Cloud Storage (gs://), Azure Blob Storage (az://).

The package of each finds its credentials as it always does, and tries a request again by itself. Only calls are used
that take a path as it is: those that expand `*` and `[` would delete other objects than the one that is called so.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from reelmend.pipelines.errors import ReelmendError, SetupError, StoreError, first_line
from reelmend.pipelines.storage.location import Entry, RemotePath
from reelmend.pipelines.storage.range_reader import open_remote
from reelmend.pipelines.storage.remote_folder import copy_aside, upload
from reelmend.pipelines.storage.suffixes import is_image, is_video_file

PACKAGES = {"gs": "gcsfs", "az": "adlfs"}
"""What fsspec itself needs for a scheme."""

_TAGS = ("etag", "ETag", "generation", "md5Hash", "content_md5")
_TIMES = ("updated", "last_modified", "LastModified", "mtime", "created")
"""What packages call the same, the best first."""
_LOOKS_A_LISTING = 8
"""From so many files of a folder on, the folder is listed instead of each being asked for."""
_REFUSED = {"401", "403"}
_NOT_SET_UP = {"ClientAuthenticationError", "DefaultCredentialsError", "RefreshError", "GoogleAuthError"}


class FsspecFiles:
    """Objects of any bucket that the process's credentials reach; see `reelmend.pipelines.storage.files.FileSystem`."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme

    @cached_property
    def system(self) -> Any:
        """fsspec's own. Raises SetupError."""
        package = PACKAGES[self._scheme]
        try:
            import fsspec

            return fsspec.get_filesystem_class(self._scheme)(use_listings_cache=False, skip_instance_cache=True)
        except ImportError as exc:
            missing = f'{self._scheme}:// needs {package}: pip install "reelmend[fsspec]" {package}'
            raise SetupError(f"{missing} ({first_line(exc.__cause__ or exc)})") from exc
        except Exception as exc:  # each package has its own errors
            raise SetupError(f"{self._scheme}:// cannot be opened by {package}: {first_line(exc)}") from exc

    def read(self, place: RemotePath) -> bytes | None:
        with translated(place):
            try:
                return bytes(self.system.cat_file(_path(place)))
            except (FileNotFoundError, IsADirectoryError):
                return None

    def write(self, place: RemotePath, value: bytes) -> None:
        with translated(place):
            self.system.pipe_file(_path(place), value)

    def delete(self, place: RemotePath) -> None:
        with translated(place), suppress(FileNotFoundError):
            self.system.rm_file(_path(place))

    def delete_many(self, places: Sequence[RemotePath]) -> None:
        for place in places:
            self.delete(place)

    def now(self, place: RemotePath) -> float:
        """This machine's: fsspec does not tell the store's, which is taken to agree to some seconds."""
        return time.time()

    def look(self, place: RemotePath) -> Entry | None:
        with translated(place):
            try:
                told = self.system.info(_path(place))
            except FileNotFoundError:
                return None
        entry = _entry(place, told)
        return None if entry.is_folder else entry

    def look_many(self, places: Iterable[RemotePath]) -> dict[RemotePath, Entry]:
        by_folder: dict[RemotePath, set[RemotePath]] = defaultdict(set)
        for place in places:
            by_folder[place.parent].add(place)
        found: list[Entry] = []
        for folder, wanted in by_folder.items():
            if len(wanted) < _LOOKS_A_LISTING:
                found += [entry for place in wanted if (entry := self.look(place))]
            else:
                found += [entry for entry in self.children(folder) if entry.place in wanted and not entry.is_folder]
        return {entry.place: entry for entry in found if isinstance(entry.place, RemotePath)}

    def leftovers(self, folder: RemotePath) -> list[Entry]:
        """None: what is not whole is not there."""
        return []

    def is_folder(self, place: RemotePath) -> bool:
        """What is called like a file is taken for one: else each of a million videos would cost a request."""
        return not (is_video_file(place) or is_image(place)) and bool(self.children(place))

    def children(self, folder: RemotePath) -> list[Entry]:
        return self._listed(folder, lambda: self.system.ls(_path(folder), detail=True))

    def walk(self, folder: RemotePath) -> Iterator[Entry]:
        yield from self._listed(folder, lambda: self.system.find(_path(folder), detail=True).values())

    def open(self, entry: Entry) -> BinaryIO:
        place = entry.place

        def span(start: int, stop: int) -> bytes:
            with translated(place):
                return bytes(self.system.cat_file(_path(place), start=start, end=stop))

        return open_remote(entry.size, span)

    def fetch(self, entry: Entry, target: Path) -> None:
        place = entry.place
        assert isinstance(place, RemotePath)
        with translated(place):
            self.system.get_file(_path(place), str(target))
        if self.look(place) != entry or target.stat().st_size != entry.size:
            raise StoreError(f"{place}: has changed since it was checked; run the same command again")

    def set_aside(self, place: RemotePath, target: RemotePath) -> RemotePath:
        kept: RemotePath = copy_aside(place, target, self._copy, self)
        return kept

    def publish(self, staged: Path, place: RemotePath) -> None:
        upload(staged, place, self._upload, self)

    def _listed(self, folder: RemotePath, ask: Callable[[], Iterable[dict[str, Any]]]) -> list[Entry]:
        with translated(folder):
            try:
                return sorted(_below(folder, ask()), key=lambda entry: entry.place)
            except (FileNotFoundError, NotADirectoryError):
                return []

    def _copy(self, source: RemotePath, target: RemotePath) -> None:
        with translated(source):
            self.system.cp_file(_path(source), _path(target))

    def _upload(self, path: Path, place: RemotePath) -> None:
        with translated(place):
            self.system.put_file(str(path), _path(place))
        arrived = self.look(place)
        if arrived is None or arrived.size != path.stat().st_size:
            raise StoreError(f"{place}: {arrived.size if arrived else 0} of {path.stat().st_size} bytes arrived")


@contextmanager
def translated(what: object) -> Iterator[None]:
    """Turn whatever a package raises into ours; `what` is the bucket or object that was asked for."""
    try:
        yield
    except ReelmendError:
        raise
    except FileNotFoundError as exc:  # of an object that may be absent it is caught where it is asked for
        raise SetupError(f"{what}: no such bucket; are its name and the account right?") from exc
    except Exception as exc:  # each package has its own errors, and they have no base but this
        status = str(getattr(exc, "code", None) or getattr(exc, "status_code", None))
        if isinstance(exc, PermissionError) or status in _REFUSED or type(exc).__name__ in _NOT_SET_UP:
            raise SetupError(f"{what}: access denied ({first_line(exc)}); are the credentials right?") from exc
        raise StoreError(f"{what}: {first_line(exc)}") from exc


def _path(place: object) -> str:
    """Return the place as every package takes it: BUCKET/KEY."""
    return str(place).partition("://")[2].rstrip("/")


def _below(folder: RemotePath, told: Iterable[dict[str, Any]]) -> Iterator[Entry]:
    """Yield what is in the folder. Objects whose key ends in `/` stand for folders that were made by hand."""
    for one in told:
        bucket, _, key = str(one["name"]).strip("/").partition("/")
        if key != folder.key and not (one["type"] == "file" and str(one["name"]).endswith("/")):
            yield _entry(RemotePath(bucket, key, folder.scheme), one)


def _entry(place: RemotePath, told: dict[str, Any]) -> Entry:
    if told["type"] == "directory":
        return Entry(place, 0, "", 0.0, is_folder=True)
    tags = [str(told[name]).strip('"') for name in _TAGS if told.get(name)]
    tag = tags[0] if tags else hashlib.sha256(repr(sorted(told.items())).encode()).hexdigest()
    return Entry(place, int(told["size"]), tag, _modified_s(told))


def _modified_s(told: dict[str, Any]) -> float:
    when = next((told[name] for name in _TIMES if told.get(name)), 0.0)
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    return when.timestamp() if isinstance(when, datetime) else float(when)
