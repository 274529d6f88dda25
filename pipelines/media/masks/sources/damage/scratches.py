"""Vertical scratches: thin ridges and valleys over much of the height, that the scene moves away from."""

from collections.abc import Sequence

import cv2
import numpy as np

from reelmend.pipelines.media.masks.sources.base import Box
from reelmend.pipelines.media.masks.sources.damage.frame import Mark, Observed
from reelmend.pipelines.media.masks.sources.damage.neighbours import Compared

_SIDE_PX = (2, 5)
"""Distances, from and to, of the columns that a ridge is compared with on each side."""
_SMOOTHED = 17
"""Rows over which levels are averaged."""
_LEAST_LEVELS, _IN_NOISE = 4.0, 1.6
"""Levels, and standard deviations of the noise, that a ridge stands out by at sensitivity 0.5."""
_LEAST_HEIGHT = 0.25
"""Of the picture: a scratch's length."""
_WHOLE_HEIGHT = 0.9
"""Of the picture: from here on a line that never moves is a scratch before a still scene too."""
_WIDEST = 9
_SCENE_PX = (8, 32)
"""Distances, from and to, at which the scene's movement is measured: a line pulls the flow next to it."""
_STEP_PX = 2.5
"""That a scratch wanders by from a frame to the next at most."""
_LEFT_BEHIND_PX = 5.0
"""That the scene has to move by while a line is seen."""
_MOVES_WITH = 0.35
"""Of the way that the scene moves, at most, that a scratch itself moves: a pole near the camera moves more."""
_MISSED = 2
"""Frames in a row in which a line may not be seen."""
_SEEN = 0.6
"""Share of the frames around, in which a line has to be seen."""
_LEAST_SEEN = 3


def lines_of(seen: Compared, sensitivity: float) -> list[Mark]:
    """Return thin vertical lines of a frame, of the scene or not."""
    height, width = seen.luma.shape
    if width < 4 * _SIDE_PX[1] or height < _SMOOTHED:
        return []
    level = max(_LEAST_LEVELS, _IN_NOISE * seen.noise) * 2 ** (1 - 2 * min(1.0, max(0.0, sensitivity)))
    smooth = cv2.blur(seen.luma, (1, _SMOOTHED))
    near, far = _SIDE_PX
    beside = cv2.blur(smooth, (far - near + 1, 1))
    shift = (near + far) // 2
    columns = np.arange(width)
    left, right = (beside[:, np.clip(columns + step, 0, width - 1)] for step in (-shift, shift))
    lines = []
    for bright in (True, False):
        sign = 1.0 if bright else -1.0
        out = np.minimum(sign * (smooth - left), sign * (smooth - right))
        lines += _long(out > level, out, bright, seen)
    return lines


def _long(ridge: np.ndarray, out: np.ndarray, bright: bool, seen: Compared) -> list[Mark]:
    height = ridge.shape[0]
    length = max(_SMOOTHED, int(_LEAST_HEIGHT * height))
    wide = cv2.dilate(ridge.astype(np.uint8), np.ones((1, 3), np.uint8))
    closed = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones((max(3, length // 6), 1), np.uint8))
    # What has no run of a third of the length is texture; slanted lines have shorter runs than their height.
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((length // 3, 1), np.uint8))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    marks = []
    for index in range(1, count):
        left, top, width, tall = (int(side) for side in boxes[index][:4])
        if width > _WIDEST or tall < length:
            continue
        place = (slice(top, top + tall), slice(left, left + width))
        mask = (labels[place] == index) & (wide[place] > 0)
        if not mask.any() or mask.any(axis=1).mean() < 0.7:
            continue
        thin = mask & (out[place] > 0.35 * np.median(out[place][ridge[place] & mask]))
        drift = _drift(seen, (left, top, left + width, top + tall))
        level = float(np.median(out[place][thin])) if thin.any() else 0.0
        marks.append(Mark((left, top, left + width, top + tall), thin, bright, level, drift))
    return marks


def _drift(seen: Compared, box: Box) -> float:
    """Return by how many pixels the scene has come to the right since the frame before, next to a line."""
    near, far = _SCENE_PX
    rows = seen.flow[0, box[1] : box[3]]
    beside = [rows[:, max(0, box[0] - far) : max(0, box[0] - near)], rows[:, box[2] + near : box[2] + far]]
    there = [side for side in beside if side.size]
    return -float(np.median(np.concatenate([side.ravel() for side in there]))) if there else 0.0


def scratches_in(window: Sequence[Observed], place: int) -> list[Mark]:
    """Return the lines of a frame that the scene leaves behind, or that run over the whole picture and stay."""
    return [line for line in window[place].lines if _is_scratch(line, window, place)]


def _is_scratch(line: Mark, window: Sequence[Observed], place: int) -> bool:
    seen, moved, scene = 1, 0.0, 0.0
    for step in (-1, 1):
        last, missed, index = line, 0, place + step
        while 0 <= index < len(window) and missed <= _MISSED:
            following = _next(last, window[index].lines, missed)
            if following is None:
                missed += 1
            else:
                earlier, later = (last, following) if step > 0 else (following, last)
                moved += later.centre[0] - earlier.centre[0]
                scene += later.drift
                seen, last, missed = seen + 1, following, 0
            index += step
    if seen < max(_LEAST_SEEN, _SEEN * min(len(window), 9)):
        return False
    if line.box[3] - line.box[1] >= _WHOLE_HEIGHT * window[place].shape[0]:
        return abs(moved) <= max(_STEP_PX, _MOVES_WITH * abs(scene))
    return abs(scene) >= _LEFT_BEHIND_PX and abs(moved) <= _MOVES_WITH * abs(scene)


def _next(line: Mark, lines: list[Mark], missed: int) -> Mark | None:
    """Return the nearest line of another frame that may be the same one."""
    near = [one for one in lines if one.bright == line.bright and _shares_rows(one, line)]
    best = min(near, key=lambda one: abs(one.centre[0] - line.centre[0]), default=None)
    if best is None or abs(best.centre[0] - line.centre[0]) > _STEP_PX * (1 + missed):
        return None
    return best


def _shares_rows(one: Mark, other: Mark) -> bool:
    shared = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    return shared >= 0.4 * min(one.box[3] - one.box[1], other.box[3] - other.box[1])
