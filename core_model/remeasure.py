"""How does the scene move close to a hole, now that the hole shows scene as well?

Flow measured with the object in place is spoiled around it, by as much as the search's patches are wide. Measured again
on frames that a first round has filled, it is good up to the hole's edge, and shows what crosses that edge.
"""

from itertools import pairwise

import cv2
import numpy as np

from core_model.dis_flow import DisFlow
from core_model.engine import U8, Bool
from core_model.hole_flow import MeasuredFlow, bounding_window, holes_at

_MARGIN_PX = 48  # around the holes, in pixels of the flow: the ring that votes, and room for the search
_PAIRS_AT_ONCE = 16


def remeasure(measured: MeasuredFlow, restored_THWC: U8, masks_THW: Bool) -> MeasuredFlow:
    """Return the flow with the surroundings of the block's holes measured again, on restored frames.

    Of a single frame (T = 1) there is no pair, and no flow.
    """
    place = bounding_window(holes_at(np.asarray(masks_THW.any(0)), measured.size)).grown(_MARGIN_PX, *measured.size)
    height, width = measured.size
    pairs = len(restored_THWC) - 1
    rows, columns = place.slices
    flows = np.zeros((2, pairs, 2, place.bottom - place.top, place.right - place.left), np.float16)
    limits = [*range(0, pairs, _PAIRS_AT_ONCE), pairs]
    for start, stop in pairwise(limits):
        frames = restored_THWC[start : stop + 1]
        if restored_THWC.shape[1:3] != measured.size:
            frames = np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in frames])
        flows[:, start:stop] = DisFlow().estimate(frames[:, rows, columns])
    return measured.patched(place, flows[0], flows[1])
