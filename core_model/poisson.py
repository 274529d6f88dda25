"""Which image has these differences between neighbours, and these pixels at its edge?

Weighted Poisson equation on the pixels of a hole (Perez et al., "Poisson Image Editing", 2003), by multigrid.

Legend: C channels, H W a crop around the hole. An edge joins a pixel with its right or lower neighbour.
Channels come first: numpy is several times as fast on long rows as on threes.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from core_model.engine import Bool

F32 = NDArray[np.float32]

_CYCLES = 3
_SWEEPS = 1
_DAMPING = np.float32(0.8)
# An anchor is weaker a level up, where the centre of a pixel lies farther from the edge; below 0.7 cycles overshoot.
_ANCHOR_KEPT = np.float32(0.8)
_COARSEST_SIDE = 2
_COARSEST_SWEEPS = 16


class Edges(NamedTuple):
    """A value for every edge of the crop: `right` [..., H, W-1] and `down` [..., H-1, W]."""

    right: F32
    down: F32


def solve_poisson(image_CHW: F32, free_HW: Bool, differences: Edges, weights: Edges, hold_HW: F32) -> F32:
    """Change the free pixels so that differences between neighbours are, by least squares, the ones given.

    `differences` holds (right or lower) - (left or upper) per channel, `weights` >= 0 without channels what each is
    worth, and `hold_HW` >= 0 what it is worth that a pixel stays as it is. The error left is a small fraction of the
    change. Same result whatever the number of threads.
    """
    right = weights.right * (differences.right - np.diff(image_CHW, axis=2))
    down = weights.down * (differences.down - np.diff(image_CHW, axis=1))
    pull = np.zeros_like(image_CHW)
    pull[:, :, 1:] += right
    pull[:, :, :-1] -= right
    pull[:, 1:] += down
    pull[:, :-1] -= down
    levels = _levels(free_HW, weights, hold_HW)
    pull *= levels[0].free
    change = np.zeros_like(image_CHW)
    for _ in range(_CYCLES):
        change = _cycle(levels, change, pull)
    solved: F32 = image_CHW + change
    return solved


class _Level(NamedTuple):
    free: F32  # 1 where free, else 0
    weights: Edges  # 0 where an edge does not join two free pixels
    diagonal: F32  # weights of all edges of a pixel, those to fixed ones included
    damped: F32  # step of the smoother: damping over diagonal where free, else 0


def _levels(free_HW: Bool, weights: Edges, hold_HW: F32) -> list[_Level]:
    """The same equation on ever coarser grids, the finest first."""
    free = free_HW.astype(np.float32)
    inner = Edges(weights.right * free[:, 1:] * free[:, :-1], weights.down * free[1:] * free[:-1])
    ones = np.ones_like(free)
    # What ties a pixel to fixed ones, and to what it was.
    anchor = (_spread(ones, weights) - _spread(ones, inner) + hold_HW) * free
    levels = []
    while True:
        diagonal = _spread(np.ones_like(free), inner) + anchor
        damped = np.where(diagonal > 1e-6, free * _DAMPING / np.maximum(diagonal, 1e-6), 0).astype(np.float32)
        levels.append(_Level(free, inner, diagonal, damped))
        if max(free.shape) <= _COARSEST_SIDE or not free.any():
            return levels
        free = (_fours(free) > 0).astype(np.float32)
        # Two fine edges side by side lie between two coarse pixels, at half the slope.
        right = _even(inner.right[:, 1::2])
        down = _even(inner.down[1::2])
        right = (right[0::2] + right[1::2])[:, : free.shape[1] - 1] * np.float32(0.5)
        down = (down[:, 0::2] + down[:, 1::2])[: free.shape[0] - 1] * np.float32(0.5)
        inner = Edges(right, down)
        anchor = _fours(anchor) * _ANCHOR_KEPT


def _cycle(levels: list[_Level], change: F32, pull: F32) -> F32:
    level = levels[0]
    if len(levels) == 1:
        return _smooth(level, change, pull, _COARSEST_SWEEPS)
    change = _smooth(level, change, pull, _SWEEPS)
    coarse_pull = _fours(_rest(level, change, pull) * level.free)
    coarse = _cycle(levels[1:], np.zeros_like(coarse_pull), coarse_pull)
    change = change + _doubled(coarse)[:, : change.shape[1], : change.shape[2]] * level.free
    return _smooth(level, change, pull, _SWEEPS)


def _smooth(level: _Level, change: F32, pull: F32, sweeps: int) -> F32:
    for _ in range(sweeps):
        change = change + level.damped * _rest(level, change, pull)
    return change


def _rest(level: _Level, change: F32, pull: F32) -> F32:
    return pull - level.diagonal * change + _spread(change, level.weights)


def _spread(x: F32, weights: Edges) -> F32:
    """At every pixel, the sum of its neighbours, each times the weight of the edge to it."""
    total = np.zeros_like(x)
    total[..., :-1] += weights.right * x[..., 1:]
    total[..., 1:] += weights.right * x[..., :-1]
    total[..., :-1, :] += weights.down * x[..., 1:, :]
    total[..., 1:, :] += weights.down * x[..., :-1, :]
    return total


def _doubled(x_CHW: F32) -> F32:
    """Bilinear, at twice the size."""
    size = (2 * x_CHW.shape[2], 2 * x_CHW.shape[1])
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in x_CHW])


def _fours(x: F32) -> F32:
    """Sums of two by two pixels; what is missing at the end counts as zero."""
    x = _even(x)
    rows = x[..., 0::2, :] + x[..., 1::2, :]
    four: F32 = rows[..., 0::2] + rows[..., 1::2]
    return four


def _even(x: F32) -> F32:
    """Zeros added at the end until both sides can be halved."""
    height, width = x.shape[-2:]
    if height % 2 == 0 and width % 2 == 0:
        return x
    even = np.zeros((*x.shape[:-2], height + height % 2, width + width % 2), x.dtype)
    even[..., :height, :width] = x
    return even
