"""Runs of frames that show the same picture under the same mask: pulldown, slides, animation on twos, frozen shots.

Frames are compared tile by tile with the first of their run, never by a mean over the frame, so that something small
that moves ends a run, and what changes slowly does not creep along. The probe finds runs as it decodes; an engine that
uses them restores the first frame of a run, and its pixels are those of all.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.choices import StillFrames
from reelmend.pipelines.media.formats import planes_of, working_layout

if TYPE_CHECKING:
    import av

REPEATS_VERSION = 1
"""Raise it when other frames are taken as equal."""

_CELL_PX, _TILE_PX = 4, 16
_CELL_LEVELS = 2.0
"""Of 255: mean difference, with its sign, of 4x4 samples. Noise of coding is nearly as often up as down."""
_TILE_LEVELS = 2.0
"""Of 255: mean absolute difference of 16x16 samples."""

Range = tuple[int, int]
Planes = list[NDArray[Any]]
Bool = NDArray[np.bool_]


class RepeatFinder:
    """Give it every frame once, in order; then ask for the runs."""

    def __init__(self, mode: StillFrames) -> None:
        self._mode = mode
        self._format = ""
        self._first: Planes = []
        self._ranges: list[Range] = []
        self._start = self._seen = 0

    def see(self, index: int, frame: "av.VideoFrame") -> None:
        planes, bits = planes_of(frame), working_layout(frame.format.name).bits
        if not self._same(frame.format.name, planes, bits):
            self._end(index)
            self._format, self._start = frame.format.name, index
            self._first = [plane.copy() for plane in planes]
        self._seen = index + 1

    def ranges(self) -> list[Range]:
        """Return [start, stop) of every run of two frames or more."""
        self._end(self._seen)
        self._start = self._seen
        return self._ranges

    def _end(self, stop: int) -> None:
        if stop - self._start > 1:
            self._ranges.append((self._start, stop))

    def _same(self, name: str, planes: Planes, bits: int) -> bool:
        if name != self._format or [p.shape for p in planes] != [p.shape for p in self._first]:
            return False
        pairs = zip(self._first, planes, strict=True)
        if self._mode is StillFrames.equal:
            return all(np.array_equal(*pair) for pair in pairs)
        return all(np.array_equal(*pair) or equal_within_noise(*pair, bits) for pair in pairs)


def equal_within_noise(first: NDArray[Any], second: NDArray[Any], bits: int = 8) -> bool:
    """Whether two planes [h, w] (or [h, w, channels]) of samples of so many bits differ by noise at most, everywhere.

    That is where no 4x4 samples differ by more than 2 of 255 grey levels on average, with their signs, and no 16x16 by
    more than 2 without.
    """
    scale = np.float32(255 / (2**bits - 1))
    difference = (second.astype(np.float32) - first.astype(np.float32)) * scale
    cells = _means(difference, _CELL_PX)
    if float(np.abs(cells).max()) > _CELL_LEVELS:
        return False
    return float(_means(np.abs(difference), _TILE_PX).max()) <= _TILE_LEVELS


def _means(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return the means of tiles of `side` samples, the last ones of a row or column smaller."""
    sums = values
    for axis in (0, 1):
        sums = np.add.reduceat(sums, np.arange(0, sums.shape[axis], side), axis=axis)
    rows, columns = (np.diff([*range(0, length, side), length]) for length in values.shape[:2])
    counts = (rows[:, None] * columns[None]).astype(np.float32)
    return np.asarray(sums / counts.reshape(*counts.shape, *[1] * (values.ndim - 2)), np.float32)


def with_equal_masks(runs: Sequence[Range], masks: Iterator[Bool]) -> list[Range]:
    """Return what is left of runs of frames where masks differ in no pixel within a run; `masks` are of all frames."""
    kept: list[Range] = []
    at = 0
    for start, stop in runs:
        first, begin, at = next(islice(masks, start - at, None)), start, stop
        for index, mask in enumerate(islice(masks, stop - start - 1), start + 1):
            if mask is not first and not np.array_equal(mask, first):
                kept.append((begin, index))
                first, begin = mask, index
        kept.append((begin, stop))
    return [(start, stop) for start, stop in kept if stop - start > 1]


def within_shots(runs: Sequence[Range], shots: Sequence[Range]) -> tuple[Range, ...]:
    """Cut runs where shots begin."""
    starts = [start for start, _ in shots]
    cut: list[Range] = []
    for start, stop in runs:
        edges = [start, *starts[bisect_right(starts, start) : bisect_left(starts, stop)], stop]
        cut += pairwise(edges)
    return tuple((start, stop) for start, stop in cut if stop - start > 1)


@dataclass(frozen=True)
class Distinct:
    """Numbers the distinct frames among the video's frames [first, last): all but those that repeat the one before."""

    runs: tuple[Range, ...]
    """Runs of equal frames [start, stop), in order; those that reach beyond `first` or `last` are cut there."""
    first: int
    last: int

    @cached_property
    def frames(self) -> Sequence[int]:
        """The video's number of each distinct frame: of a run, of its first."""
        own = _cut(self.runs, self.first, self.last)
        if not own:
            return range(self.first, self.last)
        found: list[int] = []
        at = self.first
        for start, stop in own:
            found += range(at, start + 1)
            at = stop
        return (*found, *range(at, self.last))

    def count(self, start: int, stop: int) -> tuple[int, int]:
        """Return the numbers, among the distinct ones, of the frames that begin in [start, stop)."""
        return bisect_left(self.frames, start), bisect_left(self.frames, stop)

    def frame(self, number: int) -> int:
        """Return the video's frame of a distinct one; the end of the video's frames for the one after the last."""
        return self.frames[number] if number < len(self.frames) else self.last

    def repeats(self, start: int, stop: int) -> tuple[Range, ...]:
        """Return the runs in the video's frames [start, stop), cut there."""
        return _cut(self.runs, max(start, self.first), min(stop, self.last))


def _cut(runs: Sequence[Range], start: int, stop: int) -> tuple[Range, ...]:
    """Return what of runs in order is in [start, stop), as far as two frames of one are."""
    first = bisect_right(runs, start, key=lambda run: run[1])
    last = bisect_left(runs, stop, key=lambda run: run[0])
    cut = ((max(start, begin), min(stop, end)) for begin, end in runs[first:last])
    return tuple((begin, end) for begin, end in cut if end - begin > 1)
