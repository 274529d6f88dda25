"""Boxes that lines of text are drawn on, found by their straight edges on all four sides."""

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box

F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]


def panel(median: F32, box: Box, high: int) -> Bool | None:
    """Return the box that a line was drawn on, opaque or not, as bool [h, w]; None if there is none.

    `median` f32 [h, w, 3] is the median of pictures that show the line at `box`; its letters are about `high` pixels high.
    """
    left, top, right, bottom = box
    height, width = median.shape[:2]
    grow = high // 3
    columns = slice(left, right)
    up = _border(median[:, columns], range(1, min(top + grow, height - 3)))
    down = _border(median[:, columns], range(max(1, bottom - grow), height - 3))
    if up is None or down is None or down - up < 6:
        return None
    turned = median[up + 3 : down - 1].transpose(1, 0, 2)
    before = _border(turned, range(1, min(left + grow, width - 3)))
    after = _border(turned, range(max(1, right - grow), width - 3))
    if before is None or after is None:
        return None
    mask = np.zeros((height, width), np.bool_)
    mask[up : down + 4, before : after + 4] = True
    return mask


def _border(image: F32, where: range) -> int | None:
    """Return the row of `where` between which and the third after it all of an image [h, w, 3] steps the same way."""
    best, best_score = None, 0.85
    for row in where:
        step = image[row + 3] - image[row]
        size = np.abs(step).mean(axis=1)
        seen = size > 4
        if seen.mean() < 0.6 or size.mean() < 8:
            continue
        score = abs(float(np.sign(step.mean(axis=1))[seen].mean()))
        if score > best_score:
            best, best_score = row, score
    return best
