"""The engine that needs no network: which frames does it ask for, to fill a block of them (`core_model/fill_clip.py`)?

Whoever plans work for it need not load what does the work: torch alone takes seconds.
"""

import cv2

from core_model.engine import Restored, Shot

HALO_FRAMES = 10
"""Frames before and after that a restored frame may depend on."""


class PropagationEngine:
    """Restores a block by flow-guided propagation; see `core_model.engine.Engine`."""

    name = "propagation"
    digest = f"propagation-1-opencv{cv2.__version__}"

    def warm(self, size: tuple[int, int] | None) -> None:
        """Load torch and what is written with it."""
        import core_model.fill_clip  # noqa: F401

    def restore(self, shot: Shot, start: int, stop: int) -> Restored:
        from core_model.fill_clip import fill_clip

        first, last = max(0, start - HALO_FRAMES), min(shot.frames, stop + HALO_FRAMES)
        flows = shot.flows(first, last - 1)
        frames, away = fill_clip(shot.images(first, last), shot.masks(first, last), *flows)
        asked = slice(start - first, stop - first)
        return Restored(frames[asked], away[asked])
