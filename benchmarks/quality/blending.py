"""Gradient-domain (Poisson) blending of what SHIFTMAP copied into a hole.

SHIFTMAP copies pixels from elsewhere in the frame and does not say from where. Blending needs to know: the difference
along the hole's border is one between the frame and what the copy shows just outside. So the copies' shifts are found
again by matching.
Legend: H W height and width of the frame, K shifts, N pixels of the hole along its border.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool

_SOLVED = 0.002  # root mean square of what is left of the equation, in grey levels
_MOST_STEPS = 2000
_PATCH_PX, _SAMPLES = 9, 40
_SAME = 6.0  # grey levels that a copy may differ from its source: SHIFTMAP goes by way of Lab, in whole numbers
_STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))
_OFF = 1e6

Float64 = NDArray[np.float64]


def blended(frame_HWC: U8, filled_HWC: U8, hole_HW: Bool) -> U8:
    """Add to a filling the membrane over the hole that makes it continue what is around.

    Where the source of a copy ends at the frame's border or at the hole, the pixel before has to do for it. The
    frame's own border takes no part.
    """
    if not hole_HW.any() or hole_HW.all():
        return filled_HWC
    inside = hole_HW[..., None].astype(np.float64)
    membrane = _membrane(inside, _differences(frame_HWC, filled_HWC, hole_HW))
    return np.asarray(np.where(inside > 0, np.clip(np.rint(filled_HWC + membrane), 0, 255), frame_HWC), np.uint8)


def _differences(frame: U8, filled: U8, hole: Bool) -> Float64:
    """Sum over a hole's pixel's neighbours outside, [H, W, 3]: the frame less what the pixel's copy shows there."""
    height, width = hole.shape
    border = hole & (cv2.dilate((~hole).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    rows, columns = np.nonzero(border)
    shifts_N2, found_N = _shifts(frame, filled, hole, rows, columns)
    summed = np.zeros(frame.shape)
    for down, along in _STEPS:
        r, c = rows + down, columns + along
        outside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
        outside[outside] = ~hole[r[outside], c[outside]]
        at = np.flatnonzero(outside)
        source_r, source_c = r[at] + shifts_N2[at, 0], c[at] + shifts_N2[at, 1]
        there = found_N[at] & (source_r >= 0) & (source_r < height) & (source_c >= 0) & (source_c < width)
        there[there] = ~hole[source_r[there], source_c[there]]
        shown = filled[rows[at], columns[at]].astype(np.float64)
        shown[there] = frame[source_r[there], source_c[there]]
        summed[rows[at], columns[at]] += frame[r[at], c[at]] - shown
    return summed


def _shifts(
    frame: U8, filled: U8, hole: Bool, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Bool]:
    """Where the copy of each border pixel comes from, relative to it, and whether that was found."""
    patch = min(_PATCH_PX, *hole.shape)
    samples = np.unique(np.linspace(0, len(rows) - 1, _SAMPLES).round().astype(int))
    candidates = {_match(frame, filled, hole, int(rows[n]), int(columns[n]), patch) for n in samples}
    best_N, shifts_N2 = np.full(len(rows), np.inf), np.zeros((len(rows), 2), np.int64)
    weight = cv2.boxFilter(hole.astype(np.float32), -1, (5, 5), normalize=False)
    for shift in sorted(candidates):
        place = np.array([[1, 0, shift[1]], [0, 1, shift[0]]], np.float32)
        size, flags = hole.shape[::-1], cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(frame, place, size, flags=flags)
        known = cv2.warpAffine((~hole).astype(np.uint8), place, size, flags=flags)  # 0 beyond the frame
        apart = np.where(known > 0, np.abs(moved.astype(np.float32) - filled).mean(2), _OFF) * hole
        cost = (cv2.boxFilter(apart.astype(np.float32), -1, (5, 5), normalize=False) / np.maximum(weight, 1))[
            rows, columns
        ]
        better = cost < best_N
        best_N[better], shifts_N2[better] = cost[better], shift
    return shifts_N2, best_N <= _SAME


def _match(frame: U8, filled: U8, hole: Bool, row: int, column: int, patch: int) -> tuple[int, int]:
    """The shift under which the frame looks most like the filling around a pixel."""
    top = int(np.clip(row - patch // 2, 0, hole.shape[0] - patch))
    left = int(np.clip(column - patch // 2, 0, hole.shape[1] - patch))
    cut = (slice(top, top + patch), slice(left, left + patch))
    counted = hole[cut].astype(np.float32)
    apart = cv2.matchTemplate(
        frame.astype(np.float32), filled[cut].astype(np.float32), cv2.TM_SQDIFF, mask=np.dstack([counted] * 3)
    )
    hidden = cv2.matchTemplate(hole.astype(np.float32), counted, cv2.TM_CCORR)
    apart[hidden > 0.5] = np.inf
    best = int(np.argmin(apart))
    return best // apart.shape[1] - top, best % apart.shape[1] - left


def _membrane(inside: Float64, rest: Float64) -> Float64:
    """Solve Laplace's equation inside; `rest` sums the values just outside (conjugate gradients)."""
    neighbours = _gathered(np.ones_like(inside))
    x = np.zeros_like(rest)
    rest = rest.copy()
    way, square = rest.copy(), np.square(rest).sum((0, 1))
    for _ in range(_MOST_STEPS):
        image = inside * (neighbours * way - _gathered(way))
        step = square / np.maximum((way * image).sum((0, 1)), 1e-12)
        x += step * way
        rest -= step * image
        before, square = square, np.square(rest).sum((0, 1))
        if np.sqrt(square.max() / inside.sum()) < _SOLVED:
            break
        way = rest + square / np.maximum(before, 1e-12) * way
    return x


def _gathered(field_HWC: Float64) -> Float64:
    """Sum of a pixel's four neighbours, of fewer at the border."""
    kernel = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float64)
    summed = cv2.filter2D(field_HWC, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(summed, np.float64).reshape(field_HWC.shape)
