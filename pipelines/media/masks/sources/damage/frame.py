"""Frames as they are compared, and what is seen in them."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.base import Bool
from reelmend.pipelines.media.masks.sources.clip import U8, Size
from reelmend.pipelines.media.masks.sources.shrunk import shrunk
from reelmend.pipelines.media.sizes import fit

F32 = NDArray[np.float32]
_LONGEST_SIDE = 1920
"""Pictures are shrunk to this; a speck of 4K has at least half its size."""
_FLOW_SIDE = 480
"""Longest side at which flow is measured."""
_CONTEXT_PX = 32
"""Around a region, for flow and surroundings; nothing is masked there."""


@dataclass(frozen=True)
class View:
    """The part of the picture that is looked at, and its size."""

    full: Size
    size: Size
    """(width, height) that pictures are shrunk to."""
    box: Box
    """What is looked at of the shrunk picture."""
    region: Box | None

    @classmethod
    def of(cls, full: Size, region: Box | None) -> "View":
        size, box = shrunk(full, region, _LONGEST_SIDE, _CONTEXT_PX)
        return cls(full, size, box, region)

    @property
    def is_empty(self) -> bool:
        return self.box[0] >= self.box[2] or self.box[1] >= self.box[3]

    def to_full(self, mask: Bool) -> Bool:
        """Return a mask [h, w] of what is looked at as a mask [H, W] of the picture as shown."""
        left, top, right, bottom = self.box
        small = np.zeros((self.size[1], self.size[0]), np.uint8)
        small[top:bottom, left:right] = mask
        if self.size != self.full:
            small = np.asarray(cv2.resize(small, self.full, interpolation=cv2.INTER_NEAREST), np.uint8)
        whole = small.astype(np.bool_)
        if self.region is None:
            return whole
        left, top, right, bottom = self.region
        inside = np.zeros_like(whole)
        inside[top:bottom, left:right] = whole[top:bottom, left:right]
        return inside


@dataclass(frozen=True)
class Frame:
    luma: U8
    """[h, w]"""
    small: U8
    """[h', w', 3]: for flow, without small specks."""

    @classmethod
    def of(cls, picture_HWC: U8, view: View) -> "Frame":
        left, top, right, bottom = view.box
        cut = np.ascontiguousarray(picture_HWC[top:bottom, left:right])
        size = fit((right - left, bottom - top), _FLOW_SIDE)
        small = cv2.medianBlur(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), 3)
        return cls(np.asarray(cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY), np.uint8), np.asarray(small, np.uint8))


@dataclass(frozen=True)
class Mark:
    """A group of pixels that may be damage. `mask` [h, w] covers `box`."""

    box: Box
    mask: Bool
    bright: bool
    """Whether it is brighter than what is around."""
    level: float
    """Grey levels by which it departs."""
    drift: float = 0.0
    """Of a line: pixels that the scene next to it has moved to the right since the frame before."""
    x: float = 0.0
    """Of a line: its column half way down the picture."""

    @property
    def where(self) -> tuple[slice, slice]:
        return slice(self.box[1], self.box[3]), slice(self.box[0], self.box[2])

    @property
    def centre(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def area(self) -> int:
        return int(self.mask.sum())


@dataclass(frozen=True)
class Observed:
    """What is seen in one frame."""

    specks: list[Mark]
    lines: list[Mark]
    shape: tuple[int, ...]
