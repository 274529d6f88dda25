"""Regions: the parts of a frame that the work around its holes is done on.

A hole is restored from its surroundings, so a small hole needs a small part of the frame. A region is a hole's box
grown by a margin and snapped outward to a grid, so that a hole that moves a little keeps its region. Holes whose
regions would overlap share one; where regions would cover most of the frame, the whole frame is worked on.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from reelmend.core_model.engine import Bool

MARGIN_PX = 128
"""Surroundings of a hole that are worked on with it, in pixels of the size that is restored."""
GRID_PX = 64
WHOLE_FROM = 0.7
"""Share of the frame from which on it is worked on whole."""
REGIONS_VERSION = 1
"""Raise it when other regions come out, on which pictures depend."""

Size = tuple[int, int]
"""(width, height)"""


@dataclass(frozen=True)
class RegionRule:
    """How an engine's regions are laid around holes. Lengths are in pixels of the size that is restored."""

    across_px: int = MARGIN_PX
    """Margin at the left and right of a hole."""
    down_px: int = MARGIN_PX
    """Margin above and below it."""
    hole_share: float = 0.0
    """The margin is at least this share of the hole's shorter side."""
    grid_px: int = GRID_PX
    """Regions begin and end at multiples of this, or where the frame does; in pixels of the frame."""
    least_px: int = 0
    """Shortest side of a region, as far as the frame goes."""
    of_shot: bool = False
    """A shot's blocks have the same regions, around the holes of all its frames, and leave out those that are not
    theirs. Otherwise a block's regions are those of the frames that it sees."""
    own_size: bool = False
    """A region may be restored finer than the whole frame would be: the longest side at which holes are restored is
    that of the region."""

    def with_margin(self, margin_px: int) -> "RegionRule":
        """Return the same with another margin on all sides, 0 for its own."""
        return replace(self, across_px=margin_px, down_px=margin_px) if margin_px else self


BY_BLOCK = RegionRule()


class Region(NamedTuple):
    """Columns [left, right) and rows [top, bottom) of a frame."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        return self.right - self.left, self.bottom - self.top

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def inside(self) -> tuple[slice, slice]:
        """The rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def overlaps(self, other: "Region") -> bool:
        """Whether they share a pixel."""
        beside = self.right <= other.left or other.right <= self.left
        return not beside and self.top < other.bottom and other.top < self.bottom

    def joined(self, other: "Region") -> "Region":
        """The smallest region that holds both."""
        return Region(
            min(self.left, other.left), min(self.top, other.top),
            max(self.right, other.right), max(self.bottom, other.bottom),
        )  # fmt: skip

    def grown(self, by: int) -> "Region":
        """With `by` pixels more on each side, wherever the frame ends."""
        return Region(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def snapped(self, grid: int) -> "Region":
        """Grown outward to multiples of `grid`."""
        return Region(
            self.left // grid * grid,
            self.top // grid * grid,
            -(-self.right // grid) * grid,
            -(-self.bottom // grid) * grid,
        )

    def within(self, other: "Region") -> "Region | None":
        """The part of it that another one holds, None where they share no pixel."""
        if not self.overlaps(other):
            return None
        return Region(
            max(self.left, other.left), max(self.top, other.top),
            min(self.right, other.right), min(self.bottom, other.bottom),
        )  # fmt: skip

    def clipped(self, frame: Size) -> "Region":
        """The part of it that a frame of this size holds."""
        width, height = frame
        return Region(max(0, self.left), max(0, self.top), min(width, self.right), min(height, self.bottom))


def regions_around(
    boxes: Iterable[Region], frame: Size, rule: RegionRule = BY_BLOCK, scale: float = 1.0
) -> tuple[Region, ...]:
    """Return the regions of a frame with holes inside these boxes, in reading order; empty: the whole frame is one.

    `scale` is the size of the frame over that at which it is restored. No two regions overlap. Without boxes there is
    nothing to leave out either.
    """
    grown = {_region_around(box, frame, rule, scale) for box in boxes}
    regions = join_overlapping(grown)
    if not regions or sum(region.area for region in regions) > WHOLE_FROM * frame[0] * frame[1]:
        return ()
    return tuple(sorted(regions, key=lambda region: (region.top, region.left)))


def _region_around(box: Region, frame: Size, rule: RegionRule, scale: float) -> Region:
    hole_px = min(box.right - box.left, box.bottom - box.top)
    across, down = (math.ceil(max(px * scale, rule.hole_share * hole_px)) for px in (rule.across_px, rule.down_px))
    wide = Region(box.left - across, box.top - down, box.right + across, box.bottom + down)
    left, right = _at_least(wide.left, wide.right, math.ceil(rule.least_px * scale), frame[0])
    top, bottom = _at_least(wide.top, wide.bottom, math.ceil(rule.least_px * scale), frame[1])
    return Region(left, top, right, bottom).snapped(rule.grid_px).clipped(frame)


def _at_least(start: int, stop: int, least: int, length: int) -> tuple[int, int]:
    """Return a range of `least` pixels or more inside [0, length), if that is as long, that holds the one given."""
    start, stop = max(0, start), min(length, stop)
    missing = max(0, min(least, length) - (stop - start))
    start = max(0, min(start - missing // 2, length - (stop - start + missing)))
    return start, max(stop, start + min(least, length))


def regions_of(mask_HW: Bool, rule: RegionRule = BY_BLOCK) -> tuple[Region, ...]:
    """Return the regions of a frame with this mask, or of many with the union of theirs; see `regions_around`."""
    height, width = mask_HW.shape
    return regions_around(hole_boxes(mask_HW), (width, height), rule)


def hole_boxes(mask_HW: Bool) -> list[Region]:
    """Return the bounding boxes of a mask's connected holes, of which some may overlap."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask_HW.astype(np.uint8), connectivity=8)
    return [Region(x, y, x + width, y + height) for x, y, width, height, _ in stats[1:].tolist()]


def join_overlapping(boxes: Iterable[Region]) -> list[Region]:
    """Replace boxes that overlap by the box around them until none do."""
    found: list[Region] = []
    for box in boxes:
        while touched := [other for other in found if other.overlaps(box)]:
            found = [other for other in found if other not in touched]
            for other in touched:
                box = box.joined(other)
        found.append(box)
    return found


def whole(frame: Size) -> Region:
    """The region that is the frame."""
    return Region(0, 0, *frame)


def covered_share(regions: Sequence[Region], frame: Size) -> float:
    """Return the share of the frame that is worked on; `regions` as `regions_around` returned them."""
    return sum(region.area for region in regions or [whole(frame)]) / (frame[0] * frame[1])
