"""Files of this machine, written beside their place, flushed and then renamed."""

import errno
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.storage.location import Entry
from reelmend.pipelines.storage.suffixes import is_image
from reelmend.pipelines.utils.system_errors import store_error


def _read_umask() -> int:
    """The mask can only be read by setting it, which is not safe once there are threads: it is done once, here."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _read_umask()
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
"""Said of a file that is not there; what is said of a folder that may not be entered, or a lost mount, is not."""
_WRITING_S = 3600.0
"""No write of one file takes this long."""
_DROPPINGS = {".DS_Store", "Thumbs.db"}
"""What a system leaves in a folder that somebody has looked at; nobody misses it."""


class LocalFiles:
    """Files of this machine and of what is mounted on it; see `reelmend.pipelines.storage.files.FileSystem`."""

    def read(self, place: Path) -> bytes | None:
        with _translated("read", place):
            try:
                return place.read_bytes()
            except FileNotFoundError:
                return None

    def write(self, place: Path, value: bytes) -> None:
        write_atomically(place, value)

    def delete(self, place: Path) -> None:
        with _translated("remove", place):
            place.unlink(missing_ok=True)

    def delete_many(self, places: Sequence[Path]) -> None:
        for place in places:
            self.delete(place)

    def now(self, place: Path) -> float:
        """This machine's; what another one keeps for it is taken to have a clock that is right to some seconds."""
        return time.time()

    def look(self, place: Path) -> Entry | None:
        with _translated("look at", place):
            try:
                told = place.stat()
            except OSError as exc:
                if exc.errno in _ABSENT:
                    return None
                raise
        return None if stat.S_ISDIR(told.st_mode) else _entry(place, told)

    def look_many(self, places: Iterable[Path]) -> dict[Path, Entry]:
        """Those that cannot be looked at are left out, too: one of a million is its own item's problem."""
        found = {}
        for place in places:
            with suppress(StoreError):
                found[place] = self.look(place)
        return {place: entry for place, entry in found.items() if entry is not None}

    def is_folder(self, place: Path) -> bool:
        try:
            return place.is_dir()
        except OSError:  # a name that is too long, a folder that may not be entered
            return False

    def children(self, folder: Path) -> list[Entry]:
        with _translated("list", folder):
            if not folder.is_dir():
                return []
            return [_entry(path, path.stat()) for path in sorted(folder.iterdir()) if path.exists()]

    def walk(self, folder: Path) -> Iterator[Entry]:
        """Names of files that begin with a dot are left out: those that are still being written have such names.

        One folder's names are held at a time, and those of the folders around it; links to folders are not followed.
        """
        with _translated("list", folder):
            names, folders = _names(folder)
        for name in names:
            if name in folders:
                yield from self.walk(folder / name)
            elif not name.startswith(".") and (entry := self.look(folder / name)) is not None:
                yield entry

    def leftovers(self, folder: Path) -> list[Entry]:
        with _translated("list", folder):
            hidden = [self.look(path) for path in folder.rglob(".*")]
        oldest = time.time() - _WRITING_S
        return [entry for entry in hidden if entry and _is_staged(entry.place.name) and entry.modified_s < oldest]

    def open(self, entry: Entry) -> BinaryIO:
        assert isinstance(entry.place, Path)
        with _translated("read", entry.place):
            return entry.place.open("rb")

    def fetch(self, entry: Entry, target: Path) -> None:
        assert isinstance(entry.place, Path)
        with _translated("read", entry.place):
            shutil.copyfile(entry.place, target)

    def set_aside(self, place: Path, target: Path) -> Path:
        """A file gets a second name, so that its place is never empty; a folder, or where links are unknown, moves."""
        with _translated("set aside", place):
            target.parent.mkdir(parents=True, exist_ok=True)
            for number in count():
                kept = target.with_name(f"{target.stem}.{number}{target.suffix}") if number else target
                if kept.exists() and not kept.samefile(place):
                    continue
                if kept.exists():
                    return kept
                try:
                    os.link(place, kept, follow_symlinks=False)
                except OSError:
                    shutil.move(place, kept)
                return kept
        raise AssertionError("unreachable: there is always another number")

    def publish(self, staged: Path, place: Path) -> None:
        """Flush and rename: `staged` has to lie on the same disk.

        Also raises StoreError where a folder would be replaced that holds anything but images: no output of ours.
        """
        with _translated("publish", place):
            place.parent.mkdir(parents=True, exist_ok=True)
            for path in [*staged.iterdir(), staged] if staged.is_dir() else [staged]:
                _flush(path)
            if place.is_dir():
                _refuse_others(place)
                place.rename(staged.with_name(f"{staged.name}.before"))  # half removed, it is not an output
            staged.replace(place)
            remove(staged.with_name(f"{staged.name}.before"))


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
        raise store_error(f"cannot write {path}: {exc.strerror or exc}", exc) from exc


def _refuse_others(output: Path) -> None:
    names, folders = _names(output)
    for name in names:
        if name in folders or not (is_image(Path(name)) or name in _DROPPINGS):
            raise StoreError(
                f"{output} contains {name}, which is not part of an output: move it, or choose another --out"
            )


def _is_staged(name: str) -> bool:
    """Whether `write_atomically` chooses such names."""
    return re.fullmatch(r"\..+\.[a-z0-9_]{8}", name) is not None


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _names(folder: Path) -> tuple[list[str], set[str]]:
    """Return the names in a folder, sorted, and those of them that are folders'; none where it is not there."""
    try:
        with os.scandir(folder) as entries:
            are_folders = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return [], set()
    return sorted(are_folders), {name for name, is_folder in are_folders.items() if is_folder}


def _entry(path: Path, told: os.stat_result) -> Entry:
    if stat.S_ISDIR(told.st_mode):
        return Entry(path, 0, "", 0.0, is_folder=True)
    inode, device, changed_ns = told.st_ino, told.st_dev, told.st_ctime_ns
    return Entry(path, told.st_size, str(told.st_mtime_ns), told.st_mtime, False, inode, device, changed_ns)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(what: str, place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise store_error(f"cannot {what} {place}: {exc.strerror or exc}", exc) from exc
