"""Frames per second of a run over time, in few enough points to be kept, sent and drawn."""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from reelmend.pipelines.observe.observer import RunObserver
from reelmend.pipelines.tasks import Failure, InpaintReceipt, Receipt, Task

MOST_POINTS = 120
"""Of a history: a chart has no room for more. When there are more, every other one is dropped."""
_BLOCKS = "▁▂▃▄▅▆▇█"

Point = tuple[float, float]
"""Seconds since the run began, and the frames that were restored by then."""


class SpeedHistory(RunObserver):
    """How many frames a run had restored when. Written by the run's thread, read by another."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._began_s = now, now()
        self._frames = 0
        self._points: list[Point] = [(0.0, 0.0)]
        self._every_s = 0.0
        """Between two points, at least."""

    def answered(self, task: Task, answer: Receipt | Failure, *, again: bool) -> None:
        if isinstance(answer, InpaintReceipt) and not answer.reused:
            self._frames += answer.frames

    def points(self, frames_in_work: float = 0.0) -> list[Point]:
        """Return the history up to now; `frames_in_work` are those that chunks in progress have restored."""
        second = self._now() - self._began_s
        if second - self._points[-1][0] > self._every_s:
            # A chunk that is lost takes its frames back: what was said before stays.
            self._points.append((round(second, 1), max(self._points[-1][1], round(self._frames + frames_in_work, 1))))
        if len(self._points) > MOST_POINTS:
            self._points = self._points[::2]
            self._every_s = 2 * second / MOST_POINTS
        return list(self._points)


def rates(points: Sequence[Point]) -> list[Point]:
    """Return (second, frames per second until then since the point before) for each point but the first."""
    found = [(after[0], (after[1] - before[1]) / (after[0] - before[0])) for before, after in _apart(points)]
    return [(second, max(0.0, rate)) for second, rate in found]


def sparkline(points: Sequence[Point], width: int = 40) -> str:
    """Return the rates as a line of `width` block characters at most, the last ones if there are more."""
    values = [rate for _, rate in rates(points)][-width:]
    most = max(values, default=0.0)
    return "".join(_BLOCKS[min(int(rate / most * len(_BLOCKS)), len(_BLOCKS) - 1)] for rate in values) if most else ""


def _apart(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    return [(before, after) for before, after in pairwise(points) if after[0] > before[0]]
