"""Lines of text followed from sample to sample: the same place and the same strokes are the same line.

Strokes are compared as edges: their strength hardly depends on what moves behind them, and not on how far a line has
faded in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.text.detector import Found

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

ALIKE_IN_PLACE = 0.5
"""Correlation of edges from which a line is the one that was there in the sample before."""
ALIKE_ELSEWHERE = 0.65
"""The same for one that moved: the best of thousands of places is high by chance."""
MOST_SPEED = 0.1
"""Farthest way between two samples, of the longer side."""
STAYS_PUT = 2.0
"""Way in pixels of the sample, over all samples of a line, up to which it stands still: what the noise of its place adds
up to."""
ALIKE_WIDTH = 0.5
"""Narrower over wider box of a line that moved between two samples, at least."""
SURELY, SURELY_ONCE = 0.85, 0.92
"""Mean probability that a line reaches in a sample at least, and one that is in a single sample: letters that can be
read exceed 0.9; bottles, painted roads and leaves reach 0.8."""
EDGES_CAP = 200.0
"""Edges stronger than this count the same, so that few of the background do not outweigh many of letters."""


@dataclass(frozen=True)
class Sample:
    """A picture in which lines were looked for."""

    frame: int
    edges: F32
    """Strength of edges [h, w]."""
    found: tuple[Found, ...]


@dataclass
class Track:
    """A line in one sample or more."""

    frames: list[int]
    boxes: list[Box]
    """Of each of `frames`, in pixels of the samples."""
    likely: float
    """Of the detections, the highest mean probability."""
    ways: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    """How far it is from where it was first seen: right and down."""

    @property
    def is_text(self) -> bool:
        """Whether it was detected surely enough, the more so where only once."""
        return self.likely >= (SURELY if len(self.frames) > 1 else SURELY_ONCE)

    @property
    def moves(self) -> bool:
        return max(max(abs(right), abs(down)) for right, down in self.ways) > STAYS_PUT

    def where(self, frame: int) -> tuple[float, float, float, float]:
        """Return its box at a frame between the first and the last, interpolated."""
        corners = np.asarray(self.boxes, np.float64)
        left, top, right, bottom = (float(np.interp(frame, self.frames, corners[:, side])) for side in range(4))
        return left, top, right, bottom


def edges_of(picture: U8) -> F32:
    """Return the strength of edges f32 [H, W] of an RGB picture u8 [H, W, 3], in its strongest channel."""
    right = np.abs(cv2.Sobel(picture, cv2.CV_32F, 1, 0)).max(axis=2)
    down = np.abs(cv2.Sobel(picture, cv2.CV_32F, 0, 1)).max(axis=2)
    return np.asarray(np.minimum(right + down, EDGES_CAP), np.float32)


def tracks_in(samples: Sequence[Sample]) -> list[Track]:
    """Return the lines of consecutive samples, in the order in which they appear."""
    done: list[Track] = []
    active: list[Track] = []
    for before, now in zip((None, *samples), samples, strict=False):
        free = list(now.found)
        going_on = []
        for track in active:
            assert before is not None
            if _follow(track, before, now, free):
                going_on.append(track)
            else:
                done.append(track)
        active = going_on + [Track([now.frame], [found.box], found.likely) for found in free]
    return sorted(done + active, key=lambda track: (track.frames[0], track.boxes[0]))


def _follow(track: Track, before: Sample, now: Sample, free: list[Found]) -> bool:
    """Lengthen a track by one of the boxes that are `free` if its line is there; takes that box."""
    box = track.boxes[-1]
    reach = 2
    alike, way = _displacement(before.edges, now.edges, box, reach)
    if alike < ALIKE_IN_PLACE:
        reach = max(reach, round(MOST_SPEED * max(now.edges.shape)))
        alike, way = _displacement(before.edges, now.edges, box, reach)
        if alike < ALIKE_ELSEWHERE:
            return False
    moved = (box[0] + way[0], box[1] + way[1], box[2] + way[0], box[3] + way[1])
    same = max(free, key=lambda other: _shared(moved, other.box), default=None)
    if same is None or _shared(moved, same.box) < 0.3:
        return False
    if reach > 2 and not _as_wide(moved, same.box):
        return False  # something that came to where a line is, such as a wheel behind subtitles
    free.remove(same)
    track.frames.append(now.frame)
    track.boxes.append(same.box)
    track.likely = max(track.likely, same.likely)
    track.ways.append((track.ways[-1][0] + way[0], track.ways[-1][1] + way[1]))
    return True


def _displacement(before: F32, now: F32, box: Box, reach: int) -> tuple[float, tuple[float, float]]:
    """Return (correlation, way) to where what is in the box before is now, at most `reach` pixels away."""
    height, width = before.shape
    left, top, right, bottom = box
    # What is looked for has to be able to move: near the border of the picture it is cut smaller.
    x, y = (min(reach, (right - left) // 4), min(reach, (bottom - top) // 4)) if reach > 2 else (0, 0)
    left, right = max(left, x), min(right, width - x)
    top, bottom = max(top, y), min(bottom, height - y)
    template = before[top:bottom, left:right]
    if template.size == 0 or float(template.std()) < 1:
        return 0.0, (0.0, 0.0)
    from_x, from_y = max(0, left - reach), max(0, top - reach)
    window = now[from_y : min(height, bottom + reach), from_x : min(width, right + reach)]
    scores = np.asarray(cv2.matchTemplate(window, template, cv2.TM_CCOEFF_NORMED), np.float32)
    _, best, _, (best_x, best_y) = cv2.minMaxLoc(scores)
    way = (
        from_x + best_x + _peak(scores[best_y], best_x) - left,
        from_y + best_y + _peak(scores[:, best_x], best_y) - top,
    )
    return float(best), way


def _peak(scores: F32, best: int) -> float:
    """Return how far the top of a parabola through the best score and its neighbours is from it, -0.5..0.5."""
    if not 0 < best < len(scores) - 1:
        return 0.0
    before, here, after = (float(score) for score in scores[best - 1 : best + 2])
    bend = before - 2 * here + after
    return 0.0 if bend >= 0 else max(-0.5, min(0.5, 0.5 * (before - after) / bend))


def _as_wide(one: tuple[float, ...], other: Box) -> bool:
    """Whether two boxes are about as wide: what moves is detected whole in both samples, or leaves the picture."""
    wide = one[2] - one[0], other[2] - other[0]
    return min(wide) >= ALIKE_WIDTH * max(wide)


def _shared(one: tuple[float, ...], other: Box) -> float:
    """Return the area that two boxes share, over the smaller one's, if they are about as high; else 0."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    heights = one[3] - one[1], other[3] - other[1]
    if wide <= 0 or high <= 0 or min(heights) < 0.5 * max(heights):
        return 0.0
    return wide * high / min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
