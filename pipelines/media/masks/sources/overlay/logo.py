"""Logos that were found, and those that are the same one found again."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.base import Bool

F32 = NDArray[np.float32]
_SAME = 0.5
"""Share of the smaller of two masks, shown at the same place, from which on they are one logo."""
_AGREED = 0.35
"""Share of the evidence for a logo that a pixel of its mask needs."""
_MOST = 64
"""Logos that are kept: a clip with more has something else."""


@dataclass
class Logo:
    """Pixels of a logo and the edges by which it is recognized. Arrays cover `box` of the view."""

    box: Box
    mask: Bool
    edges: F32
    """[2, h, w]: mean gradient (x, y) at the edges, 0 elsewhere; levels per pixel."""
    evidence: float
    """Different pictures that passed behind it."""
    others: list["Logo"] = field(default_factory=list)
    """The same logo as found in other groups of pictures."""

    def placed(self, shape: tuple[int, int]) -> Bool:
        """Return its mask in a view of (height, width)."""
        whole = np.zeros(shape, np.bool_)
        left, top, right, bottom = self.box
        whole[top:bottom, left:right] = self.mask
        return whole

    def shared(self, other: "Logo") -> float:
        """Return which share of the smaller mask both have."""
        left, top, right, bottom = _overlap(self.box, other.box)
        if left >= right or top >= bottom:
            return 0.0
        both = self._cut(left, top, right, bottom) & other._cut(left, top, right, bottom)
        return float(both.sum() / max(1, min(self.mask.sum(), other.mask.sum())))

    def _cut(self, left: int, top: int, right: int, bottom: int) -> Bool:
        return self.mask[top - self.box[1] : bottom - self.box[1], left - self.box[0] : right - self.box[0]]


class Logos:
    """What was found in a clip so far."""

    def __init__(self) -> None:
        self.found: list[Logo] = []
        self.touching_border = False

    def add(self, logo: Logo) -> None:
        same = max(self.found, key=logo.shared, default=None)
        if same is not None and logo.shared(same) >= _SAME:
            if len(same.others) < 2 * _MOST:
                same.others.append(logo)
        elif len(self.found) < _MOST:
            self.found.append(logo)

    def settle(self) -> None:
        """Make one logo of those that are the same: the pixels that enough of them have, by evidence."""
        self.found = [_settled(logo) for logo in self.found]


def _settled(logo: Logo) -> Logo:
    same = [logo, *logo.others]
    if len(same) == 1:
        return logo
    left, top = (min(one.box[side] for one in same) for side in (0, 1))
    right, bottom = (max(one.box[side] for one in same) for side in (2, 3))
    votes = np.zeros((bottom - top, right - left), np.float32)
    for one in same:
        place = _inside(one.box, left, top)
        votes[place] += one.mask * one.evidence**2
    best = max(same, key=lambda one: one.evidence)
    edges = np.zeros((2, *votes.shape), np.float32)
    edges[:, *_inside(best.box, left, top)] = best.edges
    agreed = votes >= _AGREED * sum(one.evidence**2 for one in same)
    return Logo((left, top, right, bottom), agreed if agreed.any() else votes > 0, edges, best.evidence)


def _inside(box: Box, left: int, top: int) -> tuple[slice, slice]:
    return slice(box[1] - top, box[3] - top), slice(box[0] - left, box[2] - left)


def _overlap(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])
