"""Motion of what passes before a camera that stands still, while holes hide it in part.

What passes is known where no hole lies, so it is registered by its own picture, from every frame to the next: flow,
measured patch by patch, is not exact enough to follow something through a wide hole.

Legend: T frames, P = T-1 pairs, H W size of the frames.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from core_model.engine import U8, Bool
from core_model.propagation.compiled import compiled
from core_model.propagation.hole_motion import FOREGROUND, HoleMotion, lay_holes, lend_foreground
from core_model.propagation.lucas_kanade import align, detail

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_FEWEST_PX = 48
_FARTHEST_PX = 40  # between two frames
_SAMPLES = 500
_AFFINE_PX = 2500  # of what passes; the motion of less is a shift
_FOUND_AGAIN = 0.8
_DECISIVE = 1.3
_GROWN_PX = 2
_STILL_PX = 0.3
_CLIPPED_LEVELS = 30.0


def register_passing(frames_THWC: U8, masks_THW: Bool, passing_THW: Bool) -> HoleMotion:
    """Return the motions of what passes at every hole (layer 1); the background's are to stand still."""
    pairs = len(masks_THW) - 1
    holes, near, counts = lay_holes(masks_THW, masks_THW.shape[1:], _GROWN_PX)
    models = np.zeros((2, pairs, int(counts.max(initial=1)), 2, 2, 3))
    valid = np.zeros(models.shape[1:4], np.bool_)
    details: dict[int, F32] = {}
    for pair, count in enumerate(counts.tolist()):
        before = None
        _, labels = cv2.connectedComponents((passing_THW[pair] & ~masks_THW[pair]).view(np.uint8))
        for t in (pair, pair + 1):
            if t not in details:
                details[t] = detail(np.where(masks_THW[t, ..., None], np.uint8(128), frames_THWC[t]))
        for hole in range(1, count):
            at_hole = np.unique(labels[(holes[pair] == hole) & (labels > 0)])
            if not len(at_hole):
                continue
            wanted = np.isin(labels, at_hole)
            before = models[0, pair - 1, hole, FOREGROUND] if pair and hole < models.shape[2] and valid[pair - 1, hole, FOREGROUND] else None
            place = _register(details[pair], details[pair + 1], wanted, masks_THW[pair], masks_THW[pair + 1], before)
            if place is None:
                continue
            turn = np.linalg.inv(place[:, 1:])
            models[0, pair, hole, FOREGROUND] = place - _IN_PLACE
            models[1, pair, hole, FOREGROUND] = np.column_stack((-turn @ place[:, 0], turn)) - _IN_PLACE
            valid[pair, hole, FOREGROUND] = True
        details.pop(pair, None)
    motion = HoleMotion(models, valid, holes, near)
    lend_foreground(motion)
    return motion


_IN_PLACE: F64 = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def _register(
    fixed_HW: F32, moving_HW: F32, wanted_HW: Bool, hole_fixed: Bool, hole_moving: Bool, before: F64 | None
) -> F64 | None:
    """Return the place of the wanted pixels in the moving picture, or None where they are not found again."""
    square = np.ones((2 * _GROWN_PX + 1,) * 2, np.uint8)
    wanted = (cv2.dilate(wanted_HW.view(np.uint8), square) > 0) & ~_grown(hole_fixed)
    pixels = int(wanted.sum())
    if pixels < _FEWEST_PX:
        return None
    rows, columns = np.flatnonzero(wanted.any(1)), np.flatnonzero(wanted.any(0))
    margin = _FARTHEST_PX + 8
    height, width = wanted.shape
    top, left = max(0, int(rows[0]) - margin), max(0, int(columns[0]) - margin)
    window = slice(top, min(height, int(rows[-1]) + margin)), slice(left, min(width, int(columns[-1]) + margin))
    fixed, moving = np.ascontiguousarray(fixed_HW[window]), np.ascontiguousarray(moving_HW[window])
    wanted, hidden = np.ascontiguousarray(wanted[window]), np.ascontiguousarray(_grown(hole_moving)[window])
    y, x = np.nonzero(wanted)
    strength = np.abs(fixed[y, x])
    picked = np.sort(np.argsort(-strength, kind="stable")[:_SAMPLES])
    guess = None
    if before is not None:
        middle = np.array([1.0, x.mean() + left, y.mean() + top])
        guess = before @ middle
    dy, dx, score, energy, beside = _search(fixed, moving, hidden, y[picked], x[picked], np.zeros(2) if guess is None else guess, guess is not None)
    if score > _FOUND_AGAIN * energy or beside < _DECISIVE * score:
        return None
    start = np.array([[dx, 1.0, 0.0], [dy, 0.0, 1.0]])
    place = align(fixed, moving, ~wanted, hidden, start, pixels >= _AFFINE_PX, 1)
    offset = np.array([left, top], np.float64)
    place[:, 0] += offset - place[:, 1:] @ offset
    ends = np.array([[1.0, x.mean() + left, y.mean() + top]])
    moved = (place - _IN_PLACE) @ ends[0]
    if np.abs(moved - [dx, dy]).max() > 4 or np.hypot(*moved) < _STILL_PX:
        return None
    return place


def _grown(hole_HW: Bool) -> Bool:
    """Detail close to a hole is spoiled by what the hole holds."""
    return cv2.dilate(hole_HW.view(np.uint8), np.ones((9, 9), np.uint8)) > 0


@compiled
def _difference(fixed, moving, hidden, rows, columns, dy, dx):  # type: ignore[no-untyped-def]
    """Mean difference of the samples from where they are after a shift; inf where few are to be seen there."""
    height, width = fixed.shape
    total, count = 0.0, 0
    for i in range(len(rows)):
        y, x = rows[i] + dy, columns[i] + dx
        if 0 <= y < height and 0 <= x < width and not hidden[y, x]:
            total += min(abs(fixed[rows[i], columns[i]] - moving[y, x]), _CLIPPED_LEVELS)
            count += 1
    return total / count if count * 3 >= len(rows) else np.inf


@compiled
def _search(fixed, moving, hidden, rows, columns, guess, guessed):  # type: ignore[no-untyped-def]
    """The shift (dy, dx) at which the samples are found best, how far off they are there, and their detail's strength."""
    height, width = fixed.shape
    n = len(rows)
    energy = 0.0
    for i in range(n):
        energy += min(abs(fixed[rows[i], columns[i]]), _CLIPPED_LEVELS)
    energy /= n
    best, best_y, best_x = np.inf, 0, 0
    step = 2
    for round_ in range(2):
        around_y, around_x, reach = (0, 0, _FARTHEST_PX) if round_ == 0 else (best_y, best_x, 2)
        for dy in range(around_y - reach, around_y + reach + 1, step):
            for dx in range(around_x - reach, around_x + reach + 1, step):
                score = _difference(fixed, moving, hidden, rows, columns, dy, dx)
                if guessed:
                    score += 0.02 * energy * min(np.hypot(dy - guess[1], dx - guess[0]), 20.0) / 2
                else:
                    score += 0.002 * energy * np.hypot(dy, dx)
                if score < best:
                    best, best_y, best_x = score, dy, dx
        step = 1
    beside = np.inf
    for dy, dx in ((-5, 0), (-4, -4), (0, -5), (4, -4), (5, 0), (4, 4), (0, 5), (-4, 4)):
        beside = min(beside, _difference(fixed, moving, hidden, rows, columns, best_y + dy, best_x + dx))
    return best_y, best_x, best, energy, beside
