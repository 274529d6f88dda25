"""Weighted Poisson equation on the pixels of a hole (Perez et al., "Poisson Image Editing", 2003).

Conjugate gradients, preconditioned by one multigrid cycle: however crude the coarse grids are, the answer converges to
that of the equations, at every size, parity and shape of hole.

Legend: C channels, H W a crop around the hole. An edge joins a pixel with its right or lower neighbour.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import Bool
from reelmend.core_model.propagation.compiled import compiled

F32 = NDArray[np.float32]

ERROR_LEFT = 0.1  # grey levels, as the preconditioner estimates the error
_MOST_ITERATIONS = 60
_DAMPING = np.float32(0.8)
_SWEEPS = 2
_COARSEST_SIDE, _COARSEST_SWEEPS = 2, 8
# What ties a pixel to fixed ones is weaker on the next grid, where the centre of a cell lies farther from the border.
_ANCHOR_KEPT = np.float32(0.6)


class Edges(NamedTuple):
    """A value for every edge of the crop: `right` [..., H, W-1] and `down` [..., H-1, W]."""

    right: F32
    down: F32


def solve_poisson(
    image_CHW: F32,
    free_HW: Bool,
    differences: Edges,
    weights: Edges,
    hold_HW: F32,
    guess_CHW: F32 | None = None,
    error_left: float = ERROR_LEFT,
) -> F32:
    """Return the image with its free pixels changed so that differences between neighbours are, by least squares,
    the given ones.

    `differences` holds (right or lower) - (left or upper) per channel, `weights` >= 0 what each is worth, and
    `hold_HW` >= 0 what it is worth that a pixel stays as it is. At most two grey levels from the exact solution, where
    every free pixel is tied to a fixed or held one. Same result whatever the number of threads. `guess` is by how much
    the free pixels may be expected to change: the better it is, the sooner the answer is there.
    """
    solved = np.array(image_CHW, np.float32, order="C")
    if free_HW.any():
        sizes = _sizes(*free_HW.shape)
        guess = np.zeros((0, *free_HW.shape), np.float32) if guess_CHW is None else guess_CHW
        _solve(solved, free_HW, *differences, *weights, hold_HW, guess, sizes, error_left)
    return solved


def _sizes(height: int, width: int) -> NDArray[np.int64]:
    """(height, width, offset in the flat arrays) of every grid, the finest first.

    Before and after each grid lie as many zeros as it is wide: the loops below read all four neighbours of every cell
    without asking where it lies.
    """
    sizes, offset = [], width
    while True:
        sizes.append((height, width, offset))
        if max(height, width) <= _COARSEST_SIDE:
            return np.array(sizes, np.int64)
        offset += height * width + width
        height, width = (height + 1) // 2, (width + 1) // 2


@compiled
def _solve(image, free, right_CHW, down_CHW, right_weight, down_weight, hold, guess, sizes, error_left):  # type: ignore[no-untyped-def]
    last = len(sizes) - 1
    cells = sizes[last, 2] + (sizes[last, 0] + 1) * sizes[last, 1]
    right, down = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    diagonal, step = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    _lay_grids(free, right_weight, down_weight, hold, sizes, right, down, diagonal, step)
    height, width, begin = sizes[0]
    end = begin + height * width
    rest, change = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    scratch, mixed = np.zeros(cells, np.float32), np.zeros(width, np.float32)
    direction, total = np.zeros(end + width, np.float32), np.zeros(end + width, np.float32)
    wanted, step_here, applied = rest[begin:end], change[begin:end], scratch[begin:end]
    towards, moved = direction[begin:end], total[begin:end]
    for channel in range(len(image)):
        _pull(image[channel], free, right_CHW[channel], down_CHW[channel], right_weight, down_weight, wanted)
        total[:], direction[:] = 0, 0
        if len(guess):
            for y in range(height):
                for x in range(width):
                    moved[y * width + x] = guess[channel, y, x] if free[y, x] else np.float32(0)
            _apply(total, right, down, diagonal, width, begin, end, scratch)
            for i in range(len(wanted)):
                wanted[i] -= applied[i]
        strength = 0.0
        for iteration in range(_MOST_ITERATIONS):
            # The residual on the finest grid is kept: the cycle only reads it there.
            largest = _cycle(sizes, right, down, diagonal, step, rest, change, scratch, mixed)
            if largest < error_left:
                if iteration or not len(guess):  # a guess that is right stays: what stands still does not flicker
                    moved += step_here
                break
            new_strength = _product(wanted, step_here)
            if not new_strength > 0:
                break
            share = np.float32(new_strength / strength) if strength > 0 else np.float32(0)
            for i in range(len(towards)):
                towards[i] = step_here[i] + share * towards[i]
            strength = new_strength
            _apply(direction, right, down, diagonal, width, begin, end, scratch)
            bend = _product(towards, applied)
            if not bend > 0:
                break
            length = np.float32(strength / bend)
            for i in range(len(towards)):
                moved[i] += length * towards[i]
                wanted[i] -= length * applied[i]
        for y in range(height):
            for x in range(width):
                if free[y, x]:
                    image[channel, y, x] += moved[y * width + x]


@compiled
def _product(first, second):  # type: ignore[no-untyped-def]
    """Sum of products, in eight partial sums of a fixed order: fast, and the same on every machine."""
    sums = np.zeros(8)
    whole = len(first) // 8
    for i in range(whole):
        for k in range(8):
            sums[k] += np.float64(first[8 * i + k]) * np.float64(second[8 * i + k])
    for i in range(8 * whole, len(first)):
        sums[0] += np.float64(first[i]) * np.float64(second[i])
    return sums.sum()


@compiled
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


@compiled
def _lay_grids(free, right_weight, down_weight, hold, sizes, right, down, diagonal, step):  # type: ignore[no-untyped-def]
    """Fill the flat arrays of all grids: weights between free cells, diagonal, and the smoother's step."""
    height, width, offset = sizes[0]
    anchor = np.zeros(height * width, np.float32)
    for y in range(height):
        for x in range(width):
            at, to = y * width + x, offset + y * width + x
            if free[y, x]:
                anchor[at] += hold[y, x]
            if x + 1 < width:
                if free[y, x] and free[y, x + 1]:
                    right[to] = right_weight[y, x]
                elif free[y, x]:
                    anchor[at] += right_weight[y, x]
                elif free[y, x + 1]:
                    anchor[at + 1] += right_weight[y, x]
            if y + 1 < height:
                if free[y, x] and free[y + 1, x]:
                    down[to] = down_weight[y, x]
                elif free[y, x]:
                    anchor[at] += down_weight[y, x]
                elif free[y + 1, x]:
                    anchor[at + width] += down_weight[y, x]
    for level in range(len(sizes)):
        height, width, offset = sizes[level]
        for i in range(height * width):
            at = offset + i
            diagonal[at] = anchor[i] + right[at] + right[at - 1] + down[at] + down[at - width]
            step[at] = _DAMPING / diagonal[at] if diagonal[at] > 1e-7 else 0
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


