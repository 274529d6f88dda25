"""The engine on the region around the holes, as a run works on it: the rest of the frames is not looked at."""

from typing import NamedTuple

import numpy as np

from reelmend.core_model.array_shot import ArrayShot
from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.flow.dis import DisFlow
from reelmend.core_model.propagation.engine import PropagationEngine

_MARGIN_PX = 128
_GRID_PX = 32


class Region(NamedTuple):
    """A rectangle of the frames, ends not included."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """What cuts it from [T, H, W] or [T, H, W, 3]."""
        return slice(None), slice(self.top, self.bottom), slice(self.left, self.right)


class RestoredRegion(NamedTuple):
    """Whole frames, and what the engine said of the region."""

    frames: U8
    """[T, H, W, 3]"""
    away: U8
    """[T, region's height, region's width], see `reelmend.core_model.engine.Restored`."""
    miss: U8
    """The same shape and source."""
    region: Region


def region_of(masks_THW: Bool) -> Region:
    """Return what encloses all holes of the clip, grown and snapped outward to a grid, within the frame."""

    def span(axes: tuple[int, int]) -> tuple[int, int]:
        masked: Bool = np.asarray(masks_THW.any(axes))
        places = np.flatnonzero(masked)
        first = (int(places[0]) - _MARGIN_PX) // _GRID_PX * _GRID_PX
        last = -(-(int(places[-1]) + 1 + _MARGIN_PX) // _GRID_PX) * _GRID_PX
        return max(0, first), min(len(masked), last)

    return Region(*span((0, 2)), *span((0, 1)))


def restore_region(frames_THWC: U8, masks_THW: Bool) -> RestoredRegion:
    """Fill the holes of a clip; every pixel that is not masked comes back as it was."""
    region = region_of(masks_THW)
    frames, masks = np.ascontiguousarray(frames_THWC[region.slices]), np.ascontiguousarray(masks_THW[region.slices])
    flow_fwd, flow_bwd = (flow.astype(np.float16) for flow in DisFlow().estimate(frames))
    restored = PropagationEngine().restore(ArrayShot(frames, masks, flow_fwd, flow_bwd), 0, len(frames))
    pasted = frames_THWC.copy()
    pasted[region.slices][masks] = restored.frames[masks]
    assert restored.miss is not None
    return RestoredRegion(pasted, restored.away, restored.miss, region)
