"""Motion of what passes before a camera that stands still, while holes hide it in part.

What passes is known where no hole lies, so it is registered by its own picture, from every frame to the next: flow,
measured patch by patch, is not exact enough to follow something through a wide hole.

Legend: T frames, P = T-1 pairs, H W size of the frames.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from core_model.engine import U8, Bool
from core_model.propagation.camera import IN_PLACE
from core_model.propagation.compiled import compiled
from core_model.propagation.hole_motion import FOREGROUND, HoleMotion, lay_holes
from core_model.propagation.lucas_kanade import align, detail

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_FEWEST_PX = 48  # of what passes, to go by
_FARTHEST_PX = 40  # between two frames
_SAMPLES = 500
_AFFINE_PX = 2500  # of what passes; the motion of less is a shift
_FOUND_AGAIN = 0.8  # of its detail: what differs more is something else
_DECISIVE = 1.3  # by this factor it has to fit worse beside the best place: an edge alone slides along itself
_FAVOUR, _FAVOUR_FIRST, _FAVOUR_PX = 0.01, 0.002, 20.0
_CLIPPED_LEVELS = 30.0
_STRAYED_PX = 4.0
_STILL_PX = 0.3  # between two frames: what moves less does not pass
_GROWN_PX = 2  # its outline moves with it
_SPOILED_PX = 4
_LENT_PAIRS = 4  # pairs across which what passes is taken to move on
_GREY = np.uint8(128)


def register_passing(frames_THWC: U8, masks_THW: Bool, passing_THW: Bool) -> HoleMotion:
    """Return the motions of what passes at every hole (layer 1); the background's are to stand still."""
    pairs = len(masks_THW) - 1
    holes, near, counts = lay_holes(masks_THW, masks_THW.shape[1:], _GROWN_PX)
    models = np.zeros((2, pairs, int(counts.max(initial=1)), 2, 2, 3))
    valid = np.zeros(models.shape[1:4], np.bool_)
    details: dict[int, F32] = {}
    for pair, count in enumerate(counts.tolist()):
        if count == 1 or not passing_THW[pair].any():
            continue
        _, labels = cv2.connectedComponents((passing_THW[pair] & ~masks_THW[pair]).view(np.uint8))
        for t in (pair, pair + 1):
            if t not in details:
                details[t] = detail(np.where(masks_THW[t, ..., None], _GREY, frames_THWC[t]))
        details.pop(pair - 1, None)
        for hole in range(1, count):
            at_hole = np.unique(labels[(holes[pair] == hole) & (labels > 0)])
            if not len(at_hole):
                continue
            went_on = pair and valid[pair - 1, hole, FOREGROUND]
            before = models[0, pair - 1, hole, FOREGROUND] if went_on else None
            shown = np.isin(labels, at_hole)
            place = _register(details[pair], details[pair + 1], shown, masks_THW[pair], masks_THW[pair + 1], before)
            if place is None:
                continue
            turn = np.linalg.inv(place[:, 1:])
            models[0, pair, hole, FOREGROUND] = place - IN_PLACE
            models[1, pair, hole, FOREGROUND] = np.column_stack((-turn @ place[:, 0], turn)) - IN_PLACE
            valid[pair, hole, FOREGROUND] = True
    motion = HoleMotion(models, valid, holes, near)
    _lend(motion)
    return motion


def _lend(motion: HoleMotion) -> None:
    """Where nothing of what passes shows in a pair, because its frames are damaged there, let it move on as before."""
    pairs, holes = motion.valid.shape[:2]
    known = motion.valid[..., FOREGROUND].copy()
    for pair in range(pairs):
        for hole in range(1, holes):
            if known[pair, hole] or not (inside := motion.holes[pair] == hole).any():
                continue
            for other in (p for d in range(1, _LENT_PAIRS + 1) for p in (pair - d, pair + d) if 0 <= p < pairs):
                there = np.bincount(motion.holes[other][inside], minlength=holes)
                there[~known[other]] = 0
                if there.any():
                    lender = int(np.argmax(there))
                    motion.models[:, pair, hole, FOREGROUND] = motion.models[:, other, lender, FOREGROUND]
                    motion.valid[pair, hole, FOREGROUND] = True
                    break


