"""A frame against two others, brought to its place and light."""

from dataclasses import dataclass

import cv2
import numpy as np

from reelmend.core_model.flow.dis import DisFlow
from reelmend.pipelines.media.masks.sources.damage.frame import F32, Frame

_LIGHT_CELL, _LIGHT_CELLS = 16, 5
"""Pixels of a cell and cells of a median: light that changes over less is not followed, and blotches are smaller."""
_NOISE_LEAST = 0.7


@dataclass(frozen=True)
class Compared:
    """Luma of a frame and of two others as they would look in its place; all [h, w]."""

    luma: F32
    one: F32
    other: F32
    noise: float
    """Standard deviation of the luma between two frames, in levels, where nothing changes."""
    flow_x: F32
    """[h, w]: pixels to the right from this frame to the first of the others."""
    one_sided: bool
    """Whether both others are before this frame, or both after: what they uncovered differs from both."""


@dataclass(frozen=True)
class Toward:
    """Another frame, and the flow to it at the size of `Frame.small`."""

    goal: Frame
    flow: F32
    """[2, h', w']"""
    side: int
    """-1: an earlier frame, 1: a later one."""

    def full_flow(self, shape: tuple[int, ...]) -> F32:
        """Return the flow in pixels of a frame of (height, width): [2, h, w]."""
        rows, columns = self.flow.shape[1:]
        scaled = [
            cv2.resize(part, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR) * factor
            for part, factor in zip(self.flow, (shape[1] / columns, shape[0] / rows), strict=True)
        ]
        return np.asarray(np.stack(scaled), np.float32)


def against(frame: Frame, one: Toward, other: Toward) -> Compared:
    """Return a frame compared with two others; the first is the frame before, where there is one."""
    luma = frame.luma.astype(np.float32)
    flow = one.full_flow(luma.shape)
    first, second = _brought(luma, one, flow), _brought(luma, other, other.full_flow(luma.shape))
    noise = max(_NOISE_LEAST, 1.4826 * float(np.median(np.abs(luma - first)[::3, ::3])) / np.sqrt(2))
    return Compared(luma, first, second, noise, flow[0], one.side == other.side)


def between(earlier: Frame, later: Frame) -> tuple[Toward, Toward]:
    """Return what each of two frames needs to be compared with the other: of the earlier, and of the later."""
    forward, backward = DisFlow().estimate(np.stack([earlier.small, later.small]))
    return Toward(later, forward[0], 1), Toward(earlier, backward[0], -1)


def _brought(luma: F32, toward: Toward, flow: F32) -> F32:
    """Return the luma of another frame where this frame has it, in this frame's light."""
    height, width = luma.shape
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    brought = cv2.remap(
        toward.goal.luma, columns + flow[0], rows + flow[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    size = (max(1, width // _LIGHT_CELL), max(1, height // _LIGHT_CELL))
    cells = cv2.medianBlur(cv2.resize(luma - brought, size, interpolation=cv2.INTER_AREA), _LIGHT_CELLS)
    return np.asarray(brought + cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
