"""Parts of procedural clips: a scene that stands, and things that pass before it."""

import numpy as np

from reelmend.core_model.engine import U8, Bool
from tests.core_model.hidden_clips import texture


def still(frames: int, height: int = 96, width: int = 144, seed: int = 0) -> U8:
    return np.repeat(texture(height, width, seed)[None], frames, 0)


def noisy(clip: np.ndarray, levels: float = 2) -> U8:
    """The clip with a sensor's noise, clipped and rounded."""
    noise = np.random.default_rng(9).normal(0, levels, clip.shape)
    return (clip + noise).clip(0, 255).round().astype(np.uint8)


def crossing(shape: tuple[int, ...], height: int, width: int, top: int, speed: int, start: int = 0) -> Bool:
    """[T, H, W]: where something of that size is that crosses from the left, whose left side is at `start` first."""
    masks = np.zeros(shape[:3], bool)
    for t, mask in enumerate(masks):
        left = start + speed * t
        mask[top : top + height, max(left, 0) : max(left + width, 0)] = True
    return masks


def with_object(clip: U8, masks: Bool, colour: tuple[int, int, int] | None = None) -> U8:
    """The clip with something of one colour, or else of a texture that moves with it, where the masks are."""
    shown = clip.copy()
    height, width = masks.shape[1:]
    pattern = 255 - texture(height, width, seed=7)
    for frame, mask in zip(shown, masks, strict=True):
        if not mask.any():
            continue
        moved = np.roll(pattern, int(np.flatnonzero(mask.any(0))[-1]), 1)  # its right side comes in first
        frame[mask] = moved[mask] if colour is None else colour
    return shown
