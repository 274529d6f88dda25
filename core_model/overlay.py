"""What does a pixel become that several of the generator's windows have completed?

Legend: H W height and width of the frames, h w those of a region.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core_model.engine import U8, Bool
from core_model.networks.region import Region

Blending = Literal["float", "published"]
_F32 = NDArray[np.float32]


class Overlay:
    """Windows are laid over a clip in order; a frame that another window has written becomes the mean of old and new.

    `published` cuts off the fraction after every step, as the published script does; `float` rounds once at the end.
    """

    def __init__(self, frames_THWC: U8, masks_THW: Bool, blending: Blending) -> None:
        self._frames, self._masks, self._blending = frames_THWC, masks_THW, blending
        self._written: dict[int, _F32] = {}

    def lay(self, t: int, image_3hw: _F32, region: Region) -> None:
        """Add a window's image of frame t, in [-1, 1]; it counts inside the mask, all of which `region` holds."""
        slices = slice(region.top, region.bottom), slice(region.left, region.right)
        new_N3 = (image_3hw.transpose(1, 2, 0)[self._masks[t][slices]] + 1) / 2 * 255
        if self._blending == "published":
            new_N3 = np.trunc(new_N3)
        if t in self._written:
            new_N3 = (self._written[t] + new_N3) / 2
        self._written[t] = np.trunc(new_N3) if self._blending == "published" else new_N3

    def result(self) -> U8:
        """The clip u8 [T, H, W, 3] with what was laid over it."""
        restored = self._frames.copy()
        for t, colours_N3 in self._written.items():
            restored[t][self._masks[t]] = np.rint(colours_N3).clip(0, 255).astype(np.uint8)
        return restored