def _register(
    fixed_HW: F32, moving_HW: F32, shown_HW: Bool, hole_fixed: Bool, hole_moving: Bool, before: F64 | None
) -> F64 | None:
    """Return the place of what is shown in the moving picture, or None where it is not found again.

    `before` is its motion up to now: places close to where that leads are tried with favour.
    """
    shown = (cv2.dilate(shown_HW.view(np.uint8), _square(_GROWN_PX)) > 0) & ~_spoiled(hole_fixed)
    pixels = int(shown.sum())
    if pixels < _FEWEST_PX:
        return None
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    margin = _FARTHEST_PX + 8
    top, left = max(0, int(rows[0]) - margin), max(0, int(columns[0]) - margin)
    window = slice(top, int(rows[-1]) + margin), slice(left, int(columns[-1]) + margin)
    fixed, moving = (np.ascontiguousarray(picture[window]) for picture in (fixed_HW, moving_HW))
    shown, hidden = (np.ascontiguousarray(where[window]) for where in (shown, _spoiled(hole_moving)))
    y, x = np.nonzero(shown)
    picked = np.sort(np.argsort(-np.abs(fixed[y, x]), kind="stable")[:_SAMPLES])
    middle = np.array([1.0, x.mean() + left, y.mean() + top])
    expected = np.zeros(2) if before is None else before @ middle
    favour = _FAVOUR_FIRST if before is None else _FAVOUR
    dy, dx, miss, detailed, beside = _search(fixed, moving, hidden, y[picked], x[picked], expected, favour)
    if miss > _FOUND_AGAIN * detailed or beside < _DECISIVE * miss:
        return None
    start = np.array([[dx, 1.0, 0.0], [dy, 0.0, 1.0]])
    place = align(fixed, moving, ~shown, hidden, start, pixels >= _AFFINE_PX, 1)
    place[:, 0] += [left, top] - place[:, 1:] @ [left, top]
    moved = (place - IN_PLACE) @ middle
    if np.abs(moved - [dx, dy]).max() > _STRAYED_PX or np.hypot(*moved) < _STILL_PX:
        return None
    return place


def _square(radius: int) -> U8:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)


def _spoiled(hole_HW: Bool) -> Bool:
    """Where detail is not the scene's: the hole, and close to it."""
    spoiled: Bool = cv2.dilate(hole_HW.view(np.uint8), _square(_SPOILED_PX)) > 0
    return spoiled


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
def _search(fixed, moving, hidden, rows, columns, expected, favour):  # type: ignore[no-untyped-def]
    """The shift (dy, dx) at which the samples are found best, by how much they differ there, their detail, and by how
    much they differ at the best of the shifts around it.

    Shifts far from the expected (x, y) are at a disadvantage of `favour` of the detail a pixel.
    """
    detail = 0.0
    for i in range(len(rows)):
        detail += min(abs(fixed[rows[i], columns[i]]), _CLIPPED_LEVELS)
    detail /= len(rows)
    best, best_y, best_x = np.inf, 0, 0
    for step, reach in ((2, _FARTHEST_PX), (1, 2)):
        middle_y, middle_x = (0, 0) if step == 2 else (best_y, best_x)
        for dy in range(middle_y - reach, middle_y + reach + 1, step):
            for dx in range(middle_x - reach, middle_x + reach + 1, step):
                miss = _difference(fixed, moving, hidden, rows, columns, dy, dx)
                miss += favour * detail * min(np.hypot(dy - expected[1], dx - expected[0]), _FAVOUR_PX)
                if miss < best:
                    best, best_y, best_x = miss, dy, dx
    beside = np.inf
    for dy, dx in ((-5, 0), (-4, -4), (0, -5), (4, -4), (5, 0), (4, 4), (0, 5), (-4, 4)):
        beside = min(beside, _difference(fixed, moving, hidden, rows, columns, best_y + dy, best_x + dx))
    return best_y, best_x, best, detail, beside
