"""How does a block become whole without a network?

What a hole hides is usually shown by another frame: the flow is completed inside the holes, every missing pixel is
traced along it to the nearest frame before and after that shows it, and takes its colour there. What no frame shows
is painted once and carried along the same flow. This is done twice: the second time with flow that is measured on
what the first made.

Legend: T frames, H W height and width, h w size of the flow.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from core_model.blend import blend
from core_model.engine import U8, Bool, Float, Restored
from core_model.hole_flow import Direction, HoleFlow, MeasuredFlow
from core_model.remeasure import remeasure
from core_model.trails import trace
from core_model.unseen import carry_unseen

# Flow in pixels of its own size this close to a hole is not the scene's: DIS compares patches of 8 px at half size.
_SPOILED_BY_OBJECT_PX = 14
_SPOILED_BY_FILLING_PX = 4
_UNSEEN_SOURCES = 2  # frames whose unseen pixels are carried to the others; more do not show in any measure


def fill_clip(frames_THWC: U8, masks_THW: Bool, flow_fwd: Float, flow_bwd: Float) -> Restored:
    """Fill the masked pixels of frames u8 [T, H, W, 3] in place, or of a copy if they are read-only; return them.

    What the masked pixels hold before is never read. Flows are [T-1, 2, h, w] in pixels of their own size. A frame
    that is masked whole, in a block that is masked whole, becomes grey. Same result whatever the number of threads.
    Raises ValueError when shapes do not fit.
    """
    _check(frames_THWC, masks_THW, flow_fwd, flow_bwd)
    restored = frames_THWC if frames_THWC.flags.writeable else frames_THWC.copy()
    if not masks_THW.any():
        return Restored(restored, np.zeros(masks_THW.shape, np.uint8))
    with _one_torch_thread():
        measured = MeasuredFlow(flow_fwd, flow_bwd)
        _fill(restored, masks_THW, HoleFlow(masks_THW, measured, _SPOILED_BY_OBJECT_PX), sources=0)
        measured = remeasure(measured, restored, masks_THW)
        away = _fill(restored, masks_THW, HoleFlow(masks_THW, measured, _SPOILED_BY_FILLING_PX), _UNSEEN_SOURCES)
    return Restored(restored, away)


def _fill(restored: U8, masks: Bool, flow: HoleFlow, sources: int) -> U8:
    """Write the masked pixels of `restored`; return how many frames away each was seen, 0: nowhere."""
    directions: tuple[Direction, Direction] = (1, -1)
    sides = [trace(masks, flow, direction) for direction in directions]
    unseen = masks.copy()
    away = np.zeros(masks.shape, np.uint8)
    for t in np.flatnonzero(masks.any((1, 2))).tolist():
        trails = [side[t] for side in sides if t in side]
        restored[t][masks[t]], seen_N = blend(restored, masks, t, trails)
        away[t][masks[t]] = seen_N * _nearest([trail.age for trail in trails], len(seen_N))
        unseen[t][masks[t]] = ~seen_N
    carry_unseen(restored, unseen, flow, sources)
    return away


def _nearest(ages: list[NDArray[np.int16]], count: int) -> U8:
    """The smaller distance of each pixel's trails."""
    nearest = np.full(count, 255, np.uint8)
    for age in ages:
        nearest = np.minimum(nearest, np.where(age == 0, 255, np.abs(age).clip(max=255)).astype(np.uint8))
    return nearest


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Tensors here are small: threads cost more than they bring, and where cores are shared, many times as much."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _check(frames: U8, masks: Bool, flow_fwd: Float, flow_bwd: Float) -> None:
    pairs = len(frames) - 1
    fits = masks.shape == frames.shape[:3] and flow_fwd.shape == flow_bwd.shape and flow_fwd.shape[:2] == (pairs, 2)
    if frames.ndim != 4 or frames.shape[3] != 3 or not fits:
        raise ValueError(
            f"fill_clip: expected frames [T, H, W, 3], masks [T, H, W] and flows [T-1, 2, h, w], got "
            f"{[*frames.shape]}, {[*masks.shape]}, {[*flow_fwd.shape]} and {[*flow_bwd.shape]}"
        )
