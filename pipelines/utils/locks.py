"""Locks on files and folders that end with the process that holds them, on POSIX systems and on Windows.

Windows opens no folder and locks ranges of bytes, so there a folder's lock is on a file inside it, and a shared lock is
on one byte of many, of which an exclusive one takes all.
"""

import os
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    try:
        import msvcrt
    except ImportError:
        msvcrt = None  # type: ignore[assignment]

_NAME = ".lock"
_AT, _READERS = 1 << 30, 64
"""Behind any content; that many may share a lock."""


def open_folder(folder: Path) -> int:
    """Return a handle on a folder to be locked; `os.close` ends the lock. Raises FileNotFoundError."""
    if fcntl is not None:
        return os.open(folder, os.O_RDONLY)
    return os.open(folder / _NAME, os.O_RDWR | os.O_CREAT)


def is_of(handle: int, folder: Path) -> bool:
    """Whether the folder is still the one that `open_folder` opened."""
    place = folder if fcntl is not None else folder / _NAME
    return place.exists() and os.path.samestat(os.fstat(handle), place.stat())


def lock(handle: int, *, shared: bool = False, wait: bool = True) -> None:
    """Lock a file, or a folder's handle. Without `wait`, raises BlockingIOError while another holds the lock."""
    if fcntl is not None:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    else:
        _lock_bytes(handle, shared=shared, wait=wait)


def unlock(handle: int) -> None:
    """Give up a lock that was just taken."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_UN)
    else:
        _unlock_bytes(handle)


def _lock_bytes(handle: int, *, shared: bool, wait: bool) -> None:
    while True:
        for first in range(_READERS) if shared else (0,):
            if _takes(handle, "LK_NBLCK", first, 1 if shared else _READERS):
                return
        if not wait:
            raise BlockingIOError
        time.sleep(0.05)


def _unlock_bytes(handle: int) -> None:
    if not _takes(handle, "LK_UNLCK", 0, _READERS):
        any(_takes(handle, "LK_UNLCK", first, 1) for first in range(_READERS))


def _takes(handle: int, mode: str, first: int, count: int) -> bool:
    position = os.lseek(handle, 0, os.SEEK_CUR)
    try:
        os.lseek(handle, _AT + first, os.SEEK_SET)
        msvcrt.locking(handle, getattr(msvcrt, mode), count)  # type: ignore[attr-defined]
    except OSError:
        return False
    finally:
        os.lseek(handle, position, os.SEEK_SET)
    return True
