"""Range of an item's frames: `0:250`, `:3s`, `1.5min:2min`, as the setting `frames` writes it.

Both ends are frame numbers or times from the first frame on; the end is not included.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from reelmend.pipelines.errors import ConfigError, MediaError

_SECONDS = {"ms": Fraction(1, 1000), "s": Fraction(1), "min": Fraction(60), "h": Fraction(3600)}
_EDGE = re.compile(r"(\d+)|(\d+(?:\.\d+)?)\s*(ms|s|min|h)")
_FORMS = "use START:STOP in frames or times, such as 0:250, :3s or 1min:90s"
_LARGEST = 10**9
"""Frames or seconds that no video has; a longer number is a mistake, and no file name."""


@dataclass(frozen=True)
class Edge:
    """Where a range starts or stops."""

    value: Fraction
    is_time: bool
    """`value` is in seconds, else a frame number."""

    def __str__(self) -> str:
        return f"{float(self.value):g}s" if self.is_time else str(self.value)

    def frame(self, pts: Sequence[int], time_base: Fraction) -> int:
        """Return the number of the first frame that is shown at this time or later."""
        return bisect_left(pts, pts[0] + self.value / time_base) if self.is_time else int(self.value)

    def near(self, rate: float) -> int:
        """Return about which frame this is, of a video whose timestamps are not known yet."""
        return round(float(self.value) * rate) if self.is_time else int(self.value)


@dataclass(frozen=True)
class FrameRange:
    """Frames from `start` up to `stop`, None for the video's end. Equal ranges are written alike."""

    start: Edge
    stop: Edge | None

    def __str__(self) -> str:
        return f"{self.start}:{self.stop or ''}"

    @property
    def suffix(self) -> str:
        """What an output's name ends in, so that it is not the whole video's: `_0-250`, `_60s-end`."""
        return f"_{self.start}-{self.stop or 'end'}"

    def of(self, pts: Sequence[int], time_base: Fraction, what: object) -> tuple[int, int]:
        """Return [start, stop) in frames of a video, cut off at its end. Raises MediaError when none is left."""
        start = self.start.frame(pts, time_base)
        stop = len(pts) if self.stop is None else min(self.stop.frame(pts, time_base), len(pts))
        if start < stop:
            return start, stop
        seconds = f"{float((pts[-1] - pts[0]) * time_base):.3f}"
        if start >= len(pts):
            raise MediaError(
                f"{what}: frames={self} starts after the end of the video, which has frames 0 to {len(pts) - 1}, the last one at"
                f" {seconds} s; choose an earlier start"
            )
        raise MediaError(f"{what}: frames={self} contains no frame (from {start} to {stop}); choose a later end")

    def count(self, frames: int, rate: float) -> int:
        """Return about how many of a video's `frames` are in the range; without a `rate`, limits in seconds are ignored."""

        def near(edge: Edge | None, unknown: int) -> int:
            return unknown if edge is None or (edge.is_time and not rate) else min(edge.near(rate), frames)

        return max(0, near(self.stop, frames) - near(self.start, 0))


def read_range(text: str) -> FrameRange:
    """Read `START:STOP`; either may be left out. Raises ConfigError."""
    first, colon, last = text.partition(":")
    start, stop = _edge(first.strip(), text) or Edge(Fraction(0), False), _edge(last.strip(), text)
    if not colon or (not first.strip() and not last.strip()):
        quoted = "; in YAML, put it in quotes" if text.strip().isdigit() else ""
        raise ConfigError(f"'{text}' is not a range of frames; {_FORMS}{quoted}")
    if not start.value:
        start = Edge(Fraction(0), False)
    alike = stop is not None and (start.is_time == stop.is_time or not stop.value)
    if stop is not None and alike and stop.value <= start.value:
        raise ConfigError(f"'{text}' contains no frame: the end is not included; choose a later end")
    return FrameRange(start, stop)


def read_moment(text: str) -> Edge:
    """Read a frame number or a time: `250`, `2.5s`. Raises ConfigError."""
    moment = _edge(text.strip(), text, "use a number of a frame or a time, such as 250 or 2.5s")
    if moment is None:
        raise ConfigError("a frame number or a time is missing after @")
    return moment


def range_of(frames: str | None) -> FrameRange | None:
    """Return the range that the setting `frames` names; None for the whole video."""
    return None if frames is None else read_range(frames)


def first_of(text: str) -> str:
    """Return the range of the first `250` frames, or `3s`. Raises ConfigError."""
    if _edge(text.strip(), text, "use a number of frames or a time, such as 250 or 3s") is None:
        raise ConfigError("--first is empty; use a number of frames or a time, such as 250 or 3s")
    return str(read_range(f":{text}"))


def _edge(word: str, text: str, forms: str = _FORMS) -> Edge | None:
    if not word:
        return None
    found = _EDGE.fullmatch(word)
    value = None if found is None else Fraction(found[1] or found[2]) * (_SECONDS[found[3]] if found[3] else 1)
    if found is None or value is None or value > _LARGEST:
        raise ConfigError(f"'{text}' is not a range of frames; {forms}")
    return Edge(value, found[3] is not None)
