"""Clips whose truth is known: a scene that moves in a known way, and a hole painted over it."""

from typing import NamedTuple

import cv2
import numpy as np

from reelmend.core_model.engine import U8, Bool, Float
from reelmend.core_model.flow.dis import DisFlow


class Hidden(NamedTuple):
    """Frames [T, H, W, 3] with a hole painted in, the hole [T, H, W], and flow as the cache holds it, float16."""

    truth: U8
    frames: U8
    masks: Bool
    flow_fwd: Float
    flow_bwd: Float


def texture(height: int, width: int, seed: int = 0) -> U8:
    """A smooth colour texture with detail of a few pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    contrasted: Float = (smooth - smooth.mean()) * 4 + 128
    return contrasted.clip(0, 255).astype(np.uint8)


def pan(frames: int = 20, height: int = 96, width: int = 128, speed: int = 3) -> U8:
    """A camera that moves right over a still texture by `speed` pixels a frame."""
    world = texture(height, width + speed * frames)
    return np.stack([world[:, speed * t : speed * t + width] for t in range(frames)])


def centre_box(frames: int, height: int, width: int, box_height: int = 24, box_width: int = 32) -> Bool:
    masks = np.zeros((frames, height, width), bool)
    top, left = (height - box_height) // 2, (width - box_width) // 2
    masks[:, top : top + box_height, left : left + box_width] = True
    return masks


def hide(truth: U8, masks: Bool, flow_scale: float = 1.0) -> Hidden:
    """Paint the hole grey and measure flow at `flow_scale` of the size."""
    frames = truth.copy()
    frames[masks] = 128
    small = np.stack([cv2.resize(f, None, fx=flow_scale, fy=flow_scale, interpolation=cv2.INTER_AREA) for f in frames])
    flow_fwd, flow_bwd = DisFlow().estimate(small)
    return Hidden(truth, frames, masks, flow_fwd.astype(np.float16), flow_bwd.astype(np.float16))
