"""Optical flow without a network: OpenCV's dense inverse search.

Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016.
Legend: T frames, H W height and width, channels (dx, dy) in pixels.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8
from reelmend.core_model.progress import PROGRESS

_SMALLEST_SIDE = 16  # below two patches of 8 pixels OpenCV finds no pyramid level and fails
_LONGEST_SIDE = 32
_one_opencv_thread = threading.Lock()


class DisFlow:
    """Optical flow of a pair of frames; the same pair gives the same flow, whatever else is in the call.

    Nothing is carried over from one pair to the next, and OpenCV works single-threaded (its search starts again at
    the edge of each thread's stripe, so that the number of threads would show in the flow); pairs run side by side.
    """

    digest = f"dis-quarter-1-opencv{cv2.__version__}"

    def __init__(self, finest_scale: int = 2) -> None:
        """Search at sizes down to 1 / 2**`finest_scale` of the frames'; 2 takes a third of the time of 1, which is more
        exact where little is to be measured, around a hole (`reelmend.core_model.propagation.refine_flow`)."""
        self._finest_scale = finest_scale

    def warm(self, size: tuple[int, int] | None) -> None:
        """There is nothing to load."""

    def estimate(self, frames_THWC: U8) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (forward, backward) flow, each float32 [T-1, 2, H, W], of RGB u8 frames; ValueError if T < 2."""
        if frames_THWC.ndim != 4 or frames_THWC.shape[0] < 2 or frames_THWC.shape[3] != 3:
            raise ValueError(f"DisFlow: expected u8 frames [T >= 2, H, W, 3], got {[*frames_THWC.shape]}")
        pairs, (height, width) = len(frames_THWC) - 1, frames_THWC.shape[1:3]
        flows = np.empty((2, pairs, 2, height, width), np.float32)
        with _single_threaded_opencv(), ThreadPoolExecutor(max_workers=min(2 * pairs, os.cpu_count() or 1)) as pool:
            greys = list(pool.map(_grey, frames_THWC))

            def fill(job: tuple[int, int]) -> None:
                direction, t = job
                start, goal = (greys[t], greys[t + 1]) if direction == 0 else (greys[t + 1], greys[t])
                flows[direction, t] = _dis(start, goal, self._finest_scale)[:height, :width].transpose(2, 0, 1)
                PROGRESS.sign()

            list(pool.map(fill, [(direction, t) for t in range(pairs) for direction in (0, 1)]))
        return flows[0], flows[1]


def _grey(frame_HWC: U8) -> U8:
    grey = cv2.cvtColor(np.ascontiguousarray(frame_HWC), cv2.COLOR_RGB2GRAY)
    below, right = (max(0, _SMALLEST_SIDE - side) for side in grey.shape)
    return np.asarray(cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)


def _dis(start_HW: U8, goal_HW: U8, finest_scale: int) -> NDArray[np.float32]:
    # A new object a pair: it holds buffers, and costs nothing next to the search.
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    if min(start_HW.shape) >= _SMALLEST_SIDE << finest_scale and max(start_HW.shape) >= _LONGEST_SIDE << finest_scale:
        search.setFinestScale(finest_scale)  # OpenCV crashes where its pyramid has no such level
    return np.asarray(search.calc(start_HW, goal_HW, None), np.float32)  # type: ignore[call-overload]


@contextmanager
def _single_threaded_opencv() -> Iterator[None]:
    with _one_opencv_thread:  # the setting is the process's
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield
        finally:
            cv2.setNumThreads(threads)
