"""Local copies of remote inputs, kept while there is room.

Workers of a machine share the folder, other users do not. A copy is named by where it comes from and what it was there
(ETag and size), so a changed object is another copy. The copy's folder is the lock on it: whoever reads it holds the
lock shared, whoever makes or removes it exclusively. Locks end with their process, however it ends.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.errors import MediaError, StoreError
from reelmend.pipelines.storage.copy_digest import is_as_made, record_copy
from reelmend.pipelines.storage.files import Files, mark_of
from reelmend.pipelines.storage.local_files import remove
from reelmend.pipelines.storage.location import Entry, Location
from reelmend.pipelines.storage.own_folder import own_folder
from reelmend.pipelines.utils.hashing import digest_of
from reelmend.pipelines.utils.locks import is_of, lock, open_folder
from reelmend.pipelines.utils.units import readable_bytes

_INPUTS = "inputs"
_CONTENT, _PARTIAL, _DIGESTS, _BYTES, _ROOM = "content", "partial", "digests.json", "bytes", "room.lock"
_LOCK_S = 0.05
"""Between two tries to lock a copy."""
_TRIES = 20
"""Times a copy is looked for again that others removed between two looks; once is rare."""


class InputCache:
    """Copies of files and folders. What was asked for stays until `release`."""

    def __init__(self, folder: Path, limit_bytes: int, files: Files) -> None:
        self._parent, self._limit, self._files = folder, limit_bytes, files
        self._folder = folder / _INPUTS
        self._held: dict[Location, tuple[Path, int]] = {}
        self._parts: dict[Location, list[Entry]] = {}
        self._names: dict[str, str] = {}

    def path_of(self, place: Location) -> Path | None:
        """Return the input as a path of this machine, None when it is not there. A local one is itself.

        Raises MediaError for one that is larger than the cache, StoreError when it cannot be fetched now.
        """
        if isinstance(place, Path):
            return place if place.exists() else None
        if place not in self._held:
            parts = self._files.parts_of(place)
            if parts is None:
                return None
            self._held[place] = self._hold(place, parts)
            self._parts[place] = parts
        return self._held[place][0]

    def held(self, place: Location) -> list[Entry] | None:
        """Return what the copy that is held was made from; None for what is read in place, or not held."""
        return self._parts.get(place)

    def release(self) -> None:
        """Let go of everything; copies stay, but may make room for others from now on."""
        for _, handle in self._held.values():
            os.close(handle)
        self._held.clear()
        self._parts.clear()
        self._names.clear()

    def named(self, text: str) -> str:
        """Return a message with the inputs' own names where it names their copies; of those not released yet."""
        for copy, name in self._names.items():
            text = text.replace(copy, name)
        return text

    def _hold(self, place: Location, parts: list[Entry]) -> tuple[Path, int]:
        copy = self._folder / digest_of("copy", str(place), mark_of(parts))
        path = copy / _CONTENT / place.name
        own_folder(self._parent, _INPUTS)
        try:
            for _ in range(_TRIES):
                handle = _lock(copy, shared=True)
                if not path.exists():
                    os.close(handle)
                    self._make(copy, place, parts)
                    continue  # to take the lock again as a reader
                if not is_as_made(copy / _CONTENT, copy / _DIGESTS):
                    os.close(handle)
                    _remove_unread(copy)
                    continue  # to make it again
                now = time.time_ns()  # finer than what the system would put there by itself
                os.utime(copy, ns=(now, now))  # used just now: the last to go
                self._names[str(path)] = str(place)
                return path, handle
        except OSError as exc:
            raise StoreError(f"{place}: cannot be copied to {self._folder}: {exc.strerror or exc}") from exc
        raise StoreError(f"{place}: its copy was evicted repeatedly; raise store.cache_bytes")

    def _make(self, copy: Path, place: Location, parts: list[Entry]) -> None:
        handle = _lock(copy, shared=False)
        try:
            if (copy / _CONTENT).exists():  # another worker made it while this one waited
                return
            self._take_room(copy, place, sum(part.size for part in parts))
            partial = copy / _PARTIAL
            remove(partial)
            alone = [part.place for part in parts] == [place]
            folder = partial if alone else partial / place.name
            folder.mkdir(parents=True)
            for part in parts:
                self._files.fetch(part, folder / part.place.name)
            record_copy(partial, copy / _DIGESTS)
            partial.rename(copy / _CONTENT)
        except BaseException:
            remove(copy)
            raise
        finally:
            os.close(handle)

    def _take_room(self, copy: Path, place: Location, size: int) -> None:
        """Remove what was not used for longest and nobody reads until `size` bytes fit, and take them for `copy`."""
        if size > self._limit:
            room = readable_bytes(self._limit)
            raise MediaError(
                f"{place}: has {readable_bytes(size)}, more than the {room} of store.cache_bytes; raise it"
            )
        with _room_lock(self._folder / _ROOM) as file:
            taken = _read_total(file)
            if taken is None or taken + size > self._limit:
                taken = self._make_room(copy, size)
            if taken + size > self._limit:
                in_use = readable_bytes(taken)
                raise StoreError(f"{place}: no room for its copy, {in_use} are in use; raise store.cache_bytes")
            _write_total(file, taken + size)
            (copy / _BYTES).write_text(str(size))

    def _make_room(self, copy: Path, size: int) -> int:
        """Look at all copies but `copy`, remove what has to go, and return the bytes of what stays.

        An eighth of the copies more go than have to, so that not every new one costs a look at all.
        """
        others = sorted((path for path in self._folder.iterdir() if path.is_dir() and path != copy), key=_used)
        sizes = {path: _size(path) for path in others}
        taken, more = sum(sizes.values()), len(others) // 8
        if taken + size <= self._limit:
            return taken
        for path in others:
            fits = taken + size <= self._limit
            if fits and not more:
                break
            if _remove_unread(path):
                taken -= sizes[path]
                more -= fits
        return taken


