"""Time that a worker spends inside its networks, without the reading they wait for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ModelClock:
    """One a process. It runs for the thread that started it: what other threads read meanwhile delays nobody."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._thread = 0
        self._running_since: float | None = None
        self._seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """The body is the model's work."""
        self._thread = threading.get_ident()
        with self._switched(on=True):
            yield

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The body is not, though the model waits for it."""
        if threading.get_ident() != self._thread:
            yield
            return
        with self._switched(on=False):
            yield

    def take(self) -> float:
        """Return the seconds since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    @contextmanager
    def _switched(self, *, on: bool) -> Iterator[None]:
        before = self._running_since is not None
        self._switch(on)
        try:
            yield
        finally:
            self._switch(before)

    def _switch(self, on: bool) -> None:
        now = self._now()
        if self._running_since is not None:
            self._seconds += now - self._running_since
        self._running_since = now if on else None
