"""Straight lines of the scene along which a camera pans: courses of bricks, a horizon, the edge of a road.

They stay where they are while the picture moves, as a logo's edges do, and connect a logo to the picture's border. Unlike
a bar's or a ticker's, their surroundings move on both sides.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.sources.base import Bool

F32 = NDArray[np.float32]
_LEAST_LENGTH = 0.35
"""Share of the picture's side from which on a line is the scene's."""
_BRIDGED = 0.3
"""Share of that side by which a line may be interrupted, as by a logo."""
_ACROSS = 2.5
"""Gradient across a line over the one along it, at least."""
_BESIDE_PX = 4
_MOVING_BESIDE = 0.6
"""Share of a line's pixels beside which the picture moves, on either side."""
_RIM_ROWS = 5


def pan_lines(edges: Bool, mean_edge: F32, moving: Bool) -> Bool:
    """Return the pixels [h, w] of edges that stay because they lie along a horizontal or a vertical pan.

    `mean_edge` [2, h, w]: mean gradient (x, y); `moving` [h, w]: where the luma changes.
    """
    across, down = np.abs(mean_edge)
    level = _rows_of(edges, edges & (down > _ACROSS * across), moving)
    upright = _rows_of(edges.T, (edges & (across > _ACROSS * down)).T, moving.T).T
    return np.asarray(level | upright, np.bool_)


def _rows_of(edges: Bool, level: Bool, moving: Bool) -> Bool:
    """Return which edges belong to long horizontal lines; `level`: those of a clear direction."""
    width = edges.shape[1]
    bridge, least = (max(3, round(share * width)) for share in (_BRIDGED, _LEAST_LENGTH))
    # A line is two edges, some pixels apart, and wavers by one: rows next to each other count as one.
    thick = np.asarray(cv2.dilate(level.astype(np.uint8), np.ones((3, 1), np.uint8)), np.uint8)
    framed = cv2.copyMakeBorder(thick, 0, 0, bridge, bridge, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, np.ones((1, bridge), np.uint8))
    joined = np.asarray(closed[:, bridge:-bridge], np.uint8)
    covered = _long_runs(thick, joined, least)
    kept = np.zeros_like(edges)
    for row in np.flatnonzero(covered.any(axis=1)):
        at = level[row] & covered[row]
        above, below = (moving[np.clip(row + step, 0, len(moving) - 1)][at] for step in (-_BESIDE_PX, _BESIDE_PX))
        if at.any() and min(above.mean(), below.mean()) >= _MOVING_BESIDE:
            kept[row] = at
    # Where other edges join a line, as upright joints do, the gradient at its rim has no clear direction.
    grown = cv2.dilate(kept.astype(np.uint8), np.ones((_RIM_ROWS, 3), np.uint8)) > 0
    return np.asarray(edges & grown, np.bool_)


def _long_runs(lines: NDArray[np.uint8], joined: NDArray[np.uint8], least: int) -> Bool:
    """Return the pixels of joined runs of which at least `least` pixels are lines."""
    covered = np.zeros(lines.shape, np.bool_)
    count, labels = cv2.connectedComponents(joined, connectivity=4)
    if count == 1:
        return covered
    # Runs of neighbouring rows are one component: count each row of it for itself.
    rows = np.arange(len(lines))[:, None] * np.int64(count) + labels
    pixels = np.bincount(rows[lines > 0], minlength=len(lines) * count)
    return np.asarray((pixels[rows] >= least) & (labels > 0), np.bool_)
