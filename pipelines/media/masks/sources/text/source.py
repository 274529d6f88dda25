"""Mask source `text`: subtitles, captions and timestamps that are burnt into the picture.

Lines are detected in a few frames per second (`detector.py`), followed from one to the next (`tracks.py`), and measured
in every frame in between, so that a line is masked from its first frame to its last (`lines.py`, `presence.py`). Of a
line that stands still, the letters alone are masked (`strokes.py`); of one that moves, a box in each frame.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.choices import TextKind, TextShape
from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.base import Bool, MaskSource, Search
from reelmend.pipelines.media.masks.sources.text.detector import (
    Found,
    lines_in,
    model_digest,
    model_problem,
    shown_size,
)
from reelmend.pipelines.media.masks.sources.text.lines import (
    StillLine,
    give_way,
    moving_boxes,
    spans,
    still_lines,
    without_doubles,
)
from reelmend.pipelines.media.masks.sources.text.tracks import Sample, edges_of, tracks_in

U8 = NDArray[np.uint8]

SAMPLES_PER_S = 4.0
"""Pictures per second in which lines are looked for; one that is shown for less than two of them can be missed."""
MOST_APART = 12
"""Frames between two of these pictures at most, however many frames per second the file claims to have."""
SPAN_SAMPLES, MARGIN_SAMPLES = 40, 5
"""Samples about which is decided at once, and how many more are looked at on both sides: bounds memory."""
MOST_AREA = 0.35
"""Share of the picture that one line takes at most."""
MOST_SIDE = 1920
"""Longest side, in pixels, at which letters are found; larger pictures are scaled down."""


class TextSource(MaskSource):
    """Burnt-in text."""

    name = "text"
    summary = "subtitles, captions, timestamps and other text in the picture"
    settings = ("text", "text_shape")

    def problem(self) -> str:
        return model_problem()

    def digest(self) -> str:
        return f"text 4 {model_digest()}"

    def seconds_per_frame(self, size: tuple[int, int]) -> float:
        return 0.06 + 0.06 * size[0] * size[1] / (1280 * 720)

    def find(self, search: Search) -> Iterator[Bool]:
        for start, stop in search.clip.shots:
            yield from _Shot(search, start, stop).masks()


@dataclass(frozen=True)
class _Shot:
    search: Search
    start: int
    stop: int

    @property
    def work_size(self) -> tuple[int, int]:
        """(width, height) of the pictures in which letters are found."""
        width, height = self.search.clip.size
        scale = min(1.0, MOST_SIDE / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    @property
    def window(self) -> Box:
        """The part of these pictures that is looked at."""
        width, height = self.work_size
        region = self.search.region
        if region is None:
            return 0, 0, width, height
        across, down = width / self.search.clip.size[0], height / self.search.clip.size[1]
        return (
            max(0, int(region[0] * across)),
            max(0, int(region[1] * down)),
            min(width, int(np.ceil(region[2] * across))),
            min(height, int(np.ceil(region[3] * down))),
        )

    def masks(self) -> Iterator[Bool]:
        """Yield the mask of every frame of the shot."""
        left, top, right, bottom = self.window
        nothing = np.zeros((self.search.clip.size[1], self.search.clip.size[0]), np.bool_)
        if right <= left or bottom <= top:
            for _ in range(self.start, self.stop):
                yield nothing
            return
        every = min(MOST_APART, max(1, round(self.search.clip.rate / SAMPLES_PER_S)))
        grid = list(range(self.start, self.stop, every))
        to_come = self._samples(every)
        known: deque[Sample] = deque()
        read = 0
        for inner, outer in spans(grid, SPAN_SAMPLES, MARGIN_SAMPLES):
            while read < outer.stop:
                known.append(next(to_come))
                read += 1
            while known[0].frame < grid[outer.start]:
                known.popleft()
            stop = grid[inner.stop] if inner.stop < len(grid) else self.stop
            yield from self._span(tuple(known), every, grid[inner.start], stop, nothing)

    def _pictures(self, start: int, stop: int, every: int = 1) -> Iterator[U8]:
        left, top, right, bottom = self.window
        size = None if self.work_size == self.search.clip.size else self.work_size
        for picture in self.search.clip.pictures(start, stop, size, every):
            yield picture[top:bottom, left:right]

    def _samples(self, every: int) -> Iterator[Sample]:
        for index, picture in enumerate(self._pictures(self.start, self.stop, every)):
            small = np.asarray(cv2.resize(picture, self._sample_size, interpolation=cv2.INTER_AREA), np.uint8)
            yield Sample(self.start + index * every, edges_of(small), tuple(filter(self._is_line, lines_in(small))))

    def _is_line(self, found: Found) -> bool:
        """Whether it may be one line: a texture over half of the picture can look like text to the detector."""
        left, top, right, bottom = found.box
        scale = self._window_size[0] / self._sample_size[0]
        width, height = self.work_size
        return (bottom - top) * (right - left) * scale**2 <= MOST_AREA * width * height

    @property
    def _window_size(self) -> tuple[int, int]:
        left, top, right, bottom = self.window
        return right - left, bottom - top

    @property
    def _sample_size(self) -> tuple[int, int]:
        return shown_size(self._window_size)

    def _span(self, samples: Sequence[Sample], every: int, start: int, stop: int, nothing: Bool) -> Iterator[Bool]:
        """Yield masks of frames [start, stop), about which `samples` decide."""
        config = self.search.config
        scale = self._window_size[0] / self._sample_size[0]
        tracks = [track for track in tracks_in(samples) if track.is_text]
        still = [track for track in tracks if not track.moves]
        moving = [track for track in tracks if track.moves]
        if config.text is TextKind.captions:
            moving = []
            if len(samples) > 2:  # seen once, it may as well have moved
                still = [track for track in still if len(track.frames) > 1]
        lines = still_lines(still, samples, scale, self._window_size, _fine(every))
        if lines:
            lines = self._measured(lines, samples, every, stop)
        boxes = moving_boxes(moving, scale, self._window_size, every)
        yield from self._drawn(lines, boxes, start, stop, nothing)

    def _measured(
        self, lines: Sequence[StillLine], samples: Sequence[Sample], every: int, stop: int
    ) -> list[StillLine]:
        last = min(self.stop, max(stop, samples[-1].frame + 1))
        fine = _fine(every)
        for index, picture in enumerate(self._pictures(samples[0].frame, last, fine)):
            for line in lines:
                line.look(samples[0].frame + index * fine, picture)
        for line in lines:
            line.stop = last if line.stop == samples[-1].frame + 1 else line.stop
            others = [other.box for other in lines if other is not line and set(other.present) & set(line.present)]
            line.find_letters(others, self.search.config.text_shape is TextShape.lines)
        first = min(line.first for line in lines)
        for frame, picture in enumerate(self._pictures(first, max(line.stop for line in lines)), first):
            for line in lines:
                line.measure(frame, picture)
        for line in lines:
            line.settle()
        lines = without_doubles(lines)
        give_way(lines)
        return lines

    def _drawn(
        self, lines: Sequence[StillLine], boxes: Mapping[int, list[Box]], start: int, stop: int, nothing: Bool
    ) -> Iterator[Bool]:
        before: tuple[object, ...] = ()
        mask = nothing
        for frame in range(start, stop):
            there = tuple(index for index, line in enumerate(lines) if line.is_shown(frame))
            letters = [lines[index].letters(frame) for index in there]
            now = (there, tuple(boxes.get(frame, ())))
            if now != before or any(lines[index].changing for index in there):
                placed = [(lines[index].crop, found) for index, found in zip(there, letters, strict=True)]
                mask = self._draw(placed, now[1], nothing) if any(now) else nothing
            before = now
            yield mask

    def _draw(self, letters: Sequence[tuple[Box, Bool]], boxes: Sequence[Box], nothing: Bool) -> Bool:
        left, top, right, bottom = self.window
        width, height = self.work_size
        picture: U8 = np.zeros((height, width), np.uint8)
        seen = picture[top:bottom, left:right]
        for crop, mask in letters:
            seen[crop[1] : crop[3], crop[0] : crop[2]] |= mask
        for box in boxes:
            seen[box[1] : box[3], box[0] : box[2]] = 1
        if picture.shape != nothing.shape:
            size = nothing.shape[1], nothing.shape[0]
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), np.uint8)
            if self.search.region is not None:
                inside = np.zeros_like(picture)
                x, y, to_x, to_y = (max(0, side) for side in self.search.region)
                inside[y:to_y, x:to_x] = 1
                picture &= inside
        return picture.astype(np.bool_)


def _fine(every: int) -> int:
    """Return a step that divides that of the samples: lines shown for a second need more pictures than these."""
    return next(step for step in (3, 2, 1) if every % step == 0)
