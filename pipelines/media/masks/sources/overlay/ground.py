"""Ground of a logo: the surface around its letters that hides or dims what moves behind it.

The outer edge of a grey disc has another sign before every background, so that it does not stay in the mean. How much
the luma moves does: half as much behind half opacity, with a sharp border.
"""

import cv2
import numpy as np

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.base import Bool
from reelmend.pipelines.media.masks.sources.overlay.logo import F32

_DIMMED = (0.7, 0.5, 0.3)
"""Spread over that of the surroundings, at most, of a ground; the first that ends within the room around it counts."""
_SHARP = 0.75
"""Spread just inside over that just outside, at most, at three quarters of a ground's border."""
_LEAST_ROOM_PX = 40
_LARGEST = 10
"""Times the area of the edges and what is between them."""
_SURROUNDINGS_PERCENTILE = 65


def with_ground(label: Bool, box: Box, spread: F32) -> Bool:
    """Return a group of edges [h, w] with the ground that they stand on, or as it is."""
    room = max(_LEAST_ROOM_PX, (box[2] - box[0]) // 2, (box[3] - box[1]) // 2)
    height, width = label.shape
    left, top = max(0, box[0] - room), max(0, box[1] - room)
    right, bottom = min(width, box[2] + room), min(height, box[3] + room)
    place = (slice(top, bottom), slice(left, right))
    own = label[place]
    soft = np.asarray(cv2.blur(spread[place], (3, 3)), np.float32)
    around = float(np.percentile(soft[~own], _SURROUNDINGS_PERCENTILE)) if not own.all() else 0.0
    for share in _DIMMED:
        grown = _connected(own, soft < share * around)
        if grown.sum() > _LARGEST * own.sum() or _at_side(grown & ~own):
            continue
        added = grown & ~cv2.dilate(own.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.bool_)
        if added.any() and _is_sharp(grown, added, soft):
            out = label.copy()
            out[place] |= grown
            return out
    return label


def _connected(seed: Bool, dimmed: Bool) -> Bool:
    """Return the seed with all that is dimmed and connected to it, without thin leaks."""
    opened = cv2.morphologyEx(dimmed.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, labels = cv2.connectedComponents(opened | seed.astype(np.uint8), connectivity=4)
    touched = np.unique(labels[seed])
    return np.asarray(np.isin(labels, touched[touched > 0]), np.bool_)


def _at_side(mask: Bool) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _is_sharp(grown: Bool, added: Bool, spread: F32) -> bool:
    """Whether the picture moves much less just inside of the border of what was added than just outside of it."""
    kernel = np.ones((7, 7), np.uint8)
    rim = grown & ~cv2.erode(grown.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)
    rim &= cv2.dilate(added.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)
    if not rim.any():
        return False
    inside, outside = cv2.erode(spread, kernel), cv2.dilate(spread, kernel)
    return bool((inside[rim] < _SHARP * outside[rim]).mean() >= 0.75)