def _lock(copy: Path, *, shared: bool) -> int:
    """Return the held lock on a copy's folder, which is made if need be."""
    while True:
        copy.mkdir(parents=True, exist_ok=True)
        try:
            handle = open_folder(copy)
        except FileNotFoundError:  # removed between the two lines
            continue
        _wait_for(handle, shared=shared)
        if is_of(handle, copy):
            return handle
        os.close(handle)  # it was removed while this process waited: the lock is one on nothing


def _wait_for(handle: int, *, shared: bool) -> None:
    """Take a lock that another worker may hold while it makes the copy: who waits for that does not stand still."""
    while True:
        try:
            lock(handle, shared=shared, wait=False)
            return
        except BlockingIOError:
            PROGRESS.sign()
            time.sleep(_LOCK_S)


def _remove_unread(copy: Path) -> bool:
    """Remove a copy unless somebody reads or makes it; also what a killed process left of one."""
    try:
        handle = open_folder(copy)
    except FileNotFoundError:
        return True
    try:
        lock(handle, wait=False)
        remove(copy)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


@contextmanager
def _room_lock(path: Path) -> Iterator[int]:
    """Yield the locked file that holds how many bytes all copies have, as a line of text.

    It is written before a copy is made, and not after one was given up: what a killed process leaves there is too much,
    never too little, or no whole line; both are put right by the next look at all copies.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        lock(file)
        yield file
    finally:
        os.close(file)


def _read_total(file: int) -> int | None:
    os.lseek(file, 0, os.SEEK_SET)
    text = os.read(file, 32)
    return int(text) if re.fullmatch(rb"\d+\n", text) else None


def _write_total(file: int, total: int) -> None:
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, b"%d\n" % total)


def _used(copy: Path) -> int:
    try:
        return copy.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _size(copy: Path) -> int:
    try:
        return int((copy / _BYTES).read_text())
    except (FileNotFoundError, ValueError):
        return 0
