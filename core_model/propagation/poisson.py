"""Weighted Poisson equation on the pixels of a hole (Perez et al., "Poisson Image Editing", 2003).

Conjugate gradients, preconditioned by one multigrid cycle: however crude the coarse grids are, the answer converges to
that of the equations, at every size, parity and shape of hole.

Legend: C channels, H W a crop around the hole. An edge joins a pixel with its right or lower neighbour.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from core_model.engine import Bool

F32 = NDArray[np.float32]

_ERROR_LEFT = 0.1  # grey levels, as the preconditioner estimates the error
_MOST_ITERATIONS = 60
_DAMPING = np.float32(0.8)
_SWEEPS = 2
_COARSEST_SIDE = 2
# What ties a pixel to fixed ones is weaker on the next grid, where the centre of a cell lies farther from the border.
_ANCHOR_KEPT = np.float32(0.6)


class Edges(NamedTuple):
    """A value for every edge of the crop: `right` [..., H, W-1] and `down` [..., H-1, W]."""

    right: F32
    down: F32


def solve_poisson(image_CHW: F32, free_HW: Bool, differences: Edges, weights: Edges, hold_HW: F32) -> F32:
    """Return the image with its free pixels changed so that differences between neighbours are, by least squares,
    the given ones.

    `differences` holds (right or lower) - (left or upper) per channel, `weights` >= 0 what each is worth, and
    `hold_HW` >= 0 what it is worth that a pixel stays as it is. At most a grey level from the exact solution where every
    free pixel is tied to a fixed or held one; others keep their mean. Same result whatever the number of threads.
    """
    solved = np.array(image_CHW, np.float32, order="C")
    if free_HW.any():
        sizes = _sizes(*free_HW.shape)
        _solve(solved, free_HW, *differences, *weights, hold_HW, sizes)
    return solved


def _sizes(height: int, width: int) -> NDArray[np.int64]:
    """(height, width, offset in the flat arrays) of every grid, the finest first."""
    sizes, offset = [], 0
    while True:
        sizes.append((height, width, offset))
        if max(height, width) <= _COARSEST_SIDE:
            return np.array(sizes, np.int64)
        offset += height * width
        height, width = (height + 1) // 2, (width + 1) // 2


@njit(cache=True)
def _solve(image, free, right_CHW, down_CHW, right_weight, down_weight, hold, sizes):  # type: ignore[no-untyped-def]
    last = len(sizes) - 1
    cells = sizes[last, 2] + sizes[last, 0] * sizes[last, 1]
    right, down = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    diagonal, step = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    _lay_grids(free, right_weight, down_weight, hold, sizes, right, down, diagonal, step)
    height, width = free.shape
    rest_all, change_all = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    scratch = np.zeros(cells, np.float32)
    fine = height * width
    direction, applied = np.zeros(fine, np.float32), np.zeros(fine, np.float32)
    total = np.zeros(fine, np.float32)
    for channel in range(len(image)):
        rest = rest_all[:fine]
        _pull(image[channel], free, right_CHW[channel], down_CHW[channel], right_weight, down_weight, rest)
        total[:] = 0
        strength = 0.0
        for iteration in range(_MOST_ITERATIONS):
            # The residual on the finest grid is kept: the cycle only reads it there.
            largest = _cycle(sizes, right, down, diagonal, step, rest_all, change_all, scratch)
            if largest < _ERROR_LEFT:
                for i in range(fine):
                    total[i] += change_all[i]
                break
            new_strength = 0.0
            for i in range(fine):
                new_strength += np.float64(rest[i]) * np.float64(change_all[i])
            if not new_strength > 0:
                break
            share = np.float32(new_strength / strength) if strength > 0 else np.float32(0)
            for i in range(fine):
                direction[i] = change_all[i] + share * direction[i]
            strength = new_strength
            _apply(direction, right[:fine], down[:fine], diagonal[:fine], height, width, applied)
            bend = 0.0
            for i in range(fine):
                bend += np.float64(direction[i]) * np.float64(applied[i])
            if not bend > 0:
                break
            length = np.float32(strength / bend)
            for i in range(fine):
                total[i] += length * direction[i]
                rest[i] -= length * applied[i]
        direction[:] = 0
        for y in range(height):
            for x in range(width):
                if free[y, x]:
                    image[channel, y, x] += total[y * width + x]


@njit(cache=True)
def _pull(image, free, right_HW, down_HW, right_weight, down_weight, rest):  # type: ignore[no-untyped-def]
    """The equations' residual at the image as it is."""
    height, width = free.shape
    rest[:] = 0
    for y in range(height):
        for x in range(width):
            at = y * width + x
            if x + 1 < width and (free[y, x] or free[y, x + 1]):
                miss = right_weight[y, x] * (right_HW[y, x] - (image[y, x + 1] - image[y, x]))
                rest[at + 1] += miss
                rest[at] -= miss
            if y + 1 < height and (free[y, x] or free[y + 1, x]):
                miss = down_weight[y, x] * (down_HW[y, x] - (image[y + 1, x] - image[y, x]))
                rest[at + width] += miss
                rest[at] -= miss
    for y in range(height):
        for x in range(width):
            if not free[y, x]:
                rest[y * width + x] = 0


