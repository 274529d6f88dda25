"""Letters that change while their line is shown, as the digits of a clock: where they are, and what they are then."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.sources.text.view import SAME_COLOUR, View

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

NEW_INK = 0.015
"""Share of a stretch of a line from which ink where there usually is none means that its letters change."""
LEAST_INK = 0.015
"""Share of a stretch of a line that letters take at least."""


@dataclass(frozen=True)
class Changing:
    """A part of a line whose letters have to be found in each frame."""

    where: Bool
    """[h, w]"""
    colour: F32
    tolerance: float
    """Largest difference in a channel to this colour."""
    width: int
    """How far outline and soft edges reach beyond this colour, in pixels."""
    high: int

    def letters(self, picture: U8) -> Bool:
        """Return the letters of this part in a picture u8 [h, w, 3] of the line: bool [h, w]."""
        ink = (np.abs(picture - self.colour).max(axis=2) < self.tolerance) & self.where
        if float(ink[self.where].mean()) < LEAST_INK:
            return self.where
        stroke = max(3, self.high // 5) | 1  # where the colour is the outline's, what it surrounds is the fill
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (stroke, stroke))
        filled = cv2.morphologyEx(grown(ink, self.width).astype(np.uint8), cv2.MORPH_CLOSE, disc)
        return filled.astype(np.bool_) & grown(self.where, self.width)


def changing_in(view: View, present: U8, colour: F32, ink: Bool, mask: Bool) -> Changing | None:
    """Return the stretches of a line that hold ink elsewhere in some pictures than in others."""
    if len(present) < 4 or not ink.any():
        return None
    left, top, right, bottom = view.box
    apart = np.abs(view.around[top:bottom, left:right] - colour).max(axis=2)
    tolerance = min(SAME_COLOUR, 0.5 * float(np.median(apart)))
    alike = np.abs(present - colour).max(axis=3) < tolerance
    inks = alike[:, top:bottom, left:right]
    usual = (inks.mean(axis=0) > 0.5) & mask[top:bottom, left:right]
    new = inks & ~mask[top:bottom, left:right]
    step = max(2, view.high // 2)
    cells = range(0, right - left, step)
    often = []
    for x in cells:
        cell = slice(x, x + step)
        share = new[:, :, cell].mean(axis=(1, 2))
        # A shape of the background in the colour of ink reaches beyond the line.
        appears = (share > NEW_INK) & (share > 2 * _share_beyond(alike, view, left + x, left + x + step))
        kept = (inks & usual)[:, :, cell].sum(axis=(1, 2)) / max(1, int(usual[:, cell].sum()))
        # Where ink appears and none vanishes, it is the background that has its colour.
        often.append(float((appears & (kept < 0.9)).mean()) > 0.2)
    if not any(often) or sum(often) > 0.8 * len(often):  # all of it: that is the background
        return None
    where = np.zeros(mask.shape, np.bool_)
    for x, changes in zip(cells, often, strict=True):
        if changes:
            where[top:bottom, max(left, left + x - step) : min(right, left + x + 2 * step)] = True
    far = cv2.distanceTransform((~ink).astype(np.uint8), cv2.DIST_L2, 5)
    edge = far[mask & ~where & (far < view.high / 3)]
    width = int(np.ceil(np.percentile(edge, 95))) if edge.size else 2
    return Changing(where, colour, tolerance, 1 + max(1, width), view.high)


def _share_beyond(alike: Bool, view: View, start: int, stop: int) -> F32:
    """Return the share of pixels that are alike [n] outside the line, next to its columns [start, stop)."""
    _, top, _, bottom = view.box
    band = view.high // 2
    near = slice(max(0, top - band), bottom + band), slice(max(0, start - band), stop + band)
    outside = ~view.others
    outside[top:bottom, view.box[0] : view.box[2]] = False
    beyond = outside[near]
    return np.asarray((alike[:, near[0], near[1]] & beyond).sum(axis=(1, 2)) / max(1, int(beyond.sum())), np.float32)


def grown(mask: Bool, by: int) -> Bool:
    """Grow a mask by so many pixels."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
    return cv2.dilate(mask.astype(np.uint8), disc).astype(np.bool_)
