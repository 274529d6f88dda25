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
    flow: F32
    """[2, h, w]: pixels from this frame to the first of the others."""


def against(frame: Frame, one: Frame, other: Frame) -> Compared:
    luma = frame.luma.astype(np.float32)
    flow = _flow(frame, one)
    first, second = (_brought(luma, goal.luma, way) for goal, way in ((one, flow), (other, _flow(frame, other))))
    away = np.abs(luma - first)
    noise = max(_NOISE_LEAST, 1.4826 * float(np.median(away)) / np.sqrt(2))
    return Compared(luma, first, second, noise, flow)


def _flow(frame: Frame, goal: Frame) -> F32:
    """Return the flow [2, h, w] from a frame to another, in its pixels."""
    height, width = frame.luma.shape
    forward, _ = DisFlow().estimate(np.stack([frame.small, goal.small]))
    rows, columns = forward.shape[2:]
    scaled = [
        cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) * factor
        for part, factor in zip(forward[0], (width / columns, height / rows), strict=True)
    ]
    return np.asarray(np.stack(scaled), np.float32)


def _brought(luma: F32, goal: np.ndarray, flow: F32) -> F32:
    """Return the luma of another frame where this frame has it, in this frame's light."""
    height, width = luma.shape
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    brought = cv2.remap(
        goal, columns + flow[0], rows + flow[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    size = (max(1, width // _LIGHT_CELL), max(1, height // _LIGHT_CELL))
    cells = cv2.medianBlur(cv2.resize(luma - brought, size, interpolation=cv2.INTER_AREA), _LIGHT_CELLS)
    return np.asarray(brought + cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
