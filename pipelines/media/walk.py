"""Reading on where the last task stopped, in files in which no task can begin anywhere.

A file with one key frame, or with times that had to be repaired, is decoded from its start for every run of frames that
is asked for: the square of its length in all. A walk stays open between tasks and goes forward only; it holds the last
frames that it passed, since neighbouring tasks see some of the same.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import av

from reelmend.pipelines.errors import MediaError

LONG_GAP = 300
"""Frames between key frames above which a file is walked through; below it every task starts again."""
HELD_BYTES = 256 << 20
"""Of decoded frames that a walk holds behind itself."""
_OPEN = 2
"""Walks of a process: flow and inpainting each have theirs."""

Numbered = Iterator[tuple[int, av.VideoFrame]]


class FileMark(NamedTuple):
    """A file as it is now; one that is rewritten is another."""

    path: Path
    inode: int
    modified_ns: int
    size: int

    @classmethod
    def of(cls, path: Path) -> "FileMark":
        told = path.stat()
        return cls(path, told.st_ino, told.st_mtime_ns, told.st_size)


class Walk:
    """Frames of one file, in order, from some frame on."""

    def __init__(self, mark: FileMark, frames: Numbered, opened: ExitStack, held_bytes: int) -> None:
        """`opened` is closed with the walk; `held_bytes` of frames are held behind it, at least the last one."""
        self.mark, self._frames, self._opened, self._most_bytes = mark, frames, opened, held_bytes
        self._held: deque[tuple[int, av.VideoFrame]] = deque()
        self._bytes = 0

    @property
    def first(self) -> int:
        """The earliest frame that it still holds."""
        return self._held[0][0]

    @property
    def last(self) -> int:
        """The latest frame that it has come to; -1 before it has started."""
        return self._held[-1][0] if self._held else -1

    def comes_to(self, index: int) -> bool:
        """Go forward to a frame and return whether it is there."""
        while self.last < index:
            following = next(self._frames, None)
            if following is None:
                return False
            self.hold(*following)
        return any(number == index for number, _ in self._held)

    def passing(self, start: int, stop: int) -> Iterator[av.VideoFrame]:
        """Yield the frames [start, stop). Raises MediaError where one of them is not there any more."""
        for index in range(start, stop):
            if not self.comes_to(index):
                gone = f"frame {index} no longer exists; the file has changed since it was inspected"
                raise MediaError(f"{self.mark.path}: {gone}")
            yield next(frame for number, frame in self._held if number == index)

    def close(self) -> None:
        """Let go of the file and of the frames."""
        self._held.clear()
        self._bytes = 0
        self._opened.close()

    def hold(self, index: int, frame: av.VideoFrame) -> None:
        """Add the frame that follows."""
        self._held.append((index, frame))
        self._bytes += _bytes_of(frame)
        while len(self._held) > 1 and self._bytes > self._most_bytes:
            self._bytes -= _bytes_of(self._held.popleft()[1])


_walks: list[Walk] = []
_lock = Lock()


@contextmanager
def walking(mark: FileMark, start: int, begin: Callable[[], Walk]) -> Iterator[Walk]:
    """Give a walk that comes to frame `start`: an open one, else what `begin` returns. It stays open afterwards."""
    walk = _take(mark, start) or begin()
    try:
        yield walk
    except BaseException as exc:
        if isinstance(exc, GeneratorExit):  # whoever read has seen enough
            _give_back(walk)
        else:
            walk.close()
        raise
    _give_back(walk)


def leave_open(walk: Walk) -> None:
    """Let whoever reads this file next begin with the frames that a walk holds, if it holds any."""
    if walk.last >= 0:
        _give_back(walk)


def close_walks() -> None:
    """Close all files that are open between tasks."""
    with _lock:
        while _walks:
            _walks.pop().close()


def _take(mark: FileMark, start: int) -> Walk | None:
    """Return the open walk that is nearest before `start`."""
    with _lock:
        fitting = [walk for walk in _walks if walk.mark == mark and walk.first <= start]
        if not fitting:
            return None
        nearest = max(fitting, key=lambda walk: walk.last)
        _walks.remove(nearest)
        return nearest


def _give_back(walk: Walk) -> None:
    with _lock:
        _walks.append(walk)
        while len(_walks) > _OPEN:
            _walks.pop(0).close()


def _bytes_of(frame: av.VideoFrame) -> int:
    return sum(plane.buffer_size for plane in frame.planes)
