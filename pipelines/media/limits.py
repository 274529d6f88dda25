"""Limits on pixels, frames, duration and time of an input, wherever it is opened.

Limits are those of the task that opens the file (`held_to`), or the defaults: no caller can forget them. Time is looked
at between packets and by FFmpeg whenever it reads; what one call of a decoder takes is not interrupted here, but by the
executor, which ends the worker (`cluster/scheduler.py`).
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from reelmend.pipelines.config import LimitsConfig
from reelmend.pipelines.errors import OverLimit


@dataclass(frozen=True)
class _Held:
    limits: LimitsConfig
    seconds: float
    ends_at_s: float
    """By the clock of `time.monotonic`."""


_held: ContextVar[_Held] = ContextVar("held", default=_Held(LimitsConfig(), math.inf, math.inf))  # noqa: B039  frozen


@contextmanager
def held_to(limits: LimitsConfig, seconds: float = 0.0) -> Iterator[None]:
    """Inside, files that this thread opens are held to `limits`, and to `seconds` from now on; 0 is any time."""
    seconds = seconds or math.inf
    token = _held.set(_Held(limits, seconds, time.monotonic() + seconds))
    try:
        yield
    finally:
        _held.reset(token)


def most_pixels() -> int:
    """Return how many pixels a frame may have."""
    return _held.get().limits.pixels


def refuse_pixels(path: Path | str, width: int, height: int, what: str = "a frame", advice: str = "") -> None:
    """Raise OverLimit where width times height is over the limit."""
    if width * height > most_pixels():
        raise OverLimit(f"{path}: {what} of {width}x{height} pixels is over limits.pixels={most_pixels()}{advice}")


def refuse_frames(path: Path, count: int) -> None:
    """Raise OverLimit for more frames than an item may have."""
    most = _held.get().limits.frames
    if most and count > most:
        raise OverLimit(f"{path}: has {count} frames or more, over limits.frames={most}; cut it into several")


def refuse_duration(path: Path, seconds: float) -> None:
    """Raise OverLimit for an item that lasts longer than it may."""
    most_s = _held.get().limits.duration_s
    if most_s and seconds > most_s:
        raise OverLimit(f"{path}: lasts {seconds:.0f} s, over limits.duration_s={most_s:g}; cut it into several")


def refuse_overtime(path: Path) -> None:
    """Raise OverLimit when the task's time is over."""
    held = _held.get()
    if time.monotonic() > held.ends_at_s:
        raise OverLimit(f"{path}: was not read in {held.seconds:g} s; see limits.probe_s and limits.task_s")


def seconds_left() -> float | None:
    """Return the seconds that the task has left, at least a moment; None for any time."""
    ends_at_s = _held.get().ends_at_s
    return None if math.isinf(ends_at_s) else max(0.001, ends_at_s - time.monotonic())
