"""Clips of the benchmark: a camera pans over a texture, and something hides a part of it."""

import numpy as np

from benchmarks.compute_less.case import Clip
from reelmend.core_model.bench.clip import PAN_PX, made_disc, made_pan

Size = tuple[int, int]
"""(W, H)"""


def behind_box(frames: int, size: Size, box: tuple[int, int, int, int]) -> Clip:
    """Return a clip with a static hole; `box` is (left, top, width, height) in pixels."""
    left, top, width, height = box
    truth = made_pan(frames, size)
    masks = np.zeros(truth.shape[:3], np.bool_)
    masks[:, top : top + height, left : left + width] = True
    return Clip(truth, masks, PAN_PX)


def behind_disc(frames: int, size: Size) -> Clip:
    """Return the clip of `reelmend bench model`: its hole is a disc that moves."""
    return Clip(made_pan(frames, size), made_disc(frames, size), PAN_PX)
