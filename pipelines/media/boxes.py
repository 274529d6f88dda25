"""Bounding boxes of masked pixels."""

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels, the last two exclusive."""


def bounding_box(mask_HW: NDArray[np.bool_]) -> Box | None:
    """Return (left, top, right, bottom) around the True pixels, the last two exclusive; None when there are none."""
    rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
