"""Flow close to a hole, measured again on frames in which the hole shows scene as well.

Flow measured with the object in place is spoiled around it, by as much as the search's patches are wide. Measured on
frames that a first round has filled, it is good up to the hole's edge, and shows what crosses that edge.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from core_model.dis_flow import DisFlow
from core_model.engine import U8, Bool
from core_model.propagation.hole_motion import shrink

F32 = NDArray[np.float32]

_MARGIN_PX = 48  # around the holes, in pixels of the flow: the ring that votes, and room for the search
_PAIRS_AT_ONCE = 16


def remeasure(flow_fwd: F32, flow_bwd: F32, restored_THWC: U8, masks_THW: Bool) -> tuple[F32, F32]:
    """Return both flows [P, 2, h, w] with the surroundings of the block's holes measured again, on restored frames."""
    height, width = flow_fwd.shape[2:]
    small = shrink(masks_THW, (height, width)).any(0)
    rows, columns = np.flatnonzero(small.any(1)), np.flatnonzero(small.any(0))
    top, left = max(0, int(rows[0]) - _MARGIN_PX), max(0, int(columns[0]) - _MARGIN_PX)
    bottom, right = min(height, int(rows[-1]) + 1 + _MARGIN_PX), min(width, int(columns[-1]) + 1 + _MARGIN_PX)
    fresh = flow_fwd.copy(), flow_bwd.copy()
    limits = [*range(0, len(flow_fwd), _PAIRS_AT_ONCE), len(flow_fwd)]
    for start, stop in pairwise(limits):
        frames = restored_THWC[start : stop + 1]
        if restored_THWC.shape[1:3] != (height, width):
            frames = np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in frames])
        measured = DisFlow().estimate(frames[:, top:bottom, left:right])
        for flow, again in zip(fresh, measured, strict=True):
            flow[start:stop, :, top:bottom, left:right] = again
    return fresh
