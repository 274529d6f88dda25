"""Signs of progress from a long computation, for whatever watches the process, and counts of work left out.

They cost an addition each, and no result depends on them.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """How far the present task of this process is. Written by the thread that works, read by any."""

    def __init__(self) -> None:
        self.signs = 0
        """How often something was done, ever: a frame read, a pair measured, a picture composed."""
        self._done = 0.0
        self._frames = 0.0
        self._share = 0.0
        self._listener: tuple[int, Callable[[], None]] | None = None

    @contextmanager
    def heard_by(self, listener: Callable[[], None]) -> Iterator[None]:
        """Inside, call `listener` at every sign that this thread gives; what it raises ends the computation."""
        before, self._listener = self._listener, (threading.get_ident(), listener)
        try:
            yield
        finally:
            self._listener = before

    @property
    def frames(self) -> float:
        """Frames of the present task that are done, those of the piece in progress by the share of it."""
        return self._done + self._frames * self._share

    def begin_task(self) -> None:
        self._done = self._frames = self._share = 0.0
        self.sign()

    def begin_piece(self, frames: float) -> None:
        """A piece of so many frames is started; the one before is done."""
        self._done, self._frames, self._share = self._done + self._frames, frames, 0.0
        self.sign()

    def sign(self) -> None:
        self.signs += 1
        if self._listener is not None and self._listener[0] == threading.get_ident():
            self._listener[1]()

    def frame(self) -> None:
        """A frame of a task that goes through all frames of a video is done."""
        self._done += 1
        self.sign()

    def show(self, frames: float) -> None:
        """The present task is done in another process, which has done so many frames of it."""
        self._done, self._frames, self._share = frames, 0.0, 0.0
        self.sign()

    def reach(self, share: float) -> None:
        """So much of the piece is done, 0..1; less than before means nothing."""
        self._share = max(self._share, min(1.0, share))
        self.sign()


PROGRESS = Progress()
"""Of this process, which has one task at a time."""


class SkippedWork:
    """Work that this process left out because it would have changed next to nothing, counted since it started."""

    def __init__(self) -> None:
        self.raft_iterations = 0
        """One per pair of frames and iteration."""


SKIPPED = SkippedWork()
"""Of this process, which has one task at a time."""
