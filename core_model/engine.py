"""What must a flow estimator and an engine provide?

Legend: T frames, H W height and width of the frames, h w height and width of the flow.
Engines work on whole blocks: what they return for a frame depends on the frames they were given and nothing else.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Float = NDArray[np.floating]


class FlowEstimator(Protocol):
    """Dense optical flow between adjacent frames, in both directions."""

    @property
    def digest(self) -> str:
        """Names everything that determines the values: method, parameters, weights. Part of the cache key."""
        ...

    def estimate(self, frames_THWC: U8) -> tuple[Float, Float]:
        """Return (forward, backward) flow, each float32 [T-1, 2, H, W], channels (dx, dy) in pixels of these frames.

        Forward flow t leads from frame t to t+1, backward flow t from frame t+1 to t. Frames are RGB. T >= 2.
        """
        ...


class Engine(Protocol):
    """Fills the masked pixels of one run of frames."""

    name: str
    halo: int
    """Frames before and after that a restored frame may depend on; the plan adds them to every block."""

    @property
    def digest(self) -> str:
        """Names everything that determines the pixels: method, parameters, weights. Part of a part's key."""
        ...

    def restore(self, frames_THWC: U8, masks_THW: Bool, flow_fwd: Float, flow_bwd: Float) -> U8:
        """Return the frames u8 [T, H, W, 3] with masked pixels filled; the others may be anything (they are not used).

        Flows are [T-1, 2, h, w], float16 or float32, in pixels of their own size h x w, which may be smaller than
        H x W (same aspect up to rounding): the engine scales them. T may be 1; masks may be empty or cover a frame.
        A block is large: an engine may write the masked pixels of `frames_THWC` and return that very array. It must not
        let what they held before influence the result.
        """
        ...
