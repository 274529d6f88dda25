"""The engine that needs no weights: which frames a block is filled from.

Importing this module loads neither numba nor the compiled loops, which planning does not need.
"""

import cv2

from reelmend.core_model.engine import U8, Bool, Restored, Shot
from reelmend.core_model.ranges import named_range

HALO_FRAMES = 10
"""Frames before and after that a restored frame may depend on."""


class PropagationEngine:
    """Restores a block by flow-guided propagation and texture; see `reelmend.core_model.engine.Engine`."""

    name = "propagation"
    digest = f"propagation-5-opencv{cv2.__version__}"

    def warm(self, size: tuple[int, int] | None) -> None:
        """Load what is compiled; the first time on a machine, compile it."""
        from reelmend.core_model.propagation.warm_up import warm_up

        warm_up()

    @named_range("propagation")
    def restore(self, shot: Shot, start: int, stop: int) -> Restored:
        from reelmend.core_model.propagation.fill import fill_clip

        first, last = max(0, start - HALO_FRAMES), min(shot.frames, stop + HALO_FRAMES)
        frames, masks = shot.images(first, last), shot.masks(first, last)

        def shot_begin() -> tuple[U8, Bool]:
            return (shot.images(0, 1)[0], shot.masks(0, 1)[0]) if first else (frames[0], masks[0])

        asked = slice(start - first, stop - first)
        filled = fill_clip(frames, masks, lambda: shot.flows(first, last - 1), shot_begin, asked)
        miss = None if filled.miss is None else filled.miss[asked]
        return Restored(filled.frames[asked], filled.away[asked], miss)
