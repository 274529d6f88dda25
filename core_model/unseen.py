"""What does a pixel become that no frame shows?

It is painted once, in the frame that misses most, and carried along the flow to the frames before and after, so
that it does not flicker. What the flow does not reach is painted in the next frame, and so on.
"""

import numpy as np

from core_model.blend import blend
from core_model.engine import U8, Bool
from core_model.hole_flow import Direction, HoleFlow, bounding_window
from core_model.poisson import Edges, solve_poisson
from core_model.trails import trace

_NOTHING_KNOWN = 128  # grey, of a frame that is missing whole in a block that shows none of it


def fill_unseen(restored_THWC: U8, unseen_THW: Bool, flow: HoleFlow, carried: int) -> None:
    """Fill the unseen pixels of the frames in place; `unseen` is empty afterwards.

    `carried` is how many frames are painted and carried on; what is still missing then is painted where it is.
    """
    directions: tuple[Direction, Direction] = (1, -1)
    for _ in range(carried):
        missing_T = unseen_THW.sum((1, 2))
        if not missing_T.any():
            return
        painted = int(np.argmax(missing_T))
        _paint(restored_THWC, unseen_THW, painted)
        for direction in directions:
            for t, trail in trace(unseen_THW, flow, direction, painted).items():
                mask_HW = unseen_THW[t].copy()
                colour_N3, found_N = blend(restored_THWC, unseen_THW, t, [trail])
                mask_HW[mask_HW] = found_N
                restored_THWC[t][mask_HW] = (colour_N3[found_N] + 0.5).astype(np.uint8)
                unseen_THW[t] &= ~mask_HW
    for t in np.flatnonzero(unseen_THW.any((1, 2))).tolist():
        _paint(restored_THWC, unseen_THW, t)


def _paint(restored: U8, unseen: Bool, t: int) -> None:
    """Fill a frame as smoothly as the pixels around allow."""
    height, width = unseen.shape[1:]
    window = bounding_window(unseen[t]).grown(1, height, width)
    mask = unseen[t][window.slices]
    crop_CHW = restored[t][window.slices].transpose(2, 0, 1).astype(np.float32)
    crop_CHW[:, mask] = crop_CHW[:, ~mask].mean(1)[:, None] if not mask.all() else _NOTHING_KNOWN
    flat = Edges(np.zeros_like(crop_CHW[:, :, 1:]), np.zeros_like(crop_CHW[:, 1:]))
    equal = Edges(np.ones_like(flat.right[0]), np.ones_like(flat.down[0]))
    smooth_CHW = solve_poisson(crop_CHW, mask, flat, equal)
    restored[t][window.slices][mask] = (smooth_CHW[:, mask].T.clip(0, 255) + 0.5).astype(np.uint8)
    unseen[t] = False
