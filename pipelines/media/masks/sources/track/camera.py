"""Motion of the camera between the frames of a shot, as homographies of the background."""

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.sources.track.reduced import ReducedFrames

Matrix = NDArray[np.float64]
"""[3, 3]: where a point (x, y, 1) of one frame is in another."""

_POINTS, _QUALITY, _APART_PX = 400, 0.01, 6
_WINDOW, _LEVELS = (15, 15), 4
_RETURN_PX = 1.0
"""How far from where it began a point may come back to, forward and backward."""
_FEWEST = 12
_RANSAC_PX = 2.0


class Camera:
    """Motion of what most of the picture shows: an object smaller than half of it does not take part."""

    def __init__(self, frames: ReducedFrames) -> None:
        self._frames = frames
        self._steps: dict[int, Matrix] = {}

    def between(self, start: int, stop: int) -> Matrix:
        """Return where the points of frame `start` are in frame `stop`."""
        matrix: Matrix = np.eye(3)
        for frame in range(min(start, stop), max(start, stop)):
            matrix = self._step(frame) @ matrix
        return matrix if start <= stop else np.asarray(np.linalg.inv(matrix), np.float64)

    def _step(self, frame: int) -> Matrix:
        if frame not in self._steps:
            self._steps[frame] = homography(self._frames.grey(frame), self._frames.grey(frame + 1))
        return self._steps[frame]


def homography(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Matrix:
    """Return the motion of the background between two grey pictures [h, w]; none where nothing can be followed."""
    corners = cv2.goodFeaturesToTrack(first, _POINTS, _QUALITY, _APART_PX)
    if corners is None or len(corners) < _FEWEST:
        return np.eye(3)
    points = np.asarray(corners, np.float32)
    there, found = _followed(first, second, points)
    back, again = _followed(second, first, there)
    returned = np.abs(points - back).reshape(-1, 2).max(1) < _RETURN_PX
    good = found & again & returned
    if good.sum() < _FEWEST:
        return np.eye(3)
    cv2.setRNGSeed(0)  # RANSAC draws from it; the same frames give the same answer
    matrix, _ = cv2.findHomography(points[good], there[good], cv2.RANSAC, _RANSAC_PX)
    usable = matrix is not None and np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 0.1
    return np.asarray(matrix, np.float64) if usable else np.eye(3)


def _followed(
    first: NDArray[np.uint8], second: NDArray[np.uint8], points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return where points [N, 1, 2] of one picture are in another, and which were found."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(  # type: ignore[call-overload]
        first, second, points, None, winSize=_WINDOW, maxLevel=_LEVELS
    )
    return np.asarray(there, np.float32), np.asarray(found).ravel() == 1
