"""Dust, blotches and dropped lines: what is in one frame only."""

from collections.abc import Sequence
from math import sqrt

import cv2
import numpy as np

from reelmend.pipelines.media.masks.sources.base import Bool
from reelmend.pipelines.media.masks.sources.damage.frame import F32, Mark, Observed
from reelmend.pipelines.media.masks.sources.damage.neighbours import Compared

_LEAST_LEVELS, _IN_NOISE = 9.0, 4.5
"""Levels, and standard deviations of the noise, by which a speck departs from both neighbours at sensitivity 0.5."""
_EDGE_SHARE = 0.45
"""Of that threshold: a speck continues over pixels that depart by so much."""
_REACH_PX = (65, 25)
"""Rows and columns: twice the distance from a pixel above the threshold to the farthest of its speck below it. Posts
are tall."""
_LEAST_PIXELS = 4
_POST = (2, 20)
"""Width at most, and height at least, in pixels, of what is the edge of a post that flow misses, and no dust."""
_LARGEST_SHARE = 0.015
"""Of the picture; larger things are objects."""
_DISAGREE = 0.5
"""Difference of the two neighbours over the speck's own departure, at most, on average."""
_CLEAR = 2.5
"""Times that a speck departs more than what surrounds it."""
_ONE_SIDED = 1.6
"""Times stricter in the first and last frame of a shot."""
_RING_PX = 4
_LINE_WIDTH, _LINE_HEIGHT = 0.4, 0.02
"""Share of the picture's width that a dropped line covers at least, and of its height at most."""
_CELL, _HALF = 32, 3
"""Cells and frames on each side in which marks are counted: rain and sparkling water come again at the same place."""
_FARTHEST = 0.15
"""Of the picture's longer side: how far an object moves from one frame to the next at most."""
_MOST_TRACKED = 400
"""Specks of a frame; with more, none is looked for in the frames around it."""


def threshold(noise: float, sensitivity: float) -> float:
    """Return levels by which damage departs at least: four times as many at sensitivity 0 as at 1."""
    return max(_LEAST_LEVELS, _IN_NOISE * noise) * 2 ** (1 - 2 * min(1.0, max(0.0, sensitivity)))


def specks_of(seen: Compared, sensitivity: float) -> list[Mark]:
    """Return what departs from both neighbours in the same direction, where these agree."""
    level = threshold(seen.noise, sensitivity) * (_ONE_SIDED if seen.one_sided else 1)
    # An edge that flow misses by a pixel or two has its level next to it.
    missed = np.ones((3, 5 if float(np.mean(np.abs(seen.flow_x[::8, ::8]))) > 1 else 3), np.uint8)
    found = []
    for bright in (True, False):
        sign = 1.0 if bright else -1.0
        here, one, other = (sign * part for part in (seen.luma, seen.one, seen.other))
        nearest = np.maximum(one, other)
        seeds = here - cv2.dilate(nearest, missed) > level
        if seeds.any():
            found += _marks(here - nearest, seeds, np.abs(one - other), level, bright, seen.one_sided)
    return found


def _marks(departure: F32, seeds: Bool, disagreement: F32, level: float, bright: bool, one_sided: bool) -> list[Mark]:
    area = departure.shape[0] * departure.shape[1]
    # Noise has a group of pixels every few pixels: only those near a seed are worth labelling.
    near = cv2.dilate(seeds.astype(np.uint8), np.ones(_REACH_PX, np.uint8))
    near[departure <= _EDGE_SHARE * level] = 0
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    seeded = np.bincount(labels[seeds], minlength=count)
    marks = []
    for index in np.nonzero(seeded[1:] > 0)[0] + 1:
        left, top, width, height, pixels = (int(side) for side in boxes[index])
        is_line = width >= _LINE_WIDTH * departure.shape[1] and height <= max(3, _LINE_HEIGHT * departure.shape[0])
        if width <= _POST[0] and height >= _POST[1]:
            continue
        if pixels < _LEAST_PIXELS or (pixels > _LARGEST_SHARE * area and not is_line):
            continue
        box = (left, top, left + width, top + height)
        mask = labels[top : top + height, left : left + width] == index
        mark = _mark(box, mask, departure, disagreement, bright, one_sided)
        if mark is not None:
            marks.append(mark)
    return marks


def _mark(
    box: tuple[int, int, int, int], mask: Bool, departure: F32, disagreement: F32, bright: bool, one_sided: bool
) -> Mark | None:
    left, top, right, bottom = box
    around = (slice(max(0, top - _RING_PX), bottom + _RING_PX), slice(max(0, left - _RING_PX), right + _RING_PX))
    own = departure[top:bottom, left:right][mask]
    level = float(own.mean())
    strict = _ONE_SIDED if one_sided else 1
    if float(disagreement[top:bottom, left:right][mask].mean()) > _DISAGREE / strict * level:
        return None
    inner = np.zeros(departure[around].shape, np.uint8)
    up, before = top - around[0].start, left - around[1].start
    inner[up : up + mask.shape[0], before : before + mask.shape[1]] = mask
    ring = cv2.dilate(inner, np.ones((3, 3), np.uint8)) == 0
    if ring.any() and level < _CLEAR * strict * float(
        (np.abs(departure[around]) + disagreement[around] / 2)[ring].mean()
    ):
        return None
    return Mark(box, mask, bright, level)


def specks_that_stay(window: Sequence[Observed], place: int) -> list[Mark]:
    """Return the specks of a frame that are neither objects on their way nor at a place where marks come again."""
    specks = window[place].specks
    if not specks:
        return []
    busy = _busy(window, place)
    before, after = (_specks(window, place + step) for step in (-1, 1))
    reach = _FARTHEST * max(window[place].shape)
    return [
        speck
        for speck in specks
        if not busy[_cell(speck)] and not (len(specks) <= _MOST_TRACKED and _on_its_way(speck, before, after, reach))
    ]


def _specks(window: Sequence[Observed], place: int) -> list[Mark]:
    return window[place].specks if 0 <= place < len(window) else []


def _cell(speck: Mark) -> tuple[int, int]:
    across, down = speck.centre
    return int(down) // _CELL, int(across) // _CELL


def _busy(window: Sequence[Observed], place: int) -> Bool:
    """Return cells in which more marks come than chance puts there."""
    height, width = window[place].shape
    counts = np.zeros((height // _CELL + 1, width // _CELL + 1), np.float32)
    near = range(max(0, place - _HALF), min(len(window), place + _HALF + 1))
    for index in near:
        cells = {_cell(speck) for speck in window[index].specks}
        for cell in cells:
            counts[cell] += 1
    usual = float(counts.mean())
    return np.asarray(counts >= 3 + usual + 2 * sqrt(usual), np.bool_)


def _on_its_way(speck: Mark, before: list[Mark], after: list[Mark], reach: float) -> bool:
    """Whether something alike is in the frames before and after, on a straight line through the speck."""
    for past in before:
        if not _alike(past, speck, reach):
            continue
        for coming in after:
            if _alike(coming, speck, reach):
                off = np.subtract(np.add(past.centre, coming.centre), np.multiply(2, speck.centre))
                way = float(np.hypot(*np.subtract(coming.centre, past.centre)))
                if float(np.hypot(*off)) <= 2 + 0.15 * way:
                    return True
    return False


def _alike(one: Mark, other: Mark, reach: float) -> bool:
    if one.bright != other.bright or not 0.6 <= one.level / other.level <= 1.67:
        return False
    if not 0.5 <= one.area / other.area <= 2:
        return False
    return float(np.hypot(*np.subtract(one.centre, other.centre))) <= reach
