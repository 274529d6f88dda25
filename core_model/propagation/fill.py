"""Restoration of a block of frames without a network.

What a hole hides is usually shown by another frame: every missing pixel is followed along the scene's motion to the
nearest frames before and after that show it, and takes its colour there. What no frame shows is invented once, from its
surroundings, and carried along the same motion.

Legend: T frames, H W height and width, h w size of the flow.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool, Float, Restored
from reelmend.core_model.propagation.block import Block
from reelmend.core_model.propagation.camera import register_still
from reelmend.core_model.propagation.hole_motion import BACKGROUND, FOREGROUND, HoleMotion, fit_hole_motion
from reelmend.core_model.propagation.passing_motion import register_passing
from reelmend.core_model.propagation.pixel_tracks import Asked, ask, find_other, follow, lead_rim
from reelmend.core_model.propagation.refine_flow import remeasure
from reelmend.core_model.propagation.still_scene import follow_still, look_behind
from reelmend.core_model.propagation.unseen_texture import ShotBegin, invent_moving, invent_still

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Flows = Callable[[], tuple[Float, Float]]

# Flow in pixels of its own size this close to a hole is not the scene's: DIS compares patches of 8 px at half size.
_SPOILED_BY_OBJECT_PX = 14
_SPOILED_BY_FILLING_PX = 4
_BY_PX = 40  # what passes within this of a hole may be behind it


def fill_clip(
    frames_THWC: U8,
    masks_THW: Bool,
    flows: Flows,
    shot_begin: ShotBegin | None = None,
    kept: slice = slice(None),
) -> Restored:
    """Fill the masked pixels of frames u8 [T, H, W, 3] in place, or of a copy if they are read-only; return them.

    `shot_begin` returns the first frame of the shot that the frames belong to, and its mask. What no frame shows is
    invented there, as long as the camera has not moved since, so that it is the same in every block. Of the frames that
    are not `kept`, which others are filled from, holes may stay as they are.

    What the masked pixels hold before is never read. `flows` returns flow to the next frame and back, [T-1, 2, h, w] in
    pixels of its own size; it is not used where the camera stands still, whose pictures tell more. A frame
    that is masked whole, in a block that is masked whole, becomes grey. Same result whatever the number of threads.
    Raises ValueError when shapes do not fit.
    """
    if frames_THWC.ndim != 4 or frames_THWC.shape[3] != 3 or masks_THW.shape != frames_THWC.shape[:3]:
        raise ValueError(
            "fill_clip: expected frames [T, H, W, 3] and masks [T, H, W], got "
            f"{[*frames_THWC.shape]} and {[*masks_THW.shape]}"
        )
    restored = frames_THWC if frames_THWC.flags.writeable else frames_THWC.copy()
    if not masks_THW.any():
        return Restored(restored, *np.zeros((2, *masks_THW.shape), np.uint8))
    asked = ask(masks_THW)
    places = register_still(restored, masks_THW)
    if places is not None:
        return _fill_still(restored, masks_THW, asked, places, shot_begin, kept)
    flow_fwd, flow_bwd = (np.asarray(flow, np.float32) for flow in flows())
    pairs = len(restored) - 1
    if flow_fwd.shape != flow_bwd.shape or flow_fwd.ndim != 4 or flow_fwd.shape[:2] != (pairs, 2):
        raise ValueError(
            f"fill_clip: expected flows [{pairs}, 2, h, w], got {[*flow_fwd.shape]} and {[*flow_bwd.shape]}"
        )
    motion = fit_hole_motion(masks_THW, flow_fwd, flow_bwd, _SPOILED_BY_OBJECT_PX)
    first = _moving_block(restored, masks_THW, asked, motion, flow_fwd, flow_bwd)
    first.compose_all()
    flow_fwd, flow_bwd = remeasure(flow_fwd, flow_bwd, restored, masks_THW)
    motion = fit_hole_motion(masks_THW, flow_fwd, flow_bwd, _SPOILED_BY_FILLING_PX)
    block = _moving_block(restored, masks_THW, asked, motion, flow_fwd, flow_bwd)
    block.invent(invent_moving(restored, masks_THW, asked, block.unseen, motion, block.compose))
    block.compose_all(kept)
    return Restored(restored, block.away(), block.miss())


def _fill_still(
    restored: U8, masks: Bool, asked: Asked, places: F64, shot_begin: ShotBegin | None, kept: slice
) -> Restored:
    scene = look_behind(restored, masks, places)
    tracks = [follow_still(scene, asked, direction) for direction in (1, -1)]
    shown = ~(masks | scene.passing)
    for track in tracks:
        lead_rim(track, asked, masks, shown)
    layers = [BACKGROUND, BACKGROUND]
    passes_T = _passes_by(scene.passing, masks)
    if passes_T.any():
        motion = register_passing(restored, masks, scene.passing)
        other = (~scene.passing).view(np.uint8)
        for layer in (1 + np.flatnonzero(motion.valid[..., 1:].any((0, 1)))).tolist():
            tracks += [follow(masks, asked, motion, other, layer, direction) for direction in (1, -1)]
            layers += [layer, layer]
    block = Block(restored, masks, asked, tracks, layers)
    block.invent(invent_still(restored, masks, asked, block.unseen, scene, block.compose, shot_begin))
    block.compose_all(kept)
    return Restored(restored, block.away(), block.miss())


def _passes_by(passing: Bool, masks: Bool) -> Bool:
    """[T]: whether something passes by the block's holes, close enough to be behind them."""
    hull = np.asarray(masks.any(0))
    rows, columns = np.flatnonzero(hull.any(1)), np.flatnonzero(hull.any(0))
    near = slice(max(0, rows[0] - _BY_PX), rows[-1] + _BY_PX), slice(max(0, columns[0] - _BY_PX), columns[-1] + _BY_PX)
    passes: Bool = np.asarray(passing[:, *near].any((1, 2)))
    return passes


def _moving_block(restored: U8, masks: Bool, asked: Asked, motion: HoleMotion, flow_fwd: F32, flow_bwd: F32) -> Block:
    tracks, layers = [], []
    for layer in (BACKGROUND, FOREGROUND):
        if layer == BACKGROUND or motion.valid[..., layer].any():
            other = find_other(masks, motion, flow_fwd, flow_bwd, layer)
            tracks += [follow(masks, asked, motion, other, layer, direction) for direction in (1, -1)]
            layers += [layer, layer]
    for track in tracks[:2]:  # the background's; what moves in front need not be beside its rim in another frame
        lead_rim(track, asked, masks)
    return Block(restored, masks, asked, tracks, layers)
