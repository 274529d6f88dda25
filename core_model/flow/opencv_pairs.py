"""Optical flow of OpenCV, pair by pair: the same pair gives the same flow, whatever else is in the call.

Legend: T frames, H W height and width, channels (dx, dy) in pixels.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8
from reelmend.core_model.progress import PROGRESS

SMALLEST_SIDE_PX = 16
"""Grey pictures are padded to this; below it OpenCV's methods find no level of a pyramid and fail."""
F32 = NDArray[np.float32]
Search = Callable[[U8, U8], F32]
"""Flow [H, W, 2] from one grey picture [H, W] to another."""

_one_opencv_thread = threading.Lock()


def flow_of_pairs(name: str, frames_THWC: U8, search: Search) -> tuple[F32, F32]:
    """Return (forward, backward) flow, each float32 [T-1, 2, H, W], of RGB u8 frames; ValueError if T < 2.

    Nothing is carried over from one pair to the next, and OpenCV works single-threaded (its methods divide a picture
    among threads, so that the number of threads would show in the flow); pairs run side by side, on as many threads as
    OpenCV has in this process (`cv2.setNumThreads`), which is what a worker was given.
    """
    if frames_THWC.ndim != 4 or frames_THWC.shape[0] < 2 or frames_THWC.shape[3] != 3:
        raise ValueError(f"{name}: expected u8 frames [T >= 2, H, W, 3], got {[*frames_THWC.shape]}")
    pairs, (height, width) = len(frames_THWC) - 1, frames_THWC.shape[1:3]
    flows = np.empty((2, pairs, 2, height, width), np.float32)
    with _single_threaded_opencv() as given, ThreadPoolExecutor(max_workers=min(2 * pairs, given)) as pool:
        greys = list(pool.map(_grey, frames_THWC))

        def fill(job: tuple[int, int]) -> None:
            direction, t = job
            start, goal = (greys[t], greys[t + 1]) if direction == 0 else (greys[t + 1], greys[t])
            flows[direction, t] = search(start, goal)[:height, :width].transpose(2, 0, 1)
            PROGRESS.sign()

        list(pool.map(fill, [(direction, t) for t in range(pairs) for direction in (0, 1)]))
    return flows[0], flows[1]


def _grey(frame_HWC: U8) -> U8:
    grey = cv2.cvtColor(np.ascontiguousarray(frame_HWC), cv2.COLOR_RGB2GRAY)
    below, right = (max(0, SMALLEST_SIDE_PX - side) for side in grey.shape)
    return np.asarray(cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)


@contextmanager
def _single_threaded_opencv() -> Iterator[int]:
    """Yield the threads that OpenCV had, at least 1; it has them again afterwards."""
    with _one_opencv_thread:  # the setting is the process's
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield max(1, threads)
        finally:
            cv2.setNumThreads(threads)
