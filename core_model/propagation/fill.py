"""Restoration of a block of frames without a network.

What a hole hides is usually shown by another frame: every missing pixel is followed along the scene's motion to the
nearest frames before and after that show it, and takes its colour there. What no frame shows is invented once, from its
surroundings, and carried along the same motion.

Legend: T frames, H W height and width, h w size of the flow.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core_model.engine import U8, Bool, Float, Restored
from core_model.propagation.camera import register_still
from core_model.propagation.gradient_blend import blend
from core_model.propagation.hole_motion import BACKGROUND, FOREGROUND, fit_hole_motion, shrink
from core_model.propagation.pixel_tracks import Asked, Tracks, ask, find_other, follow
from core_model.propagation.selection import look_up, match_light, spread_misses, weigh
from core_model.propagation.refine_flow import remeasure
from core_model.propagation.still_scene import StillScene, follow_still, look_behind

F32 = NDArray[np.float32]

# Flow in pixels of its own size this close to a hole is not the scene's: DIS compares patches of 8 px at half size.
_SPOILED_BY_OBJECT_PX = 14
_SPOILED_BY_FILLING_PX = 4


class Candidates(NamedTuple):
    """What the asked pixels of a block may take: one direction of time on one layer each."""

    tracks: tuple[Tracks, ...]
    layers: NDArray[np.int64]


def fill_clip(frames_THWC: U8, masks_THW: Bool, flow_fwd: Float, flow_bwd: Float) -> Restored:
    """Fill the masked pixels of frames u8 [T, H, W, 3] in place, or of a copy if they are read-only; return them.

    What the masked pixels hold before is never read. Flows are [T-1, 2, h, w] in pixels of their own size. A frame
    that is masked whole, in a block that is masked whole, becomes grey. Same result whatever the number of threads.
    Raises ValueError when shapes do not fit.
    """
    _check(frames_THWC, masks_THW, flow_fwd, flow_bwd)
    restored = frames_THWC if frames_THWC.flags.writeable else frames_THWC.copy()
    away = np.zeros(masks_THW.shape, np.uint8)
    if not masks_THW.any():
        return Restored(restored, away)
    asked = ask(masks_THW)
    flow_fwd, flow_bwd = (np.asarray(flow, np.float32) for flow in (flow_fwd, flow_bwd))
    places = register_still(restored, masks_THW)
    scene = None if places is None else look_behind(restored, masks_THW, places)
    candidates = _candidates(masks_THW, asked, flow_fwd, flow_bwd, _SPOILED_BY_OBJECT_PX, scene)
    _fill(restored, masks_THW, asked, candidates, away)
    if scene is None:
        fresh = remeasure(flow_fwd, flow_bwd, restored, masks_THW)
        candidates = _candidates(masks_THW, asked, *fresh, _SPOILED_BY_FILLING_PX, scene)
        _fill(restored, masks_THW, asked, candidates, away)
    return Restored(restored, away)


def _candidates(
    masks: Bool, asked: Asked, flow_fwd: F32, flow_bwd: F32, spoiled_px: int, scene: StillScene | None
) -> Candidates:
    tracks, layers = [], []
    if scene is not None:
        tracks += [follow_still(scene, asked, direction) for direction in (1, -1)]
        layers += [BACKGROUND] * 2
    if scene is None or scene.passing.any():
        motion = fit_hole_motion(masks, flow_fwd, flow_bwd, spoiled_px, None if scene is None else scene.passing)
        for layer in (BACKGROUND, FOREGROUND):
            if (layer == BACKGROUND and scene is not None) or not motion.valid[..., layer].any():
                continue
            if scene is None:
                other = find_other(masks, motion, flow_fwd, flow_bwd, layer)
            else:
                other = 1 - shrink(scene.passing, flow_fwd.shape[2:])
            tracks += [follow(masks, asked, motion, other, layer, direction) for direction in (1, -1)]
            layers += [layer] * 2
    return Candidates(tuple(tracks), np.array(layers, np.int64))


def _fill(restored: U8, masks: Bool, asked: Asked, candidates: Candidates, away: U8) -> None:
    for t in np.flatnonzero(np.diff(asked.first)).tolist():
        part = slice(int(asked.first[t]), int(asked.first[t + 1]))
        rows, columns, missing = asked.rows[part], asked.columns[part], asked.missing[part]
        ways = [np.stack([getattr(track, name)[part] for track in candidates.tracks]) for name in ("away", "x", "y")]
        count = ways[0].shape
        colours, found = np.zeros((*count, 3), np.float32), np.zeros(count, np.bool_)
        gains = np.ones(count[0], np.float32)
        look_up(restored, masks, t, *ways, colours, found)
        match_light(restored[t], rows, columns, missing, colours, found, gains)
        misses, contrast = np.zeros(count, np.float32), np.zeros(count[1], np.float32)
        spread_misses(restored[t], rows, columns, missing, colours, found, misses, contrast)
        weights = np.zeros(count, np.uint8)
        weigh(missing, ways[0], colours, found, misses, contrast, candidates.layers, weights)
        restored[t][masks[t]] = blend(restored, masks, t, rows, columns, missing, *ways, colours, gains, weights)
        nearest = np.where(weights > 0, np.abs(ways[0]), 32767).min(0)
        away[t][masks[t]] = np.where(nearest == 32767, 0, nearest.clip(max=255))[missing]


def _check(frames: U8, masks: Bool, flow_fwd: Float, flow_bwd: Float) -> None:
    pairs = len(frames) - 1
    fits = masks.shape == frames.shape[:3] and flow_fwd.shape == flow_bwd.shape and flow_fwd.shape[:2] == (pairs, 2)
    if frames.ndim != 4 or frames.shape[3] != 3 or not fits:
        raise ValueError(
            f"fill_clip: expected frames [T, H, W, 3], masks [T, H, W] and flows [T-1, 2, h, w], got "
            f"{[*frames.shape]}, {[*masks.shape]}, {[*flow_fwd.shape]} and {[*flow_bwd.shape]}"
        )
