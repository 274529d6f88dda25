"""A shot from a clip in memory."""

from dataclasses import dataclass

from reelmend.core_model.engine import U8, Bool, Float


@dataclass(frozen=True)
class ArrayShot:
    """See `reelmend.core_model.engine.Shot`."""

    pictures: U8
    """[T, H, W, 3]"""
    holes: Bool
    """[T, H, W]"""
    flow_fwd: Float
    flow_bwd: Float

    @property
    def frames(self) -> int:
        return len(self.pictures)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.holes.shape[1:]
        return height, width

    def images(self, start: int, stop: int) -> U8:
        return self.pictures[start:stop].copy()

    def masks(self, start: int, stop: int) -> Bool:
        return self.holes[start:stop].copy()

    def flows(self, start: int, stop: int) -> tuple[Float, Float]:
        return self.flow_fwd[start:stop], self.flow_bwd[start:stop]
