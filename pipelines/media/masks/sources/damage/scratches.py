"""Vertical scratches: thin ridges and valleys over much of the height, that the scene moves away from."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.base import Bool
from reelmend.pipelines.media.masks.sources.damage.frame import F32, Mark, Observed
from reelmend.pipelines.media.masks.sources.damage.neighbours import Compared

_SIDE_PX = (2, 5)
"""Distances, from and to, of the columns that a ridge is compared with on each side."""
_SMALL_WIDTH, _SIDE_PX_SMALL = 600, (2, 4)
"""Width up to which scratches are thinner, and their distances."""
_SMOOTHED = 17
"""Rows over which levels are averaged."""
_LEAST_LEVELS, _IN_NOISE = 4.0, 1.6
"""Levels, and standard deviations of the noise, that a ridge stands out by at sensitivity 0.5."""
_LEAST_HEIGHT = 0.25
"""Of the picture: a scratch's length."""
_WHOLE_HEIGHT = 0.9
"""Of the picture: from here on a line that never moves is a scratch before a still scene too."""
_WIDEST_SHARE, _WIDEST_LEAST = 0.005, 4.0
"""Of the picture's width, and pixels: how wide a scratch is at most."""
_MOST_SLANT = 0.03
"""Pixels to the side a row."""
_STRAIGHT_PX = 1.2
"""Distance from a straight line, at most, of `_COVERED` of the rows of a scratch."""
_COVERED = 0.75
"""Share of a line's rows that have to show it."""
_GAP_OF_HEIGHT = 30
"""Half of a gap in a line is the picture's height by this: things as bright as the scratch, edges that cross it."""
_EDGE_SHARE = 0.25
"""Of a scratch's departure: its width goes so far."""
_SCENE_PX = (8, 32)
"""Distances, from and to, at which the scene's movement is measured: a line pulls the flow next to it."""
_STEP_PX = 2.5
"""That a scratch wanders by from a frame to the next at most."""
_LEFT_BEHIND_PX = 5.0
"""That the scene has to move by while a line is seen."""
_MOVES_WITH = 0.35
"""Of the way that the scene moves, at most, that a scratch itself moves: a pole near the camera moves more."""
_CLOSED = 2
"""Frames before and after that add to the scratches of a frame."""
_STILL_PX, _WANDERS_PX = 1.0, 0.2
"""A scene that moves by less stands still; a line that strays from its place in it by so much (standard deviation) is no
part of it."""
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
    near, far = _SIDE_PX if width > _SMALL_WIDTH else _SIDE_PX_SMALL
    beside = cv2.blur(smooth, (far - near + 1, 1))
    shift = (near + far) // 2
    padded = cv2.copyMakeBorder(beside, 0, 0, shift, shift, cv2.BORDER_REPLICATE)
    left, right = padded[:, :width], padded[:, 2 * shift :]
    lines = []
    for bright in (True, False):
        out = smooth - np.maximum(left, right) if bright else np.minimum(left, right) - smooth
        lines += _long(out > level, np.asarray(out, np.float32), bright, seen)
    return lines