@compiled
def _apply(x, right, down, diagonal, width, begin, end, out):  # type: ignore[no-untyped-def]
    """out = A x on one grid, cells [begin, end) of the flat arrays. Weights across its borders are 0.

    Slices, counted from 0, spare the test for negative indices that would keep the loop from being vectorized.
    """
    here, own, to = x[begin:end], diagonal[begin:end], out[begin:end]
    after, before, below, above = (
        x[begin + 1 : end + 1], x[begin - 1 : end - 1], x[begin + width : end + width], x[begin - width : end - width],
    )  # fmt: skip
    by_after, by_before = right[begin:end], right[begin - 1 : end - 1]
    by_below, by_above = down[begin:end], down[begin - width : end - width]
    for i in range(end - begin):
        beside = by_after[i] * after[i] + by_before[i] * before[i]
        to[i] = own[i] * here[i] - beside - (by_below[i] * below[i] + by_above[i] * above[i])


@compiled
def _smooth(rest, change, right, down, diagonal, step, width, begin, end, scratch):  # type: ignore[no-untyped-def]
    _apply(change, right, down, diagonal, width, begin, end, scratch)
    here, by, wanted, have = change[begin:end], step[begin:end], rest[begin:end], scratch[begin:end]
    for i in range(end - begin):
        here[i] += by[i] * (wanted[i] - have[i])


