"""Making of a video's masks by an expression, frame by frame, in memory that does not grow with the length."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path

import numpy as np

from reelmend.pipelines.config import FindConfig, MaskConfig
from reelmend.pipelines.errors import MaskError
from reelmend.pipelines.media.masks.drawn import DrawnMask
from reelmend.pipelines.media.masks.expression import FILE, MaskExpression, Term
from reelmend.pipelines.media.masks.over_time import Bool, closed, extended
from reelmend.pipelines.media.masks.reader import inspect_masks, read_masks
from reelmend.pipelines.media.masks.sources.base import Search
from reelmend.pipelines.media.masks.sources.clip import Clip
from reelmend.pipelines.media.masks.sources.registry import source_of
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.rotation import as_shown

Shots = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Making:
    """What masks are made from."""

    expression: MaskExpression
    info: VideoInfo
    shots: Shots
    """Ranges [start, stop) without a cut, which together are all frames."""
    masks: MaskConfig
    find: FindConfig
    file: Path | None = None
    """The file of the expression, where it has one."""
    notes: list[str] = field(default_factory=list)
    """Of the sources and the file, once the masks are read."""

    def made(self) -> Iterator[Bool]:
        """Yield the mask of every frame, bool [H, W] at the shown size, not grown yet.

        Raises MaskError where a term does not fit the video, MediaError where it cannot be read.
        """
        combined = self._combined()
        return extended(closed(combined, self.masks.persist), self.masks.fade, self.shots)

    def _combined(self) -> Iterator[Bool]:
        first, *others = self.expression.terms
        total = self._masks_of(first)
        for term in others:
            total = _joined(total, self._masks_of(term), term.sign)
        return total

    def _masks_of(self, term: Term) -> Iterator[Bool]:
        if term.shape is not None:
            return self._of_shape(DrawnMask((term.shape,), term.shape.text))
        start, stop = (0, self.info.frames) if term.range is None else self._within(term)
        nothing = np.zeros(self.info.display_size[::-1], np.bool_)
        return _placed(self._of_frames(term, start, stop), start, stop, self.info.frames, nothing)

    def _within(self, term: Term) -> tuple[int, int]:
        assert term.range is not None
        start = term.range.start.frame(self.info.pts, self.info.time_base)
        stop = self.info.frames
        if term.range.stop is not None:
            stop = min(stop, term.range.stop.frame(self.info.pts, self.info.time_base))
        return (start, stop) if start < stop else (0, 0)

    def _of_frames(self, term: Term, start: int, stop: int) -> Iterator[Bool]:
        if term.name == FILE:
            return self._of_file(start, stop)
        if start == stop:
            return iter(())
        shots = tuple((max(start, a), min(stop, b)) for a, b in self.shots if max(start, a) < min(stop, b))
        painted_in, painted = self._painted(term) if term.path else (0, None)
        anchor = (
            max(start, painted_in) if term.moment is None else term.moment.frame(self.info.pts, self.info.time_base)
        )
        if not start <= anchor < stop:
            raise MaskError(
                f"mask {term.text(term.path)}: frame {anchor} is not one of the frames {start} to {stop - 1}"
            )
        clip = Clip(self.info, start, stop, shots, tuple(self.shots))
        return source_of(term.name).find(
            Search(
                clip,
                self.find,
                term.box(self.info.display_size),
                painted,
                anchor,
                term.points(self.info.display_size),
                self.notes,
            )
        )

    def _of_shape(self, mask: DrawnMask) -> Iterator[Bool]:
        info = self.info
        nothing = np.zeros(info.display_size[::-1], np.bool_)
        for levels in mask.levels_from(info.display_size, info.pts, info.time_base, 0, info.frames):
            yield nothing if levels is None else levels > 0

    def _of_file(self, start: int, stop: int) -> Iterator[Bool]:
        assert self.file is not None, "an expression that names a file is made with one"
        config = replace(self.masks, dilation=0)
        summary = inspect_masks(self.file, self.info, config)
        self.notes.extend(f"{self.file.name}: {note}" for note in summary.notes)
        previous: tuple[Bool, Bool] | None = None
        for mask in read_masks(self.file, self.info, summary.as_read(config), start, stop):
            if previous is None or previous[0] is not mask:
                previous = mask, self._shown(mask)
            yield previous[1]

    def _painted(self, term: Term) -> tuple[int, Bool]:
        """The first frame in which the file of a term marks anything, and its mask: what a source is to follow."""
        for index, mask in enumerate(self._of_file(0, self.info.frames)):
            if mask.any():
                return index, mask
        raise MaskError(f"mask {term.path}: marks no pixel in any frame; paint what is to be followed")

    def _shown(self, mask: Bool) -> Bool:
        return np.ascontiguousarray(as_shown(mask, self.info.rotation, self.info.mirrored))


def _joined(first: Iterable[Bool], second: Iterable[Bool], sign: str) -> Iterator[Bool]:
    """Combine masks; equal ones in a row stay one array."""
    previous: tuple[Bool, Bool, Bool] | None = None
    for one, other in zip(first, second, strict=True):
        if previous is None or previous[0] is not one or previous[1] is not other:
            both = one | other if sign == "+" else one & ~other if sign == "-" else one & other
            previous = one, other, both
        yield previous[2]


def _placed(masks: Iterator[Bool], start: int, stop: int, frames: int, nothing: Bool) -> Iterator[Bool]:
    """Lay the masks of frames [start, stop) on all frames of the video."""
    yield from repeat(nothing, start)
    count = 0
    for mask in masks:
        yield mask
        count += 1
    if count != stop - start:
        raise MaskError(f"a mask source gave {count} masks for {stop - start} frames; report this to its authors")
    yield from repeat(nothing, frames - stop)
