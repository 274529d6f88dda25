"""Shape of a followed object: how probable each pixel is to be part of it, where it is expected."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

INSIDE = 0.3
"""Probability from which on a pixel counts as part of the shape."""
_LEARNED = 0.25
"""Weight of a frame's mask in the shape."""
_GROWS, _SHRINKS = 1.02, 0.96
"""How far the area may change per frame."""
_PAD_PX = 6
_RING = np.ones((9, 9), np.uint8)
_RING_WEIGHT = -0.5
"""Of what is around the shape, against what is inside."""
_SEARCH_PX = 14
_FAR_COSTS = 0.0008
"""What a pixel of distance from where it is expected, squared, takes from the score."""


@dataclass(frozen=True)
class Place:
    """Where a shape is found."""

    shift: tuple[float, float]
    """(x, y) in pixels, besides the camera's motion."""
    score: float
    """Evidence inside less that around it, 0..1."""


def moved(values: F32, motion: NDArray[np.float64], shift: tuple[float, float]) -> F32:
    """Return a picture [h, w] moved by a homography and then by (x, y)."""
    height, width = values.shape
    with_shift = np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1.0]]) @ motion
    return np.asarray(cv2.warpPerspective(values, with_shift, (width, height)), np.float32)


def find(shape: F32, evidence: F32, expected: tuple[float, float]) -> Place | None:
    """Return where the shape fits the evidence [h, w] of 0..1 best, near the expected shift; None outside the picture."""
    rows, columns = np.nonzero(shape > INSIDE)
    if not rows.size:
        return None
    height, width = shape.shape
    top, bottom = max(0, rows.min() - _PAD_PX), min(height, rows.max() + 1 + _PAD_PX)
    left, right = max(0, columns.min() - _PAD_PX), min(width, columns.max() + 1 + _PAD_PX)
    cut = shape[top:bottom, left:right]
    ring = cv2.dilate((cut > INSIDE).astype(np.uint8), _RING) > 0
    template = np.where(cut > INSIDE, cut, np.where(ring, _RING_WEIGHT, 0)).astype(np.float32)
    x, y = round(expected[0]), round(expected[1])
    margin = _SEARCH_PX + max(abs(x), abs(y))
    around = cv2.copyMakeBorder(evidence, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    first_row, first_column = top + y + margin - _SEARCH_PX, left + x + margin - _SEARCH_PX
    window = around[
        first_row : first_row + bottom - top + 2 * _SEARCH_PX,
        first_column : first_column + right - left + 2 * _SEARCH_PX,
    ]
    scores = cv2.matchTemplate(np.ascontiguousarray(window), template, cv2.TM_CCORR) / np.count_nonzero(template > 0)
    away = np.arange(-_SEARCH_PX, _SEARCH_PX + 1) ** 2
    best = np.unravel_index((scores - _FAR_COSTS * (away[:, None] + away[None])).argmax(), scores.shape)
    shift = float(x + best[1] - _SEARCH_PX), float(y + best[0] - _SEARCH_PX)
    return Place(shift, float(scores[best]))


def learned(shape: F32, mask: Bool) -> F32:
    """Return the shape after a frame in which the object was seen as `mask`; its area changes slowly."""
    area = np.count_nonzero(shape > INSIDE)
    new = (1 - _LEARNED) * shape + _LEARNED * mask
    ordered = np.sort(new[new > 0.05])[::-1]
    wanted = int(np.clip(np.count_nonzero(new > INSIDE), _SHRINKS * area, _GROWS * area))
    at = ordered[min(wanted, ordered.size - 1)] if ordered.size else 1.0
    return np.asarray(np.clip(new * (INSIDE / max(float(at), 1e-3)), 0, 1), np.float32)