@njit(cache=True)
def _lay_grids(free, right_weight, down_weight, hold, sizes, right, down, diagonal, step):  # type: ignore[no-untyped-def]
    """Fill the flat arrays of all grids: weights between free cells, diagonal, and the smoother's step."""
    height, width = free.shape
    anchor = np.zeros(height * width, np.float32)
    for y in range(height):
        for x in range(width):
            at = y * width + x
            if free[y, x]:
                anchor[at] += hold[y, x]
            if x + 1 < width:
                if free[y, x] and free[y, x + 1]:
                    right[at] = right_weight[y, x]
                elif free[y, x]:
                    anchor[at] += right_weight[y, x]
                elif free[y, x + 1]:
                    anchor[at + 1] += right_weight[y, x]
            if y + 1 < height:
                if free[y, x] and free[y + 1, x]:
                    down[at] = down_weight[y, x]
                elif free[y, x]:
                    anchor[at] += down_weight[y, x]
                elif free[y + 1, x]:
                    anchor[at + width] += down_weight[y, x]
    for level in range(len(sizes)):
        height, width, offset = sizes[level]
        for y in range(height):
            for x in range(width):
                at = offset + y * width + x
                whole = anchor[y * width + x] + right[at] + down[at]
                if x > 0:
                    whole += right[at - 1]
                if y > 0:
                    whole += down[at - width]
                diagonal[at] = whole
                step[at] = _DAMPING / whole if whole > 1e-7 else 0
        if level + 1 == len(sizes):
            break
        rows, columns, there = sizes[level + 1]
        coarse_anchor = np.zeros(rows * columns, np.float32)
        for y in range(height):
            for x in range(width):
                at, to = offset + y * width + x, (y // 2) * columns + x // 2
                coarse_anchor[to] += anchor[y * width + x] * _ANCHOR_KEPT
                # Two fine edges side by side lie between two coarse cells, at half the slope.
                if x % 2 == 1:
                    right[there + to] += right[at] * np.float32(0.5)
                if y % 2 == 1:
                    down[there + to] += down[at] * np.float32(0.5)
        anchor = coarse_anchor


@njit(cache=True)
def _apply(x_flat, right, down, diagonal, height, width, out):  # type: ignore[no-untyped-def]
    """out = A x on one grid."""
    for y in range(height):
        row = y * width
        for x in range(width):
            out[row + x] = diagonal[row + x] * x_flat[row + x]
        for x in range(width - 1):
            out[row + x] -= right[row + x] * x_flat[row + x + 1]
        for x in range(1, width):
            out[row + x] -= right[row + x - 1] * x_flat[row + x - 1]
        if y + 1 < height:
            for x in range(width):
                out[row + x] -= down[row + x] * x_flat[row + x + width]
        if y > 0:
            for x in range(width):
                out[row + x] -= down[row + x - width] * x_flat[row + x - width]


@njit(cache=True)
def _smooth(rest, change, right, down, diagonal, step, height, width, scratch):  # type: ignore[no-untyped-def]
    _apply(change, right, down, diagonal, height, width, scratch)
    for i in range(height * width):
        change[i] += step[i] * (rest[i] - scratch[i])


@njit(cache=True)
def _cycle(sizes, right, down, diagonal, step, rest, change, scratch):  # type: ignore[no-untyped-def]
    """One symmetric cycle from zero: `change` becomes an estimate of the error. Returns its largest value."""
    last = len(sizes) - 1
    for level in range(last + 1):
        height, width, o = sizes[level]
        e = o + height * width
        r, c, s = rest[o:e], change[o:e], scratch[o:e]
        for i in range(height * width):
            c[i] = step[o + i] * r[i]
        sweeps = _SWEEPS - 1 if level < last else 8
        for _ in range(sweeps):
            _smooth(r, c, right[o:e], down[o:e], diagonal[o:e], step[o:e], height, width, s)
        if level < last:
            _apply(c, right[o:e], down[o:e], diagonal[o:e], height, width, s)
            for i in range(height * width):
                s[i] = r[i] - s[i] if diagonal[o + i] > 0 else 0
            rows, columns, there = sizes[level + 1]
            coarse = rest[there : there + rows * columns]
            _restrict(s, height, width, coarse, rows, columns, diagonal[there : there + rows * columns])
    for level in range(last - 1, -1, -1):
        height, width, o = sizes[level]
        e = o + height * width
        rows, columns, there = sizes[level + 1]
        _prolong(change[there : there + rows * columns], rows, columns, change[o:e], height, width, diagonal[o:e])
        for _ in range(_SWEEPS):
            _smooth(
                rest[o:e], change[o:e], right[o:e], down[o:e], diagonal[o:e], step[o:e], height, width, scratch[o:e]
            )
    largest = np.float32(0)
    for i in range(sizes[0, 0] * sizes[0, 1]):
        largest = max(largest, abs(change[i]))
    return largest


@njit(cache=True)
def _restrict(fine, height, width, coarse, rows, columns, diagonal):  # type: ignore[no-untyped-def]
    """The transpose of `_prolong`."""
    coarse[:] = 0
    for y in range(height):
        near_y = y // 2
        far_y = near_y + (1 if y % 2 else -1)
        has_y = 0 <= far_y < rows
        for x in range(width):
            value = fine[y * width + x]
            if value == 0:
                continue
            near_x = x // 2
            far_x = near_x + (1 if x % 2 else -1)
            has_x = 0 <= far_x < columns
            coarse[near_y * columns + near_x] += np.float32(0.5625) * value
            if has_x:
                coarse[near_y * columns + far_x] += np.float32(0.1875) * value
            if has_y:
                coarse[far_y * columns + near_x] += np.float32(0.1875) * value
            if has_x and has_y:
                coarse[far_y * columns + far_x] += np.float32(0.0625) * value
    for i in range(rows * columns):
        if diagonal[i] <= 0:
            coarse[i] = 0


@njit(cache=True)
def _prolong(coarse, rows, columns, fine, height, width, diagonal):  # type: ignore[no-untyped-def]
    """Add the coarse grid's values, read bilinearly between its cells, to the free cells of the fine one."""
    for y in range(height):
        near_y = y // 2
        far_y = near_y + (1 if y % 2 else -1)
        has_y = 0 <= far_y < rows
        for x in range(width):
            if diagonal[y * width + x] <= 0:
                continue
            near_x = x // 2
            far_x = near_x + (1 if x % 2 else -1)
            has_x = 0 <= far_x < columns
            value = np.float32(0.5625) * coarse[near_y * columns + near_x]
            if has_x:
                value += np.float32(0.1875) * coarse[near_y * columns + far_x]
            if has_y:
                value += np.float32(0.1875) * coarse[far_y * columns + near_x]
            if has_x and has_y:
                value += np.float32(0.0625) * coarse[far_y * columns + far_x]
            fine[y * width + x] += value
