"""How does a clip that is in memory become a shot?"""

from dataclasses import dataclass

from core_model.engine import U8, Bool, Float


@dataclass(frozen=True)
class ArrayShot:
    """See `core_model.engine.Shot`."""

    frames_THWC: U8
    masks_THW: Bool
    flow_fwd: Float
    flow_bwd: Float

    @property
    def frames(self) -> int:
        return len(self.frames_THWC)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.masks_THW.shape[1:]
        return height, width

    def images(self, start: int, stop: int) -> U8:
        return self.frames_THWC[start:stop].copy()

    def masks(self, start: int, stop: int) -> Bool:
        return self.masks_THW[start:stop].copy()

    def flows(self, start: int, stop: int) -> tuple[Float, Float]:
        return self.flow_fwd[start:stop], self.flow_bwd[start:stop]
