"""Motion of the scene behind the holes of a block.

Flow measured at a hole is that of the object to be removed, and just outside of it a mixture of both. For every pair
of frames it is replaced, over the union of both frames' holes, by motions that the surroundings agree on: the
background's, and that of something that moves in front of it.

Legend: T frames, P = T-1 pairs, H W size of the frames, h w size of the flow, K connected holes of a pair. A motion
[2, 3] gives (u, v) in pixels of the frame from (1, x, y). Layer 0 is the background, layer 1 what moves before it.
"""

from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import Bool
from reelmend.core_model.propagation.compiled import compiled
from reelmend.core_model.propagation.motion_fit import fit_affine, most_frequent

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

BACKGROUND, FOREGROUND = 0, 1

_RING_PX = 24  # width of the surroundings that vote, in pixels of the flow
_FEWEST_VOTES = 12
_MOST_VOTES = 1200
_WIDE_STEP_PX = 6
_FRONT_AGREEMENT = 0.2  # of the votes that have to follow one motion to believe it
_OTHER_PX = 1.5  # votes that differ by this from the background's motion belong to something else
_OTHER_SHARE = 0.06
_AROUND_PAIRS = 2  # pairs before and after whose holes are looked at, so that what one hides is known from others
_MOST_HOLES = 64  # of a pair that get their own motions; the others follow the region's


class HoleMotion(NamedTuple):
    """Motions of a block's holes from every frame to the next and back, each fitted to its own flow.

    Where the two disagree, neither is to be trusted.
    """

    models: F64
    """[2 directions, P, K, layers, 2, 3]: to the next frame, and back from there; k = 0 is the whole region's."""
    valid: Bool
    """[P, K, 2]"""
    holes: NDArray[np.uint8]
    """[P, h, w]: which k a pixel of the flow follows; 0 away from holes."""
    near: NDArray[np.uint8]
    """[P, h, w]: 1 where measured flow is not the scene's."""


def fit_hole_motion(masks_THW: Bool, flow_fwd: F32, flow_bwd: F32, spoiled_px: int) -> HoleMotion:
    """Fit the motions of a block. Flows are [P, 2, h, w]; `spoiled_px` is how far outside of a hole, in pixels of the
    flow, it still is not the scene's.
    """
    pairs, _, height, width = flow_fwd.shape
    holes, near, counts = lay_holes(masks_THW, (height, width), spoiled_px)
    scale = np.array([masks_THW.shape[2] / width, masks_THW.shape[1] / height])
    models = np.zeros((2, pairs, int(counts.max(initial=1)), 2, 2, 3))
    valid = np.zeros(models.shape[:4], np.bool_)
    for direction, (flow, back) in enumerate(((flow_fwd, flow_bwd), (flow_bwd, flow_fwd))):
        fitted = models[direction], valid[direction], holes, near
        _fit_direction(fitted, flow, back, counts, scale, masks_THW.shape[1:])
    return HoleMotion(models, valid[0] & valid[1], holes, near)


_Fitted = tuple[F64, Bool, NDArray[np.uint8], NDArray[np.uint8]]
"""models [P, K, 2, 2, 3] and valid [P, K, 2], to be written, of one direction; holes and near [P, h, w]."""


def _fit_direction(
    fitted: _Fitted, flow: F32, back: F32, counts: NDArray[np.int64], scale: F64, size: tuple[int, ...]
) -> None:
    models, valid, holes, near = fitted
    wide = [_votes(flow[p], back[p], near[p], holes[p], -1, scale) for p in range(len(counts))]
    _fit_region(wide, models, valid, size)
    for pair, count in enumerate(counts.tolist()):
        for hole in range(1, count):
            votes = _votes(flow[pair], back[pair], near[pair], holes[pair], hole, scale)
            _fit_hole(votes, models[pair], valid[pair], hole)


