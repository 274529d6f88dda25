"""The benchmark's clip: a camera pans over a texture, and a moving disc hides a part of it.

Legend: T frames, H W height and width.
"""

import cv2
import numpy as np

from reelmend.core_model.engine import U8, Bool

PAN_PX = 3
"""Pixels a frame, to the right."""
_DISC_PX = 5


def made_clip(frames: int, size: tuple[int, int]) -> tuple[U8, Bool]:
    """Return frames u8 [T, H, W, 3] and masks [T, H, W] of a `size` (W, H); the same ones whenever it is called."""
    clip, masks = made_pan(frames, size), made_disc(frames, size)
    clip[masks] = 128
    return clip, masks


def made_pan(frames: int, size: tuple[int, int]) -> U8:
    """Return the frames as they are behind the disc."""
    width, height = size
    noise = np.random.default_rng(0).integers(0, 256, (height, width + PAN_PX * frames, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    world = ((smooth - smooth.mean()) * 4 + 128).clip(0, 255).astype(np.uint8)
    return np.stack([world[:, PAN_PX * t : PAN_PX * t + width] for t in range(frames)])


def made_disc(frames: int, size: tuple[int, int]) -> Bool:
    """Return the masks."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    radius, left = height / 6, width / 4
    return np.stack(
        [(columns - left - _DISC_PX * t) ** 2 + (rows - height / 2) ** 2 < radius**2 for t in range(frames)]
    )
