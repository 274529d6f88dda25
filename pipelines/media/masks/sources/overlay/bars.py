"""Black bars around a picture: letterboxes and pillarboxes, next to whose edges a logo can be."""

import numpy as np

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.clip import U8

_BLACK, _FLAT = 40, 10
"""Luma up to which a row is black in every sample, and by how much it may vary there."""
_MOST = 0.35
"""Share of the side that one bar takes at most."""
_SOFT_PX = 1
"""Rows at a bar's edge that are mixed with it."""


def inside_bars(pictures_NHW: U8) -> Box:
    """Return the part of samples u8 [n, h, w] that is not bars, all of it where there are none."""
    high, low = pictures_NHW.max(axis=0), pictures_NHW.min(axis=0)
    black = (high <= _BLACK) & (high - low <= _FLAT)
    top, bottom = _ends(black.all(axis=1))
    left, right = _ends(black[top:bottom].all(axis=0))
    return left, top, right, bottom


def _ends(black: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[int, int]:
    """Return the range between the runs of True at both ends; all of it if one is too long to be a bar."""
    length, picture = len(black), np.flatnonzero(~black)
    if not picture.size:
        return 0, length
    first, last = int(picture[0]), int(picture[-1]) + 1
    if max(first, length - last) > _MOST * length:
        return 0, length
    start = first + _SOFT_PX if first else 0
    stop = last - _SOFT_PX if last < length else length
    return (start, stop) if stop - start > 2 * _SOFT_PX else (0, length)
