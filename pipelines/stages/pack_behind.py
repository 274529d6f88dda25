"""Packing behind: a part is measured, encoded and published by a thread while the engine computes the next block."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_BYTES = 256 << 20
"""Of the arrays that a part is packed from: of a larger one the worker waits for the end, instead of holding them beside
the next block's."""


class Packer(Generic[T]):
    """Does one thing at a time, in order, while its caller goes on; without a thread, at once."""

    def __init__(self, *, behind: bool) -> None:
        self._behind = behind
        self._running: _Running[T] | None = None
        self.done: list[T] = []
        """Results, in order."""

    def put(self, work: Callable[[], T], held_bytes: int) -> None:
        """Do `work`, which holds so many bytes. Raises what the work before it has raised, after which it is not done."""
        self.wait()
        if not self._behind:
            self.done.append(work())
            return
        self._running = _Running(work)
        if held_bytes > MOST_BYTES:
            self.wait()

    def __enter__(self) -> "Packer[T]":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for what is in progress: raise what that has raised, unless something was raised already."""
        if kind is None:
            self.wait()
        elif self._running is not None:
            self._running.join()

    def wait(self) -> None:
        """Wait for the end of what is in progress. Raises what it has raised."""
        running, self._running = self._running, None
        if running is not None:
            self.done.append(running.result())


class _Running(threading.Thread, Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(name="pack-behind", daemon=True)
        self._work: Callable[[], T] | None = work
        self._context = copy_context()
        self._result: T
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        assert self._work is not None
        try:
            self._result = self._context.run(self._work)
        except BaseException as exc:  # raised where the result is taken
            self._error = exc
        self._work = None  # with the arrays that it holds

    def result(self) -> T:
        self.join()
        if self._error is not None:
            raise self._error
        return self._result
