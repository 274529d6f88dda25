"""The benchmark's clip: a camera pans over a texture, and a moving disc hides a part of it.

Legend: T frames, H W height and width.
"""

import cv2
import numpy as np

from reelmend.core_model.engine import U8, Bool

_PAN_PX = 3  # a frame, to the right
_DISC_PX = 5


def made_clip(frames: int, size: tuple[int, int]) -> tuple[U8, Bool]:
    """Return frames u8 [T, H, W, 3] and masks [T, H, W] of a `size` (W, H); the same ones whenever it is called."""
    width, height = size
    noise = np.random.default_rng(0).integers(0, 256, (height, width + _PAN_PX * frames, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    world = ((smooth - smooth.mean()) * 4 + 128).clip(0, 255).astype(np.uint8)
    clip = np.stack([world[:, _PAN_PX * t : _PAN_PX * t + width] for t in range(frames)])
    rows, columns = np.mgrid[:height, :width]
    radius, left = height / 6, width / 4
    discs = [(columns - left - _DISC_PX * t) ** 2 + (rows - height / 2) ** 2 < radius**2 for t in range(frames)]
    masks = np.stack(discs)
    clip[masks] = 128
    return clip, masks
