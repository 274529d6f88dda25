"""Optical flow without a network: OpenCV's dense inverse search.

Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016.
Legend: T frames, H W height and width, channels (dx, dy) in pixels.
"""

from functools import partial

import cv2
import numpy as np

from reelmend.core_model.engine import U8
from reelmend.core_model.flow.opencv_pairs import F32, SMALLEST_SIDE_PX, flow_of_pairs
from reelmend.core_model.ranges import named_range

_LONGEST_SIDE = 32


class DisFlow:
    """Optical flow of a pair of frames; see `flow_of_pairs` for what it does not depend on."""

    digest = f"dis-quarter-1-opencv{cv2.__version__}"

    def __init__(self, finest_scale: int = 2) -> None:
        """Search at sizes down to 1 / 2**`finest_scale` of the frames'; 2 takes a third of the time of 1, which is more
        exact where little is to be measured, around a hole (`reelmend.core_model.propagation.refine_flow`)."""
        self._finest_scale = finest_scale

    def warm(self, size: tuple[int, int] | None) -> None:
        """There is nothing to load."""

    @named_range("flow of a group of pairs")
    def estimate(self, frames_THWC: U8) -> tuple[F32, F32]:
        """Return (forward, backward) flow, each float32 [T-1, 2, H, W], of RGB u8 frames; ValueError if T < 2."""
        return flow_of_pairs("DisFlow", frames_THWC, partial(_dis, finest_scale=self._finest_scale))


def _dis(start_HW: U8, goal_HW: U8, *, finest_scale: int) -> F32:
    # A new object a pair: it holds buffers, and costs nothing next to the search.
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    smallest, longest = SMALLEST_SIDE_PX << finest_scale, _LONGEST_SIDE << finest_scale
    if min(start_HW.shape) >= smallest and max(start_HW.shape) >= longest:
        search.setFinestScale(finest_scale)  # OpenCV crashes where its pyramid has no such level
    return np.asarray(search.calc(start_HW, goal_HW, None), np.float32)  # type: ignore[call-overload]
