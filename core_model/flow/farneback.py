"""Optical flow without a network: polynomial expansion, by OpenCV.

Farnebäck, "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003.
Legend: T frames, H W height and width, channels (dx, dy) in pixels.
"""

import cv2
import numpy as np

from reelmend.core_model.engine import U8
from reelmend.core_model.flow.opencv_pairs import F32, flow_of_pairs
from reelmend.core_model.ranges import named_range

_SETTINGS = {
    "pyr_scale": 0.5,
    "levels": 5,  # motion of 30 pixels is one pixel at the coarsest
    "winsize": 21,
    "iterations": 3,
    "poly_n": 7,
    "poly_sigma": 1.5,
    "flags": 0,
}


class FarnebackFlow:
    """Optical flow of a pair of frames; see `flow_of_pairs` for what it does not depend on.

    Smoother than dense inverse search: it follows slow motion closely, and blurs the edges of what moves.
    """

    digest = f"farneback-1-opencv{cv2.__version__}"

    def warm(self, size: tuple[int, int] | None) -> None:
        """There is nothing to load."""

    @named_range("flow of a group of pairs")
    def estimate(self, frames_THWC: U8) -> tuple[F32, F32]:
        """Return (forward, backward) flow, each float32 [T-1, 2, H, W], of RGB u8 frames; ValueError if T < 2."""
        return flow_of_pairs("FarnebackFlow", frames_THWC, _farneback)


def _farneback(start_HW: U8, goal_HW: U8) -> F32:
    found = cv2.calcOpticalFlowFarneback(start_HW, goal_HW, None, **_SETTINGS)  # type: ignore[call-overload]
    return np.asarray(found, np.float32)
