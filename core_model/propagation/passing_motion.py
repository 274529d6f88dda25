"""Motion of what passes before a camera that stands still, while holes hide it in part.

What passes is known where no hole lies, so it is registered by its own picture, from every frame to the next: flow,
measured patch by patch, is not exact enough to follow something through a wide hole.

Legend: T frames, P = T-1 pairs, H W size of the frames.
"""

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propagation.camera import IN_PLACE
from reelmend.core_model.propagation.hole_motion import HoleMotion, lay_holes
from reelmend.core_model.propagation.lucas_kanade import align, detail
from reelmend.core_model.propagation.shift_search import difference, search

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_MOST_MOTIONS = 2  # at one hole
_FEWEST_PX = 48  # of what passes, to go by
_FARTHEST_PX = 40  # between two frames
_SAMPLES = 500
_AFFINE_PX = 2500  # of what passes; the motion of less is a shift
_FOUND_AGAIN = 0.8  # of its detail: what differs more is something else
_DECISIVE = 1.3  # by this factor it has to fit worse beside the best place: an edge alone slides along itself
_FAVOUR, _FAVOUR_FIRST = 0.01, 0.002
_STRAYED_PX = 4.0
_STILL_PX = 0.3  # between two frames: what moves less does not pass
_GROWN_PX = 2  # its outline moves with it
_SPOILED_PX = 2
_LENT_PAIRS = 4  # pairs across which what passes is taken to move on
_CALM_PX = 1.0


class _Pair(NamedTuple):
    """Two frames' detail [H, W], and where it is not the scene's."""

    fixed: F32
    moving: F32
    hidden_fixed: Bool
    hidden_moving: Bool


def register_passing(frames_THWC: U8, masks_THW: Bool, passing_THW: Bool) -> HoleMotion:
    """Return the motions of what passes at every hole, on layers 1 and 2: two things may pass it at once.

    The background's, on layer 0, are to stand still.
    """
    pairs = len(masks_THW) - 1
    holes, near, counts = lay_holes(masks_THW, masks_THW.shape[1:], _GROWN_PX)
    models = np.zeros((2, pairs, int(counts.max(initial=1)), 1 + _MOST_MOTIONS, 2, 3))
    valid = np.zeros(models.shape[1:4], np.bool_)
    details: dict[int, F32] = {}
    for pair, count in enumerate(counts.tolist()):
        if count == 1 or not passing_THW[pair].any():
            continue
        _, labels = cv2.connectedComponents((passing_THW[pair] & ~masks_THW[pair]).view(np.uint8))
        for t in (pair, pair + 1):
            if t not in details:
                details[t] = detail(frames_THWC[t], _CALM_PX, masks_THW[t])
        details.pop(pair - 1, None)
        pictures = _Pair(details[pair], details[pair + 1], _spoiled(masks_THW[pair]), _spoiled(masks_THW[pair + 1]))
        for hole in range(1, count):
            parts = np.unique(labels[(holes[pair] == hole) & (labels > 0)])
            if not len(parts):
                continue
            before = {
                layer: models[0, pair - 1, hole, layer]
                for layer in range(1, 1 + _MOST_MOTIONS)
                if pair and valid[pair - 1, hole, layer]
            }
            for layer, place in _motions(pictures, labels, parts, before).items():
                turn = np.linalg.inv(place[:, 1:])
                models[0, pair, hole, layer] = place - IN_PLACE
                models[1, pair, hole, layer] = np.column_stack((-turn @ place[:, 0], turn)) - IN_PLACE
                valid[pair, hole, layer] = True
    motion = HoleMotion(models, valid, holes, near)
    for layer in range(1, 1 + _MOST_MOTIONS):
        _lend(motion, layer)
    return motion


def _motions(
    pictures: _Pair, labels_HW: NDArray[np.int32], parts: NDArray[np.int32], before: Mapping[int, F64]
) -> dict[int, F64]:
    """Return the places of what passes one hole, by layer; `before` are the layers' motions up to now.

    All parts that show are taken to move as one, for the hole cuts in two what it lies over. Those that do not are
    something else, which moves as one.
    """
    free, found = dict(before), dict[int, F64]()
    for _ in range(_MOST_MOTIONS):
        sizes = [np.count_nonzero(labels_HW == part) for part in parts]
        tried = [parts, parts[[int(np.argmax(sizes))]]] if len(parts) > 1 else [parts]
        for together in tried:
            shown = np.isin(labels_HW, together)
            registered = _register(pictures, shown, list(free.values()))
            if registered is not None:
                break
        else:
            break
        place, middle = registered
        layer = _layer_of(place, middle, free, found)
        free.pop(layer, None)
        found[layer] = place
        parts = np.array([part for part in parts if not _moves_along(pictures, labels_HW == part, place)], np.int32)
        if not len(parts):
            break
    return found