def shrink(masks_THW: Bool, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The masks at the flow's size: every pixel that a hole touches."""
    if masks_THW.shape[1:] == size:
        return masks_THW.view(np.uint8)
    height, width = size
    shrunk = np.empty((len(masks_THW), height, width), np.uint8)
    for to, mask in zip(shrunk, masks_THW, strict=True):
        if mask.any():
            to[:] = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0
        else:
            to[:] = 0
    return shrunk


def lay_holes(
    masks_THW: Bool, size: tuple[int, int], spoiled_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    """Number the holes of every pair at that size: `HoleMotion.holes` and `near`, and one more than there are, [P]."""
    pairs, (height, width) = len(masks_THW) - 1, size
    small = shrink(masks_THW, (height, width))
    holes, near = np.zeros((pairs, height, width), np.uint8), np.zeros((pairs, height, width), np.uint8)
    counts = np.ones(pairs, np.int64)
    alike = [False, *(np.array_equal(a, b) for a, b in pairwise(small))]  # each frame's mask and the one before
    for pair in range(pairs):
        first, last = max(0, pair - _AROUND_PAIRS), min(pairs, pair + 1 + _AROUND_PAIRS)
        if pair and all(alike[max(1, first) : last + 1]):
            holes[pair], near[pair], counts[pair] = holes[pair - 1], near[pair - 1], counts[pair - 1]
        else:
            around = np.asarray(small[first : last + 1].any(0)).view(np.uint8)
            counts[pair] = _lay_pair(around, small[pair] | small[pair + 1], spoiled_px, holes[pair], near[pair])
    return holes, near, counts


def _lay_pair(
    around_hw: NDArray[np.uint8],
    union_hw: NDArray[np.uint8],
    spoiled_px: int,
    holes_hw: NDArray[np.uint8],
    near_hw: NDArray[np.uint8],
) -> int:
    """Number the holes at the time of a pair, with the rings around them; return one more than there are.

    `around` are those of some frames before and after as well, `union` those of the pair itself, which spoil its flow.
    """
    if not around_hw.any():
        return 1
    distance = cv2.distanceTransform(1 - around_hw, cv2.DIST_L2, cv2.DIST_MASK_5)
    near_hw[:] = distance <= spoiled_px
    if union_hw.any() and not np.array_equal(around_hw, union_hw):
        near_hw[:] = cv2.distanceTransform(1 - union_hw, cv2.DIST_L2, cv2.DIST_MASK_5) <= spoiled_px
    elif not union_hw.any():
        near_hw[:] = 0
    count, labels = cv2.connectedComponents((distance <= spoiled_px + _RING_PX / 2).astype(np.uint8))
    count = min(count, _MOST_HOLES + 1)
    labels[labels >= count] = 0
    # Holes and rings together: a ring's votes are those of the hole that is nearest.
    reached = cv2.dilate(labels.astype(np.uint8), np.ones((_RING_PX // 2 * 2 + 1,) * 2, np.uint8))
    holes_hw[:] = np.where(labels > 0, labels, reached)
    return count


def _votes(
    flow_2hw: F32, back_2hw: F32, near_hw: NDArray[np.uint8], holes_hw: NDArray[np.uint8], hole: int, scale: F64
) -> F64:
    """Rows (x, y, u, v) in pixels of the frame, of the flow that both directions agree on: around a hole, or, for -1,
    of the whole region."""
    step = _WIDE_STEP_PX
    top = left = 0
    bottom, right = near_hw.shape
    if hole > 0:
        rows, columns = np.flatnonzero((holes_hw == hole).any(1)), np.flatnonzero((holes_hw == hole).any(0))
        top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
        step = max(2, int(np.ceil(np.sqrt((bottom - top) * (right - left) / _MOST_VOTES / 2))))
    else:
        step = max(1, min(step, int(np.sqrt(near_hw.size / 64))))
    votes: F64 = _agreeing(
        flow_2hw, back_2hw, near_hw, holes_hw, hole, top, bottom, left, right, step, scale[0], scale[1]
    )
    return votes


@compiled
def _agreeing(flow, back, near, holes, hole, top, bottom, left, right, step, scale_x, scale_y):  # type: ignore[no-untyped-def]
    height, width = near.shape
    found = np.empty((((bottom - top) // step + 1) * ((right - left) // step + 1), 4))
    count = 0
    for y in range(top, bottom, step):
        for x in range(left, right, step):
            if near[y, x] or (hole > 0 and holes[y, x] != hole):
                continue
            u, v = np.float64(flow[0, y, x]), np.float64(flow[1, y, x])
            there_x, there_y = x + u, y + v
            if not (0 <= there_x <= width - 1 and 0 <= there_y <= height - 1):
                continue
            x0, y0 = min(int(there_x), max(width - 2, 0)), min(int(there_y), max(height - 2, 0))
            x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
            if near[int(there_y + 0.5), int(there_x + 0.5)]:
                continue
            part_x, part_y = there_x - x0, there_y - y0
            back_u = (1 - part_y) * ((1 - part_x) * back[0, y0, x0] + part_x * back[0, y0, x1]) + part_y * (
                (1 - part_x) * back[0, y1, x0] + part_x * back[0, y1, x1]
            )
            back_v = (1 - part_y) * ((1 - part_x) * back[1, y0, x0] + part_x * back[1, y0, x1]) + part_y * (
                (1 - part_x) * back[1, y1, x0] + part_x * back[1, y1, x1]
            )
            miss = (u + back_u) ** 2 + (v + back_v) ** 2
            if miss < 0.01 * (u * u + v * v + back_u * back_u + back_v * back_v) + 0.5:
                found[count, 0], found[count, 1] = (x + 0.5) * scale_x - 0.5, (y + 0.5) * scale_y - 0.5
                found[count, 2], found[count, 3] = u * scale_x, v * scale_y
                count += 1
    return found[:count]


def _fit_region(wide: list[F64], models: F64, valid: Bool, size: tuple[int, ...]) -> None:
    """Fit the motion of the region in every pair."""
    middle, reach = np.array([size[1] / 2, size[0] / 2]), max(size) / 2
    for pair, votes in enumerate(wide):
        if len(votes) < _FEWEST_VOTES:
            continue
        best, start = -1.0, np.zeros((2, 3))
        for attempt in range(3):
            if attempt == 1:
                most_frequent(votes, start)
            elif attempt == 2 and pair and valid[pair - 1, 0, BACKGROUND]:
                start[:] = models[pair - 1, 0, BACKGROUND]
            fitted = np.zeros((2, 3))
            agreement = fit_affine(votes, start, True, middle[0], middle[1], reach, fitted)
            if agreement > best * 1.02:
                best = agreement
                models[pair, 0, BACKGROUND] = fitted
        valid[pair, 0, BACKGROUND] = True


def _fit_hole(votes: F64, models: F64, valid: Bool, hole: int) -> None:
    """Fit the motions of one hole of a pair: [K, 2, 2, 3] and [K, 2] are those of the pair."""
    if len(votes) < _FEWEST_VOTES:
        models[hole, BACKGROUND], valid[hole, BACKGROUND] = models[0, BACKGROUND], valid[0, BACKGROUND]
        return
    middle, reach = _middle(votes)
    best = -1.0
    for settled in (True, False):
        fitted = np.zeros((2, 3))
        agreement = fit_affine(votes, models[0, BACKGROUND], settled, middle[0], middle[1], reach, fitted)
        if agreement > best * 1.1:
            best = agreement
            models[hole, BACKGROUND] = fitted
    valid[hole, BACKGROUND] = True
    known = np.column_stack((np.ones(len(votes)), votes[:, :2])) @ models[hole, BACKGROUND].T
    others = votes[np.square(votes[:, 2:] - known).sum(1) > _OTHER_PX**2 + 0.01 * np.square(known).sum(1)]
    if len(others) >= max(_FEWEST_VOTES, _OTHER_SHARE * len(votes)):
        _fit_one(others, models[hole], valid[hole], middle, reach)


def _middle(votes: F64) -> tuple[F64, float]:
    least, most = votes[:, :2].min(0), votes[:, :2].max(0)
    return (least + most) / 2, float(max((most - least).max() / 2, 1.0))


def _fit_one(votes: F64, models: F64, valid: Bool, middle: F64, reach: float) -> None:
    """Fit the motion of what moves in front: [2 layers, 2, 3] and [2] are those of the hole."""
    start, fitted = np.zeros((2, 3)), np.zeros((2, 3))
    most_frequent(votes, start)
    agreement = fit_affine(votes, start, True, middle[0], middle[1], reach, fitted)
    if agreement >= _FRONT_AGREEMENT * len(votes):
        models[FOREGROUND], valid[FOREGROUND] = fitted, True
