"""How does a block become whole without a network?

What a hole hides is usually shown by another frame: the flow is completed inside the holes, every missing pixel is
traced along it to the nearest frame before and after that shows it, and takes its colour there. What no frame shows
is painted once and carried along the same flow, so that it does not flicker.

Legend: T frames, H W height and width, N the masked pixels of one frame in row-major order.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from core_model.engine import U8, Bool, Float
from core_model.hole_flow import Direction, HoleFlow
from core_model.render import sample
from core_model.trails import Trail, trace

_SEEDS = 8
_PAINT_RADIUS_PX = 4


class PropagationEngine:
    """Restores a block by flow-guided propagation; see `core_model.engine.Engine`."""

    name = "propagation"
    halo = 10
    digest = f"propagation-1-opencv{cv2.__version__}"

    def restore(self, frames_THWC: U8, masks_THW: Bool, flow_fwd: Float, flow_bwd: Float) -> U8:
        """Return the frames u8 [T, H, W, 3] with masked pixels filled and all others unchanged."""
        _check(frames_THWC, masks_THW, flow_fwd, flow_bwd)
        restored = frames_THWC.copy()
        if not masks_THW.any():
            return restored
        flow = HoleFlow(masks_THW, flow_fwd, flow_bwd)
        unseen_THW = masks_THW.copy()
        later = dict(_seen(frames_THWC, masks_THW, flow, 1))
        earlier = dict(_seen(frames_THWC, masks_THW, flow, -1))
        nothing = np.zeros(0, np.int16), np.zeros((0, 3), np.uint8)
        for t in np.flatnonzero(masks_THW.any((1, 2))):
            mask = masks_THW[t]
            found = [side.get(int(t), nothing) for side in (later, earlier)]
            found = [f if len(f[0]) else (np.zeros(mask.sum(), np.int16), np.zeros((mask.sum(), 3), np.uint8)) for f in found]
            weights = [np.where(age > 0, 1 / np.maximum(age, 1).astype(np.float32) ** 2, 0) for age, _ in found]
            total = weights[0] + weights[1]
            colour = sum(w[:, None] * c for w, (_, c) in zip(weights, found, strict=True)) / np.maximum(total, 1e-12)[:, None]
            seen = total > 0
            rows, columns = np.nonzero(mask)
            restored[t, rows[seen], columns[seen]] = (colour[seen] + 0.5).astype(np.uint8)
            unseen_THW[t, rows[seen], columns[seen]] = False
        _fill_unseen(restored, unseen_THW, flow)
        return restored


def _seen(frames: U8, masks: Bool, flow: HoleFlow, direction: Direction) -> Iterator[tuple[int, tuple[NDArray[np.int16], U8]]]:
    for t, trail in trace(masks, flow, direction):
        yield t, (trail.age_N, _colours(frames, masks, masks[t], t, direction, trail))


def _colours(frames: U8, missing: Bool | None, mask: Bool, t: int, direction: Direction, trail: Trail) -> U8:
    rows, columns = np.nonzero(mask)
    frame = t + direction * trail.age_N.astype(np.int64)
    colour = sample(frames, missing, frame, columns + trail.shift_2N[0], rows + trail.shift_2N[1])
    return (colour + 0.5).astype(np.uint8)


def _fill_unseen(restored: U8, unseen: Bool, flow: HoleFlow) -> None:
    for _ in range(_SEEDS):
        counts = unseen.sum((1, 2))
        if not counts.any():
            return
        seed = int(np.argmax(counts))
        restored[seed] = cv2.inpaint(restored[seed], unseen[seed].astype(np.uint8), _PAINT_RADIUS_PX, cv2.INPAINT_TELEA)
        unseen[seed] = False
        directions: tuple[Direction, Direction] = (1, -1)
        for direction in directions:
            for t, trail in list(trace(unseen, flow, direction, seed)):
                got = trail.age_N > 0
                rows, columns = np.nonzero(unseen[t])
                colour = _colours(restored, None, unseen[t], t, direction, trail)
                restored[t, rows[got], columns[got]] = colour[got]
                unseen[t, rows[got], columns[got]] = False
    for t in np.flatnonzero(unseen.any((1, 2))):
        restored[t] = cv2.inpaint(restored[t], unseen[t].astype(np.uint8), _PAINT_RADIUS_PX, cv2.INPAINT_TELEA)


def _check(frames: U8, masks: Bool, flow_fwd: Float, flow_bwd: Float) -> None:
    pairs = len(frames) - 1
    fits = masks.shape == frames.shape[:3] and flow_fwd.shape == flow_bwd.shape and flow_fwd.shape[:2] == (pairs, 2)
    if frames.ndim != 4 or frames.shape[3] != 3 or not fits:
        raise ValueError(
            f"restore: expected frames [T, H, W, 3], masks [T, H, W] and flows [T-1, 2, h, w], got {[*frames.shape]}, "
            f"{[*masks.shape]}, {[*flow_fwd.shape]} and {[*flow_bwd.shape]}"
        )
