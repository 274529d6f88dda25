"""Measurements of each pixel around a line: its surroundings, its background, its changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

NOTICED = 10.0
"""Difference in grey levels from which a pixel is not what it was: twice what coding leaves."""
SAME_COLOUR = 45.0
"""Largest difference in a channel between pixels of one colour: coding blurs thin strokes."""
BUSY = 20.0
"""Change over time, in grey levels, from which a background is taken to move."""
OFTEN = 95
"""Percentile of the changes of a pixel that is its change over time."""


@dataclass(frozen=True)
class View:
    """What is known of each pixel around a line."""

    median: F32
    around: F32
    """Mean of the surroundings of each pixel [h, w, 3]."""
    contrast: F32
    """Largest difference of a channel to its surroundings [h, w]."""
    behind: F32 | None
    """Largest difference of a channel to the pictures without the line [h, w], on a still camera."""
    change: F32 | None
    """Change over time [h, w]."""
    change_around: F32
    """The same of the neighbourhood; 0 where it is not known."""
    box: Box
    """The line, in pixels of the crop."""
    others: Bool
    """Where other lines are [h, w]."""
    high: int
    """About how high letters are."""

    @property
    def stays(self) -> Bool:
        """Whether a pixel changes much less than what surrounds it, where that moves."""
        if self.change is None:
            return np.zeros(self.contrast.shape, np.bool_)
        return (self.change_around > BUSY) & (self.change < 0.45 * self.change_around)

    @property
    def varies(self) -> Bool:
        """Whether a pixel changes as its surroundings do, which move."""
        if self.change is None:
            return np.zeros(self.contrast.shape, np.bool_)
        return (self.change_around > BUSY) & (self.change > 0.7 * self.change_around)


def view_of(present: U8, absent: U8, box: Box, others: Sequence[Box]) -> View:
    """Look at pictures u8 [n, h, w, 3] that show a line at `box` and u8 [m, h, w, 3] that do not."""
    median = np.median(present, axis=0).astype(np.float32)
    high = max(4, round(0.8 * (box[3] - box[1])))
    around = blurred(median, 2 * high)
    contrast = np.abs(median - around).max(axis=2)
    elsewhere = np.zeros(contrast.shape, np.bool_)
    for left, top, right, bottom in others:
        elsewhere[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    elsewhere[box[1] : box[3], box[0] : box[2]] = False
    outside = ~elsewhere
    grow = high // 3
    outside[max(0, box[1] - grow) : box[3] + grow, max(0, box[0] - grow) : box[2] + grow] = False
    behind = _difference(median, absent, outside)
    change, change_around = None, np.zeros(contrast.shape, np.float32)
    if len(present) >= 4:
        # What passes behind a line covers most pixels at least once or twice.
        away = np.abs(present - median).max(axis=3)
        change = np.asarray(np.percentile(away, OFTEN, axis=0), np.float32)
        change_around = blurred(np.maximum(change, blurred(change, high)), 2 * high)
    return View(median, around, contrast, behind, change, change_around, box, elsewhere, high)


def _difference(median: F32, absent: U8, outside: Bool) -> F32 | None:
    """Return the largest difference of a channel to the pictures without the line [h, w]; None if the camera moves.

    Only those pictures count that agree with the line's around it: before or after, the light may have been another.
    """
    if not outside.any():
        return None
    away = [np.abs(median - picture).max(axis=2)[outside] for picture in absent]
    alike = [one for one, apart in zip(absent, away, strict=True) if float(np.percentile(apart, 75)) < NOTICED]
    if not alike:
        return None
    return np.asarray(np.abs(median - np.median(alike, axis=0)).max(axis=2), np.float32)


def blurred(image: F32, side: int) -> F32:
    """Return the means over squares of about `side` pixels."""
    return np.asarray(cv2.blur(image, (side | 1, side | 1)), np.float32)
