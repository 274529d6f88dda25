"""The part of the picture that is looked at, and its size."""

from dataclasses import dataclass

import cv2
import numpy as np

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.base import Bool
from reelmend.pipelines.media.masks.sources.clip import U8, Size
from reelmend.pipelines.media.masks.sources.shrunk import shrunk

_LONGEST_SIDE = 1280
"""Pictures are shrunk to this; a bug of 24 px in 720p keeps its size, one of 4K has a third of it."""
_CONTEXT_PX = 48
"""Around a region, to see whether the picture moves; nothing is masked there."""
_LEAST_SIDE = 16
"""Smaller views have no surroundings to compare a logo with."""


@dataclass(frozen=True)
class View:
    full: Size
    """(width, height) of the pictures as shown."""
    size: Size
    """(width, height) that they are shrunk to."""
    box: Box
    """What is looked at of the shrunk picture."""

    @classmethod
    def of(cls, full: Size, region: Box | None) -> "View":
        size, box = shrunk(full, region, _LONGEST_SIDE, _CONTEXT_PX)
        return cls(full, size, box)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of what is looked at."""
        left, top, right, bottom = self.box
        return bottom - top, right - left

    @property
    def is_too_small(self) -> bool:
        return min(self.shape) < _LEAST_SIDE

    @property
    def at_border(self) -> tuple[bool, bool, bool, bool]:
        """Whether the (left, top, right, bottom) side of the view is the picture's border."""
        left, top, right, bottom = self.box
        return left == 0, top == 0, right == self.size[0], bottom == self.size[1]

    def grey(self, picture_HWC: U8) -> U8:
        """Return the luma [h, w] of what is looked at, of a picture of `size`."""
        left, top, right, bottom = self.box
        cut = np.ascontiguousarray(picture_HWC[top:bottom, left:right])
        return np.asarray(cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY), np.uint8)

    def to_full(self, masks: list[Bool]) -> Bool:
        """Return the union of masks [h, w] of the view as a mask [H, W] of the picture as shown."""
        left, top, right, bottom = self.box
        small = np.zeros((self.size[1], self.size[0]), np.uint8)
        for mask in masks:
            small[top:bottom, left:right] |= mask
        if self.size == self.full or not small.any():
            return (
                np.zeros((self.full[1], self.full[0]), np.bool_) if self.size != self.full else small.astype(np.bool_)
            )
        return np.asarray(cv2.resize(small * 255, self.full, interpolation=cv2.INTER_LINEAR) >= 96, np.bool_)