def _layer_of(place: F64, middle: F64, before: Mapping[int, F64], taken: Container[int]) -> int:
    """Return the layer whose motion up to now is the nearest, else one that had none."""
    nearest = min(before, key=lambda layer: float(np.hypot(*((place - IN_PLACE - before[layer]) @ middle))), default=0)
    if nearest and np.hypot(*((place - IN_PLACE - before[nearest]) @ middle)) <= _STRAYED_PX:
        return nearest
    fresh = [layer for layer in range(1, 1 + _MOST_MOTIONS) if layer not in taken]
    return next((layer for layer in fresh if layer not in before), fresh[0])


def _moves_along(pictures: _Pair, part_HW: Bool, place: F64) -> bool:
    """Whether a part of what shows is found again at that place, or is too small to tell."""
    y, x = np.nonzero(part_HW & ~pictures.hidden_fixed)
    if len(y) < _FEWEST_PX:
        return True
    picked = np.sort(np.argsort(-np.abs(pictures.fixed[y, x]), kind="stable")[:_SAMPLES])
    dx, dy = np.rint((place - IN_PLACE) @ [1.0, x.mean(), y.mean()]).astype(int)
    samples = pictures.fixed, pictures.moving, pictures.hidden_moving, y[picked], x[picked]
    miss, there = difference(*samples, dy, dx), np.abs(pictures.fixed[y[picked], x[picked]]).clip(max=30.0).mean()
    return bool(np.isinf(miss) or miss <= _FOUND_AGAIN * there)


def _lend(motion: HoleMotion, layer: int) -> None:
    """Where nothing of what passes shows in a pair, because its frames are damaged there, let it move on as before."""
    pairs, holes = motion.valid.shape[:2]
    known = motion.valid[..., layer].copy()
    for pair in range(pairs):
        for hole in range(1, holes):
            if known[pair, hole] or not (inside := motion.holes[pair] == hole).any():
                continue
            for other in (p for d in range(1, _LENT_PAIRS + 1) for p in (pair - d, pair + d) if 0 <= p < pairs):
                there = np.bincount(motion.holes[other][inside], minlength=holes)
                there[~known[other]] = 0
                if there.any():
                    lender = int(np.argmax(there))
                    motion.models[:, pair, hole, layer] = motion.models[:, other, lender, layer]
                    motion.valid[pair, hole, layer] = True
                    break


def _register(pictures: _Pair, shown_HW: Bool, before: Sequence[F64]) -> tuple[F64, F64] | None:
    """Return the place of what is shown in the moving picture and its middle, (1, x, y), or None if not found again.

    `before` are motions up to now: places close to where the nearest of them leads are tried with favour.
    """
    shown = (cv2.dilate(shown_HW.view(np.uint8), _square(_GROWN_PX)) > 0) & ~pictures.hidden_fixed
    pixels = int(shown.sum())
    if pixels < _FEWEST_PX:
        return None
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    margin = _FARTHEST_PX + 8
    top, left = max(0, int(rows[0]) - margin), max(0, int(columns[0]) - margin)
    window = slice(top, int(rows[-1]) + margin), slice(left, int(columns[-1]) + margin)
    fixed, moving = (np.ascontiguousarray(picture[window]) for picture in (pictures.fixed, pictures.moving))
    shown, hidden = (np.ascontiguousarray(where[window]) for where in (shown, pictures.hidden_moving))
    y, x = np.nonzero(shown)
    picked = np.sort(np.argsort(-np.abs(fixed[y, x]), kind="stable")[:_SAMPLES])
    middle = np.array([1.0, x.mean() + left, y.mean() + top])
    samples = fixed, moving, hidden, y[picked], x[picked]
    tried = [(motion @ middle, _FAVOUR) for motion in before] or [(np.zeros(2), _FAVOUR_FIRST)]
    dy, dx, miss, detailed, beside = min(
        (search(*samples, *one, _FARTHEST_PX) for one in tried), key=lambda one: one[2]
    )
    if miss > _FOUND_AGAIN * detailed or beside < _DECISIVE * miss:
        return None
    start = np.array([[dx, 1.0, 0.0], [dy, 0.0, 1.0]])
    place = align(fixed, moving, ~shown, hidden, start, pixels >= _AFFINE_PX, 1)
    place[:, 0] += [left, top] - place[:, 1:] @ [left, top]
    moved = (place - IN_PLACE) @ middle
    if np.abs(moved - [dx, dy]).max() > _STRAYED_PX or np.hypot(*moved) < _STILL_PX:
        return None
    return place, middle


def _square(radius: int) -> U8:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)


def _spoiled(hole_HW: Bool) -> Bool:
    """Where detail is not the scene's: the hole, and close to it."""
    spoiled: Bool = cv2.dilate(hole_HW.view(np.uint8), _square(_SPOILED_PX)) > 0
    return spoiled
