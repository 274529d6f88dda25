"""Blending of pixels that several windows of the generator have completed.

Legend: H W height and width of the frames, h w those of a region, N masked pixels of a frame.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.networks.rectangle import Rectangle

Blending = Literal["float", "published"]
_F32 = NDArray[np.float32]


class Overlay:
    """Windows are laid over a clip in order; a frame that another window has written becomes the mean of old and new.

    `published` cuts off the fraction after every step, as the published script does; `float` rounds once at the end.
    """

    def __init__(self, blending: Blending) -> None:
        self._blending = blending
        self._written: dict[int, _F32] = {}

    def lay(self, t: int, image_3hw: _F32, region: Rectangle, mask_HW: Bool) -> None:
        """Add a window's image of frame t, in [-1, 1]; it counts inside the mask, all of which `region` holds."""
        slices = slice(region.top, region.bottom), slice(region.left, region.right)
        self.lay_levels(t, (image_3hw.transpose(1, 2, 0)[mask_HW[slices]] + 1) / 2 * 255)

    def lay_levels(self, t: int, levels_N3: NDArray[np.floating]) -> None:
        """Add a window's masked pixels of frame t, grey levels 0..255 in reading order."""
        new_N3 = self._step(levels_N3)
        self._written[t] = self._step((self._written[t] + new_N3) / 2) if t in self._written else new_N3

    def take(self, t: int) -> U8 | None:
        """Return frame t's masked pixels, u8 [N, 3] in reading order, and forget them; None if nothing was laid."""
        colours_N3 = self._written.pop(t, None)
        return None if colours_N3 is None else np.rint(colours_N3).clip(0, 255).astype(np.uint8)

    def _step(self, colours: NDArray[np.floating]) -> _F32:
        return (np.trunc(colours) if self._blending == "published" else colours).astype(np.float32, copy=False)
