"""Rotation and mirroring by a player, and conversion of an image from one orientation to the other.

A display matrix mirrors first (left becomes right) and turns then; every one without skew is such a pair.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]


def turn_of(matrix: Sequence[int] | None) -> tuple[int, bool]:
    """Return (degrees clockwise, 0 to 270, is mirrored) of a display matrix in FFmpeg's layout."""
    if matrix is None:
        return 0, False
    right_x, right_y, down_x, down_y = matrix[0], matrix[1], matrix[3], matrix[4]
    mirrored = right_x * down_y - right_y * down_x < 0
    if mirrored:
        right_x, right_y = -right_x, -right_y
    return round(math.degrees(math.atan2(right_y, right_x)) / 90) * 90 % 360, mirrored


def as_shown(image: Image, rotation: int, mirrored: bool) -> Image:
    """Return an image [h, w, ...] of the coded picture as a player shows it."""
    return np.rot90(image[:, ::-1] if mirrored else image, -(rotation // 90))


def as_coded(image: Image, rotation: int, mirrored: bool) -> Image:
    """Undo `as_shown`."""
    turned = np.rot90(image, rotation // 90)
    return turned[:, ::-1] if mirrored else turned
