"""Flow close to a hole, measured again: more exactly, and where possible on frames in which the hole shows scene.

Flow measured with the object in place is spoiled around it, by as much as the search's patches are wide. Measured on
frames that a first round has filled, it is good up to the hole's edge, and shows what crosses that edge.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.flow.dis import DisFlow
from reelmend.core_model.propagation.hole_motion import shrink

F32 = NDArray[np.float32]

_MARGIN_PX = 48  # around the holes, in pixels of the flow: the ring that votes, and room for the search
_PAIRS_AT_ONCE = 16


def remeasure(flow_fwd: F32, flow_bwd: F32, frames_THWC: U8, masks_THW: Bool) -> tuple[F32, F32]:
    """Return both flows [P, 2, h, w] with the surroundings of the block's holes measured again, on these frames.

    Pairs of frames without a hole are left as they are.
    """
    height, width = flow_fwd.shape[2:]
    holes_T = np.asarray(masks_THW.any((1, 2)))
    small = np.asarray(shrink(masks_THW, (height, width)).any(0))
    rows, columns = np.flatnonzero(small.any(1)), np.flatnonzero(small.any(0))
    top, left = max(0, int(rows[0]) - _MARGIN_PX), max(0, int(columns[0]) - _MARGIN_PX)
    bottom, right = min(height, int(rows[-1]) + 1 + _MARGIN_PX), min(width, int(columns[-1]) + 1 + _MARGIN_PX)
    fresh = flow_fwd.copy(), flow_bwd.copy()
    pairs = holes_T[:-1] | holes_T[1:]
    for start, stop in _runs(pairs):
        frames = frames_THWC[start : stop + 1]
        if frames_THWC.shape[1:3] != (height, width):
            frames = np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in frames])
        measured = DisFlow(finest_scale=1).estimate(frames[:, top:bottom, left:right])
        for flow, again in zip(fresh, measured, strict=True):
            flow[start:stop, :, top:bottom, left:right] = again
    return fresh


def _runs(pairs: Bool) -> Iterator[tuple[int, int]]:
    """Yield the [start, stop) of adjacent pairs to measure, a few at once."""
    edges = np.flatnonzero(np.diff(pairs.astype(np.int8), prepend=0, append=0))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        for start in range(first, last, _PAIRS_AT_ONCE):
            yield start, min(start + _PAIRS_AT_ONCE, last)