@compiled
def _keep_free(values, step):  # type: ignore[no-untyped-def]
    for i in range(len(values)):
        values[i] = values[i] if step[i] > 0 else np.float32(0)


@compiled
def _cycle(sizes, right, down, diagonal, step, rest, change, scratch, mixed):  # type: ignore[no-untyped-def]
    """One symmetric cycle from zero: `change` becomes an estimate of the error. Returns its largest value."""
    last = len(sizes) - 1
    for level in range(last + 1):
        height, width, begin = sizes[level]
        end = begin + height * width
        here, by, wanted, left = change[begin:end], step[begin:end], rest[begin:end], scratch[begin:end]
        for i in range(end - begin):
            here[i] = by[i] * wanted[i]
        for _ in range(_SWEEPS - 1 if level < last else _COARSEST_SWEEPS):
            _smooth(rest, change, right, down, diagonal, step, width, begin, end, scratch)
        if level < last:
            _apply(change, right, down, diagonal, width, begin, end, scratch)
            for i in range(end - begin):
                left[i] = wanted[i] - left[i]
            rows, columns, there = sizes[level + 1]
            _restrict(left, height, width, rest[there : there + rows * columns], rows, columns)
            _keep_free(rest[there : there + rows * columns], step[there : there + rows * columns])
    for level in range(last - 1, -1, -1):
        height, width, begin = sizes[level]
        end = begin + height * width
        rows, columns, there = sizes[level + 1]
        _prolong(change[there : there + rows * columns], rows, columns, change[begin:end], height, width, mixed)
        _keep_free(change[begin:end], step[begin:end])
        for _ in range(_SWEEPS):
            _smooth(rest, change, right, down, diagonal, step, width, begin, end, scratch)
    height, width, begin = sizes[0]
    here = change[begin : begin + height * width]
    largest = np.float32(0)
    for i in range(len(here)):
        largest = max(largest, abs(here[i]))
    return largest


@compiled
def _restrict(fine, height, width, coarse, rows, columns):  # type: ignore[no-untyped-def]
    """The transpose of `_prolong`: every coarse cell gets three quarters of its fine ones and a quarter of those beside
    them, along each side."""
    near, far = np.float32(0.75), np.float32(0.25)
    coarse[:] = 0
    for y in range(height):
        row, to = fine[y * width : (y + 1) * width], coarse[(y // 2) * columns : (y // 2 + 1) * columns]
        beside = y // 2 + (1 if y % 2 else -1)
        other = coarse[beside * columns : (beside + 1) * columns] if 0 <= beside < rows else to
        share = far if 0 <= beside < rows else np.float32(0)
        for x in range(columns):
            value = near * row[2 * x]
            if 2 * x + 1 < width:
                value += near * row[2 * x + 1]
            if x > 0:
                value += far * row[2 * x - 1]
            if 2 * x + 2 < width:
                value += far * row[2 * x + 2]
            to[x] += near * value
            other[x] += share * value


@compiled
def _prolong(coarse, rows, columns, fine, height, width, mixed):  # type: ignore[no-untyped-def]
    """Add the coarse grid's values, read bilinearly between its cells, to the fine ones; 0 beyond the border."""
    near, far = np.float32(0.75), np.float32(0.25)
    for y in range(height):
        row, at = fine[y * width : (y + 1) * width], coarse[(y // 2) * columns : (y // 2 + 1) * columns]
        beside = y // 2 + (1 if y % 2 else -1)
        other = coarse[beside * columns : (beside + 1) * columns] if 0 <= beside < rows else at
        share = far if 0 <= beside < rows else np.float32(0)
        for x in range(columns):
            mixed[x] = near * at[x] + share * other[x]
        for x in range(columns):
            row[2 * x] += near * mixed[x]
            if x > 0:
                row[2 * x] += far * mixed[x - 1]
            if 2 * x + 1 < width:
                row[2 * x + 1] += near * mixed[x]
                if x + 1 < columns:
                    row[2 * x + 1] += far * mixed[x + 1]
