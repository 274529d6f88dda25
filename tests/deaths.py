"""A process that dies at one of the steps by which it changes files, and what a power cut then leaves of them.

Steps are creating, linking, renaming and removing a file or folder, and flushing one to the disk. From the chosen step
on nothing is done any more, whatever `finally` would like to do, and every file whose content was not flushed is empty:
so is what was renamed into its place before it was flushed.
"""

import ctypes
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

_plain_wait = threading.Condition.wait
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
        threads = set(threading.enumerate()) - self._others if self.dead else set()
        plain_hook = threading.excepthook
        threading.excepthook = lambda raised: None if raised.exc_type is Died else plain_hook(raised)
        for thread in threads:
            _raise_in(thread, ctypes.py_object(Died))
        for thread in threads:
            thread.join(1)
            if thread.is_alive():  # it waits for something that will not come
                _raise_in(thread, None)
        threading.excepthook = plain_hook
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


def _raise_in(thread: threading.Thread, error: "ctypes.py_object[type[BaseException]] | None") -> None:
    """None takes back what was to be raised.

    While one is to be raised anywhere, CPython 3.11 does not get past the first call of a function that is traced.
    """
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), error)


def _wait(condition: threading.Condition, timeout: float | None = None) -> bool:
    """As `Condition.wait`, and ends within moments if something is raised in the thread from outside."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = 0.05 if end is None else min(0.05, end - time.monotonic())
        if _plain_wait(condition, max(left, 0.0)):
            return True
        if left < 0.05:
            return False


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
        with patch.object(threading.Condition, "wait", _wait):
            yield dying
    except Died:
        pass
    finally:
        for name, work in before.items():
            setattr(os, name, work)
        dying.end()
