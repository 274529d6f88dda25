"""Quality of restored holes, measured without the truth.

Four quantities that a run knows of every hole: how much of it other frames showed and from how far away, how well it
continues its own rim, and how much it changes from frame to frame compared with its surroundings.

Legend: T frames, H W height and width of the frames or of the region around the holes.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from reelmend.core_model.engine import U8, Bool

_RING_PX = 8
_FLICKER_FLOOR = 1.0  # grey levels; less change than this is sensor noise and coding
_RIM_SCALE = 8.0  # grey levels of rim mismatch that halve the score
_AWAY_SCALE = 40.0  # frames; how far away content can be seen until it counts half
_INVENTED_WORTH = 0.8  # of an invented pixel, against one seen in the next frame: the rim says whether it fits


class FrameQuality(NamedTuple):
    """What is known of one frame's holes."""

    hole_px: int
    """Masked pixels; 0: the other fields are 0 too."""
    seen_px: int
    """Of those, the ones that another frame shows."""
    away_sum: int
    """Sum over the seen pixels of the distance in frames to the frame that shows them."""
    rim_mismatch: float
    """Grey levels: mean absolute difference across the hole's rim, less that between pixels just outside of it; or, if
    that is more, by how much what fills the hole misses the rim (`reelmend.core_model.engine.Restored.miss`)."""
    flicker: float
    """Mean absolute change since the frame before inside the hole over that around it; 0 for the first frame."""


NO_HOLE = FrameQuality(0, 0, 0, 0.0, 0.0)


class HoleQuality(NamedTuple):
    """The same over many frames, weighted by the size of their holes."""

    seen_share: float
    """Share of masked pixels that another frame shows, 0..1."""
    invented_share: float
    """1 - `seen_share`."""
    seen_away: float
    """Mean distance in frames of what was seen; 0 where nothing was."""
    rim_mismatch: float
    """Grey levels."""
    flicker: float
    """Ratio to the surroundings."""
    score: float
    """0..1, higher is surer; orders restored holes by how likely a person should look at them (lowest first)."""


def measure_quality(frames_THWC: U8, masks_THW: Bool, away_THW: U8, miss_THW: U8 | None = None) -> list[FrameQuality]:
    """Return one FrameQuality per frame; `away` and `miss` are those of `reelmend.core_model.engine.Restored`."""
    rows = []
    for t in range(len(frames_THWC)):
        if not masks_THW[t].any():
            rows.append(NO_HOLE)
            continue
        before = max(t - 1, 0)
        near = _surroundings(masks_THW[before] | masks_THW[t])
        mask, mask_before, frame = masks_THW[t][near], masks_THW[before][near], frames_THWC[t][near]
        away = away_THW[t][near][mask]
        flicker = 0.0
        if t > 0 and mask_before.any():
            flicker = _flicker(frames_THWC[before][near], frame, mask_before, mask)
        rim = _rim_mismatch(frame, mask)
        if miss_THW is not None:
            rim = max(rim, float(miss_THW[t][near][mask].mean()) / 4)
        rows.append(FrameQuality(int(mask.sum()), int((away > 0).sum()), int(away.sum(dtype=np.int64)), rim, flicker))
    return rows


def merge(parts: Iterable[FrameQuality]) -> FrameQuality:
    """Return the quality of one frame from that of its regions, which share no pixel; means weigh by hole size."""
    rows = [part for part in parts if part.hole_px]
    hole_px = sum(row.hole_px for row in rows)
    if not hole_px:
        return NO_HOLE
    return FrameQuality(
        hole_px,
        sum(row.seen_px for row in rows),
        sum(row.away_sum for row in rows),
        math.fsum(row.rim_mismatch * row.hole_px for row in rows) / hole_px,
        math.fsum(row.flicker * row.hole_px for row in rows) / hole_px,
    )


def summarize_quality(frames: Iterable[FrameQuality]) -> HoleQuality:
    """Return the quality of an item from that of its frames; frames without a hole do not count."""
    rows: Sequence[FrameQuality] = [row for row in frames if row.hole_px]
    hole_px = sum(row.hole_px for row in rows)
    if not hole_px:
        return HoleQuality(1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    seen_px = sum(row.seen_px for row in rows)
    seen_share = seen_px / hole_px
    away = sum(row.away_sum for row in rows) / seen_px if seen_px else 0.0
    rim = math.fsum(row.rim_mismatch * row.hole_px for row in rows) / hole_px
    flicker = math.fsum(row.flicker * row.hole_px for row in rows) / hole_px
    return HoleQuality(seen_share, 1 - seen_share, away, rim, flicker, _score(seen_share, away, rim, flicker))


def _score(seen_share: float, away: float, rim: float, flicker: float) -> float:
    known = seen_share / (1 + away / _AWAY_SCALE) + (1 - seen_share) * _INVENTED_WORTH
    return known / (1 + rim / _RIM_SCALE) / math.sqrt(max(1.0, flicker))


def _rim_mismatch(frame_HWC: U8, mask_HW: Bool) -> float:
    frame = frame_HWC.astype(np.int16)
    across, outside = 0.0, 0.0
    across_count = outside_count = 0
    for axis in (0, 1):
        step = np.abs(np.diff(frame, axis=axis)).mean(2)
        first, second = (mask_HW[:-1], mask_HW[1:]) if axis == 0 else (mask_HW[:, :-1], mask_HW[:, 1:])
        seam = first != second
        near = _near(mask_HW)
        near = near[:-1] & near[1:] if axis == 0 else near[:, :-1] & near[:, 1:]
        across += float(step[seam].sum())
        across_count += int(seam.sum())
        outside += float(step[near].sum())
        outside_count += int(near.sum())
    if not across_count:
        return 0.0  # masked whole: there is nothing to continue
    return max(0.0, across / across_count - (outside / outside_count if outside_count else 0.0))


def _flicker(before_HWC: U8, after_HWC: U8, mask_before: Bool, mask_after: Bool) -> float:
    change = np.abs(after_HWC.astype(np.int16) - before_HWC).mean(2)
    inside = mask_before & mask_after
    around = _near(mask_before | mask_after)
    if not inside.any() or not around.any():
        return 0.0
    return max(float(change[inside].mean()), _FLICKER_FLOOR) / max(float(change[around].mean()), _FLICKER_FLOOR)


def _surroundings(mask_HW: Bool) -> tuple[slice, slice]:
    """Rows and columns of the masked pixels and of all that is compared with them; the rest need not be looked at."""
    rows, columns = (np.flatnonzero(mask_HW.any(axis)) for axis in (1, 0))
    margin = _RING_PX + 1
    top, left = (max(0, int(found[0]) - margin) for found in (rows, columns))
    return slice(top, int(rows[-1]) + 1 + margin), slice(left, int(columns[-1]) + 1 + margin)


def _near(mask_HW: Bool) -> Bool:
    """Unmasked pixels close to a masked one."""
    square = np.ones((2 * _RING_PX + 1, 2 * _RING_PX + 1), np.uint8)
    near: Bool = (cv2.dilate(mask_HW.astype(np.uint8), square) > 0) & ~mask_HW
    return near