def _long(ridge: Bool, out: F32, bright: bool, seen: Compared) -> list[Mark]:
    height, width = ridge.shape
    length = max(_SMOOTHED, int(_LEAST_HEIGHT * height))
    wide = cv2.dilate(ridge.astype(np.uint8), np.ones((1, 3), np.uint8))
    closed = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones((max(3, length // 6), 1), np.uint8))
    # What has no run of a third of the length is texture; slanted lines have shorter runs than their height.
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((length // 3, 1), np.uint8))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    marks = []
    for index in range(1, count):
        left, top, across, tall = (int(side) for side in boxes[index][:4])
        if across > _widest(width) + _MOST_SLANT * tall or tall < length:
            continue
        place = (slice(top, top + tall), slice(left, left + across))
        own = (labels[place] == index) & ridge[place]
        if own.any(axis=1).mean() < _COVERED:
            continue
        mark = _straight(own, (left, top), out, bright, seen)
        if mark is not None:
            marks.append(mark)
    return marks


def _straight(own: Bool, corner: tuple[int, int], out: F32, bright: bool, seen: Compared) -> Mark | None:
    """Return the line through the pixels of a ridge, over all rows that it continues on; None where it is not straight."""
    height, width = out.shape
    rows = np.nonzero(own.any(axis=1))[0]
    centres = (own[rows] * np.arange(own.shape[1])).sum(axis=1) / own[rows].sum(axis=1)
    slope, start = np.polyfit(rows, centres, 1)
    off = np.abs(centres - (start + slope * rows))
    if abs(slope) > _MOST_SLANT or float(np.mean(off <= _STRAIGHT_PX)) < _COVERED:
        return None
    level = float(np.median(out[corner[1] : corner[1] + own.shape[0], corner[0] : corner[0] + own.shape[1]][own]))
    all_rows = np.arange(height)
    line = np.rint(corner[0] + start + slope * (all_rows - corner[1])).astype(int)
    half = max(1, round(_widest(width) / 2))
    columns = np.clip(line[:, None] + np.arange(-half, half + 1), 0, width - 1)
    profile = out[all_rows[:, None], columns]
    shown = (
        cv2.blur(profile[:, half - 1 : half + 2].max(axis=1, keepdims=True), (1, 2 * _SMOOTHED - 1))[:, 0] > 0.4 * level
    )
    middle = corner[1] + own.shape[0] // 2
    gap = 2 * (height // _GAP_OF_HEIGHT) + 1
    shown = cv2.morphologyEx(shown.astype(np.uint8)[:, None], cv2.MORPH_CLOSE, np.ones((gap, 1), np.uint8))[:, 0] > 0
    gaps = np.nonzero(~shown)[0]
    top = max([int(gap) + 1 for gap in gaps if gap < middle], default=0)
    bottom = min([int(gap) for gap in gaps if gap > middle], default=height)
    if bottom - top < max(_SMOOTHED, int(_LEAST_HEIGHT * height)):
        return None
    # The width is the whole line's: where the scene is as bright as the scratch, it is there all the same.
    across = np.percentile(profile[top:bottom], 60, axis=0) > _EDGE_SHARE * level
    across[half] = True
    first, last = int(columns[top:bottom].min()), int(columns[top:bottom].max()) + 1
    mask = np.zeros((bottom - top, last - first), np.bool_)
    inside = all_rows[top:bottom, None]
    mask[
        np.broadcast_to(inside - top, columns[top:bottom].shape)[:, across], columns[top:bottom][:, across] - first
    ] = True
    box = (first, top, last, bottom)
    middle_x = corner[0] + start + slope * (height / 2 - corner[1])
    return Mark(box, mask, bright, level, _drift(seen, box), float(middle_x))


def _widest(width: int) -> float:
    """Return the width in pixels of the widest scratch in a picture of a width."""
    return max(_WIDEST_LEAST, _WIDEST_SHARE * width)


def _drift(seen: Compared, box: Box) -> float:
    """Return by how many pixels the scene has come to the right since the frame before, next to a line."""
    near, far = _SCENE_PX
    rows = seen.flow_x[box[1] : box[3]]
    beside = [rows[:, max(0, box[0] - far) : max(0, box[0] - near)], rows[:, box[2] + near : box[2] + far]]
    there = [side for side in beside if side.size]
    return -float(np.median(np.concatenate([side.ravel() for side in there]))) if there else 0.0


def scratches_in(window: Sequence[Observed], place: int) -> list[Mark]:
    """Return the scratches of a frame, with what the frames around it show of the same ones: a scratch does not end
    where the scene is as bright, or for a frame."""
    own = [line for line in window[place].lines if _is_scratch(line, window, place)]
    found = list(own)
    width = window[place].shape[1]
    sides: tuple[list[Mark], list[Mark]] = ([], [])
    for step in (*range(-_CLOSED, 0), *range(1, _CLOSED + 1)):
        index = place + step
        if not 0 <= index < len(window):
            continue
        for line in window[index].lines:
            if not _is_scratch(line, window, index):
                continue
            same = _next(line, own, abs(step) - 1)
            if same is not None:
                found.append(_shifted(line, round(same.x - line.x), width))
            else:
                sides[step > 0].append(line)
    for one, other in (sides, sides[::-1]):
        found += [line for line in one if _next(line, other, _CLOSED) is not None]
    return [line for line in found if line.mask.size]


def _shifted(line: Mark, right: int, width: int) -> Mark:
    """Return a line some pixels further to the right, cut at the border of the picture."""
    left, top, end, bottom = line.box
    first, last = max(0, left + right), min(width, end + right)
    mask = line.mask[:, first - left - right : last - left - right]
    return replace(line, box=(first, top, max(first, last), bottom), mask=mask)


def _is_scratch(line: Mark, window: Sequence[Observed], place: int) -> bool:
    track = _track(line, window, place)
    if len(track) < max(_LEAST_SEEN, _SEEN * min(len(window), 9)):
        return False
    scene = np.cumsum([one.drift for one in track]) - track[0].drift
    moved = np.array([one.x for one in track]) - track[0].x
    travelled = float(np.ptp(scene))
    if travelled >= _LEFT_BEHIND_PX:
        return float(np.ptp(moved)) <= max(_STEP_PX, _MOVES_WITH * travelled)
    if line.box[3] - line.box[1] >= _WHOLE_HEIGHT * window[place].shape[0]:
        return True
    return travelled <= _STILL_PX and float(np.std(moved - scene)) >= _WANDERS_PX


def _track(line: Mark, window: Sequence[Observed], place: int) -> list[Mark]:
    """Return the marks of a line in the frames around, in order of time."""
    track = [line]
    for step in (-1, 1):
        last, missed, index = line, 0, place + step
        while 0 <= index < len(window) and missed <= _MISSED:
            following = _next(last, window[index].lines, missed)
            if following is None:
                missed += 1
            else:
                track.insert(0 if step < 0 else len(track), following)
                last, missed = following, 0
            index += step
    return track


def _next(line: Mark, lines: list[Mark], missed: int) -> Mark | None:
    """Return the nearest line of another frame that may be the same one."""
    near = [one for one in lines if one.bright == line.bright and _shares_rows(one, line)]
    best = min(near, key=lambda one: abs(one.x - line.x), default=None)
    if best is None or abs(best.x - line.x) > _STEP_PX * (1 + missed):
        return None
    return best


def _shares_rows(one: Mark, other: Mark) -> bool:
    shared = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    return shared >= 0.4 * min(one.box[3] - one.box[1], other.box[3] - other.box[1])
