"""Search for the whole-pixel shift at which a few telling pixels of one picture are found in another one.

What least squares on the detail (`reelmend.core_model.propagation.lucas_kanade`) cannot find from afar starts from here.
"""

import numpy as np

from reelmend.core_model.propagation.compiled import compiled

_CLIPPED_LEVELS = 30.0
_FAVOUR_PX = 20.0


@compiled
def difference(fixed, moving, hidden, rows, columns, dy, dx):  # type: ignore[no-untyped-def]
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
def search(fixed, moving, hidden, rows, columns, expected, favour, farthest):  # type: ignore[no-untyped-def]
    """The shift (dy, dx) at which the samples are found best, by how much they differ there, their detail, and by how
    much they differ at the best of the shifts around it.

    Shifts far from the expected (x, y) are at a disadvantage of `favour` of the detail a pixel.
    """
    detail = 0.0
    for i in range(len(rows)):
        detail += min(abs(fixed[rows[i], columns[i]]), _CLIPPED_LEVELS)
    detail /= len(rows)
    best, best_y, best_x = np.inf, 0, 0
    for step, reach in ((2, farthest), (1, 2)):
        middle_y, middle_x = (0, 0) if step == 2 else (best_y, best_x)
        for dy in range(middle_y - reach, middle_y + reach + 1, step):
            for dx in range(middle_x - reach, middle_x + reach + 1, step):
                miss = difference(fixed, moving, hidden, rows, columns, dy, dx)
                miss += favour * detail * min(np.hypot(dy - expected[1], dx - expected[0]), _FAVOUR_PX)
                if miss < best:
                    best, best_y, best_x = miss, dy, dx
    beside = np.inf
    for dy, dx in ((-5, 0), (-4, -4), (0, -5), (4, -4), (5, 0), (4, 4), (0, 5), (-4, 4)):
        beside = min(beside, difference(fixed, moving, hidden, rows, columns, best_y + dy, best_x + dx))
    return best_y, best_x, best, detail, beside
