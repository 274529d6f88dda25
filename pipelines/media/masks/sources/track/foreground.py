"""Foreground: pixels of a frame that the frames around it, laid over it, do not show.

Where the camera's motion is known, other frames show the background behind an object that moves: each is warped onto
the frame, without what is known to be the object in it, and a pixel that differs from half of them is foreground. The
range of the neighbouring pixels is allowed, as warping is exact to a pixel only, and so is how much the frames differ
among each other, where something is too near for a homography.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.sources.track.camera import Camera
from reelmend.pipelines.media.masks.sources.track.reduced import ReducedFrames

F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

OFFSETS = (-20, -13, -9, -7, -5, 5, 7, 9, 13, 20)
"""Frames that are laid over a frame: near enough for the camera's motion to be exact, far enough for objects to have
moved on."""
_SQUARE = np.ones((3, 3), np.uint8)
_OBJECT_GROWN = np.ones((9, 9), np.uint8)
_SHARE = 0.5
"""Share of the frames laid over a pixel that it has to differ from."""
_SPREAD = 0.1
"""Weight of how much those differ among each other, in levels."""
_FEWEST = 2
_ENOUGH, _NEAREST = 4, 2
"""Frames laid over, below which a shot is short: then so many are that are at least so far away."""


def differences(
    frame: int,
    shot: tuple[int, int],
    frames: ReducedFrames,
    camera: Camera,
    mask_of: Callable[[int], Bool | None],
) -> F32:
    """Return by how many levels each pixel [h, w] differs from the background; 0 where that is not known.

    `mask_of` returns what is known to be the object in a frame, if that is known.
    """
    picture = frames.at(frame).astype(np.float32)
    width, height = frames.size
    around, laid = [], []
    for other in _compared(frame, shot):
        known = np.ones((height, width), np.uint8)
        mask = mask_of(other)
        if mask is not None:
            known[cv2.dilate(mask.astype(np.uint8), _OBJECT_GROWN) > 0] = 0
        motion = camera.between(other, frame)
        warped = cv2.warpPerspective(frames.at(other), motion, frames.size).astype(np.float32)
        inside = cv2.warpPerspective(known, motion, frames.size, flags=cv2.INTER_NEAREST) > 0
        above, below = picture - cv2.dilate(warped, _SQUARE), cv2.erode(warped, _SQUARE) - picture
        differs = np.maximum(np.maximum(above, below), 0).max(axis=2)
        differs[~inside], warped[~inside] = np.nan, np.nan
        around.append(differs)
        laid.append(warped)
    if len(around) < _FEWEST:
        return np.zeros((height, width), np.float32)
    ordered = np.sort(np.stack(around), axis=0)  # what is not known comes last
    count = (~np.isnan(ordered)).sum(axis=0)
    place = np.maximum(0, np.ceil(count * _SHARE).astype(np.int64) - 1)
    found = np.take_along_axis(ordered, place[None], axis=0)[0]
    found[count < _FEWEST] = 0
    return np.asarray(found / (1 + _SPREAD * _spread(np.stack(laid), count)), np.float32)


def _compared(frame: int, shot: tuple[int, int]) -> list[int]:
    """Return the frames that are laid over a frame: of a short shot the farthest, in which objects have moved most."""
    others = [frame + offset for offset in OFFSETS if shot[0] <= frame + offset < shot[1]]
    if len(others) >= _ENOUGH:
        return others
    near = [other for other in range(*shot) if _NEAREST <= abs(other - frame) <= OFFSETS[-1]]
    return sorted(near, key=lambda other: (-abs(other - frame), other))[:_ENOUGH]


def _spread(laid: NDArray[np.float32], count: NDArray[np.int64]) -> F32:
    """How much frames [N, h, w, 3] differ among each other around each pixel, in levels."""
    laid[:, count == 0] = 0  # a median of nothing is a warning
    middle = np.nanmedian(laid, axis=0)
    spread = np.nanmedian(np.abs(laid - middle), axis=0).max(axis=2)
    return np.asarray(cv2.blur(spread.astype(np.float32), (5, 5)), np.float32)
