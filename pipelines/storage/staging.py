"""Atomic publication of outputs: written under another name, and renamed when finished.

Each writer has its own folder, and holds a lock on it that ends with its process. So two that write the same
output (a worker that was given up for dead may continue for a while) do not write into each other's files, and what a
killed one left is known as such, and removed by the next writer of this output.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.local_files import remove
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.own_folder import own_folder
from reelmend.pipelines.utils.locks import lock, open_folder

STAGED_PREFIX = ".reelmend-partial-"
"""Before the name of what is not finished."""


@contextmanager
def staged(
    output: Location, files: Files, cache_dir: Path, make_way: Callable[[Path], None] = lambda path: None
) -> Iterator[Path]:
    """Yield where to write `output`; publish it when the block is left, unless by an exception. Raises StoreError.

    `make_way` is called with it when it is finished, right before it is published.

    For an output of this machine that is a hidden folder beside its place, else one in `cache_dir`.
    """
    room = _hidden(output) if isinstance(output, Path) else own_folder(cache_dir, "staged")
    with _own_folder(room) as folder:
        path = folder / output.name
        yield path
        make_way(path)
        files.of(output).publish(path, output)


def stage_path(output: Path) -> Path:
    """Return where to write `output` first, with room made: folders exist, an earlier attempt's leftover does not."""
    path = _hidden(output)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(path)
    except OSError as exc:
        raise StoreError(f"cannot write in {path.parent}: {exc.strerror}") from exc
    return path


def _hidden(output: Path) -> Path:
    return output.with_name(f"{STAGED_PREFIX}{output.name}")


@contextmanager
def _own_folder(room: Path) -> Iterator[Path]:
    """Yield a new folder in `room`, locked, and remove it; those in it that nobody holds any more go first."""
    try:
        folder, handle = _make_locked(room)
    except OSError as exc:
        raise StoreError(f"cannot write in {room.parent}: {exc.strerror}") from exc
    try:
        yield folder
    finally:
        remove(folder)
        os.close(handle)
        with suppress(OSError):  # another one writes there
            room.rmdir()


def _make_locked(room: Path) -> tuple[Path, int]:
    if room.is_dir():
        for left in room.iterdir():
            _remove_unheld(left)
    while True:
        folder = room / uuid4().hex
        try:
            folder.mkdir(parents=True)
            handle = open_folder(folder)
        except FileNotFoundError:  # whoever wrote there before has just removed the room
            continue
        lock(handle)
        if folder.exists():
            return folder, handle
        os.close(handle)  # taken for a leftover between the two lines


def _remove_unheld(folder: Path) -> None:
    try:
        handle = open_folder(folder)
    except FileNotFoundError:
        return
    try:
        lock(handle, wait=False)
        remove(folder)
    except BlockingIOError:
        pass
    finally:
        os.close(handle)
