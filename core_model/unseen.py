"""What does a pixel become that no frame shows?

Each frame on its own continues the surroundings smoothly, which flickers. So the frame that misses most is taken as it
is, and carried along the flow to the frames before and after; then the next one, for what that did not reach.
"""

import numpy as np

from core_model.blend import blend
from core_model.engine import U8, Bool
from core_model.hole_flow import Direction, HoleFlow
from core_model.trails import trace


def carry_unseen(restored_THWC: U8, unseen_THW: Bool, flow: HoleFlow, sources: int) -> None:
    """Replace unseen pixels in place by those of at most `sources` frames; what these reach is no longer `unseen`."""
    directions: tuple[Direction, Direction] = (1, -1)
    for _ in range(sources):
        missing_T = unseen_THW.sum((1, 2))
        if not missing_T.any():
            return
        source = int(np.argmax(missing_T))
        unseen_THW[source] = False
        for direction in directions:
            for t, trail in trace(unseen_THW, flow, direction, source).items():
                if not trail.age.any():
                    continue
                reached_HW = unseen_THW[t].copy()
                colour_N3, reached_N = blend(restored_THWC, unseen_THW, t, [trail])
                reached_HW[reached_HW] = reached_N
                restored_THWC[t][reached_HW] = colour_N3[reached_N]
                unseen_THW[t] &= ~reached_HW
