"""A process that dies at one of the steps by which it changes files, and what a power cut then leaves of them.

Steps are creating, linking, renaming and removing a file or folder, and flushing one to the disk. From the chosen step
on nothing is done any more, whatever `finally` would like to do, and every file whose content was not flushed is empty:
so is what was renamed into its place before it was flushed.
"""

import ctypes
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_STEPS = ("replace", "rename", "link", "unlink", "rmdir", "mkdir", "fsync", "open")


class Died(BaseException):
    """Nobody catches this but who lets processes die."""


class Process:
    """The one that is to die."""

    def __init__(self, root: Path, dies_at: int | None, dies_after: Path | None) -> None:
        self.steps = 0
        self.dead = False
        self._root, self._dies_at, self._dies_after = root, dies_at, dies_after
        self._locks: set[int] = set()
        self._others = set(threading.enumerate())
        self._flushed = {state for path in root.rglob("*") if path.is_file() and (state := _state(path.stat()))}

    def step(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not (len(args) > 1 and args[1] & os.O_CREAT):
                return self._opened(work(*args, **kwargs))
            if self.dead:
                raise Died
            if self.steps == self._dies_at:
                self.dead = True
                self._cut_power()
                raise Died
            self.steps += 1
            if name != "fsync":
                done = work(*args, **kwargs)
                if name == "replace" and self._dies_after and self._dies_after in Path(args[1]).parents:
                    self._dies_at = self.steps
                return done
            return self._flushed.add(_state(os.fstat(args[0])))  # no disk need take part

        return stepped

    def end(self) -> None:
        """Locks on folders end with it, and so do its threads, before they do anything more."""
        for thread in set(threading.enumerate()) - self._others if self.dead else ():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Died))
        for handle in self._locks:
            with suppress(OSError):
                if stat.S_ISDIR(os.fstat(handle).st_mode):
                    os.close(handle)

    def _opened(self, handle: int) -> int:
        self._locks.add(handle)
        return handle

    def _cut_power(self) -> None:
        for path in self._root.rglob("*"):
            if path.is_file() and _state(path.stat()) not in self._flushed:
                os.truncate(path, 0)


def _state(told: os.stat_result) -> tuple[int, int, int]:
    return told.st_ino, told.st_size, told.st_mtime_ns


@contextmanager
def process(root: Path, dies_at: int | None = None, dies_after: Path | None = None) -> Iterator[Process]:
    """Yield one that dies before step number `dies_at`, from 0, or never; its death ends the block and no more.

    Or before the next step after a file was put into its place somewhere below `dies_after`.
    """
    dying = Process(root, dies_at, dies_after)
    before = {name: getattr(os, name) for name in _STEPS}
    for name, work in before.items():
        setattr(os, name, dying.step(name, work))
    try:
        yield dying
    except Died:
        pass
    finally:
        for name, work in before.items():
            setattr(os, name, work)
        dying.end()
