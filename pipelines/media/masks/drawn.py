"""Masks drawn by words: boxes and polygons, in pixels or percent of the shown picture, each in a range of frames.

    box:20,20,160,90                      left, top, width, height
    box:5%,80%,90%,15%@0s:12.5s           the lower part, for the first 12.5 seconds
    polygon:100,40,180,60,120,160         corners x,y,x,y,...
    box:0,0,64,64+box:90%,0,10%,10%       several

Coordinates are those of the picture as a player turns it, before it stretches pixels that are not square.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.errors import ConfigError, MaskError
from reelmend.pipelines.media.frame_range import FrameRange, read_range

U8 = NDArray[np.uint8]
Size = tuple[int, int]
"""(width, height)"""

SHAPES = ("box", "polygon")
_LARGEST = 1_000_000
"""Pixels, or percent, up to which a number may be meant."""
_NUMBER = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(%?)")
_FORMS = "use box:LEFT,TOP,WIDTH,HEIGHT or polygon:X,Y,X,Y,X,Y in pixels or percent, with @START:STOP for a range"
_MOST_SHAPES = 1000
_FEWEST_CORNERS = 3


@dataclass(frozen=True)
class Length:
    """A distance along one side of the picture."""

    value: Fraction
    is_share: bool
    """`value` is percent of the side, else pixels."""

    def __str__(self) -> str:
        return f"{float(self.value):.15g}{'%' if self.is_share else ''}"

    def of(self, side: int) -> Fraction:
        """Return it in pixels."""
        return self.value * side / 100 if self.is_share else self.value


def sides_of(corner: tuple[Length, Length], extent: tuple[Length, Length], size: Size) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of a box in a picture of the size (width, height): every pixel of which it
    covers a part."""
    (x, y), (across, down) = corner, extent
    width, height = size
    left, top = x.of(width), y.of(height)
    right, bottom = left + across.of(width), top + down.of(height)
    return math.floor(left), math.floor(top), min(width, math.ceil(right)), min(height, math.ceil(bottom))


@dataclass(frozen=True)
class Shape:
    """One box or polygon."""

    corners: tuple[tuple[Length, Length], ...]
    """Of a box, its left top corner and its size."""
    is_box: bool
    range: FrameRange | None
    text: str

    @property
    def kind(self) -> str:
        return "box" if self.is_box else "polygon"

    def draw(self, levels: U8) -> None:
        """Set its pixels in levels [H, W] to 255; what is outside the picture is cut off."""
        height, width = levels.shape
        if self.is_box:
            left, top, right, bottom = sides_of(self.corners[0], self.corners[1], (width, height))
            levels[top:bottom, left:right] = 255
            return
        points = [(math.floor(x.of(width)), math.floor(y.of(height))) for x, y in self.corners]
        cv2.fillPoly(levels, [np.array(points, np.int32)], 255)

    def touches(self, size: Size) -> bool:
        """Whether any of it is inside a picture of the size (width, height)."""
        levels = np.zeros(size[::-1], np.uint8)
        self.draw(levels)
        return bool(levels.any())


@dataclass(frozen=True)
class DrawnMask:
    """A mask that is its own description."""

    shapes: tuple[Shape, ...]
    text: str
    """As it was written, without spaces."""

    def __str__(self) -> str:
        return self.text

    def levels(self, size: Size, shapes: Sequence[Shape] | None = None) -> U8:
        """Return u8 [H, W] of a picture of the size (width, height): 255 in its shapes, or in those given, else 0."""
        drawn = np.zeros(size[::-1], np.uint8)
        for shape in self.shapes if shapes is None else shapes:
            shape.draw(drawn)
        return drawn

    def levels_from(
        self, size: Size, pts: Sequence[int], time_base: Fraction, start: int, stop: int
    ) -> Iterator[U8 | None]:
        """Yield the levels of frames [start, stop); None where nothing is drawn. Equal ones are one array.

        Raises MaskError as `refuse_outside` does.
        """
        self.refuse_outside(size)
        spans = [_span(shape.range, pts, time_base) for shape in self.shapes]
        known: dict[tuple[int, ...], U8 | None] = {(): None}
        for frame in range(start, stop):
            shown = tuple(number for number, (first, last) in enumerate(spans) if first <= frame < last)
            if shown not in known:
                known = {(): None, shown: self.levels(size, [self.shapes[number] for number in shown])}
            yield known[shown]

    def refuse_outside(self, size: Size) -> None:
        """Raise MaskError where a shape is outside a picture of the size (width, height) altogether."""
        for shape in self.shapes:
            if not shape.touches(size):
                raise MaskError(f"mask {shape.text}: is outside the picture, which has {size[0]}x{size[1]} pixels")

    def share_of_frames(self, frames: int, rate: float) -> float:
        """Return in about which share, 0..1, of a video's frames something is drawn."""
        if not frames or any(shape.range is None for shape in self.shapes):
            return 1.0
        return min(1.0, sum(shape.range.count(frames, rate) for shape in self.shapes if shape.range) / frames)


def is_drawn(text: str) -> bool:
    """Whether a mask is named by a shape and not by a path."""
    return text.strip().startswith(tuple(f"{kind}:" for kind in SHAPES))


@lru_cache(maxsize=256)
def read_drawn(text: str) -> DrawnMask:
    """Read the shapes of a drawn mask. Raises ConfigError, naming the shape that is wrong."""
    text = "".join(text.split())
    words = text.split("+")
    if len(words) > _MOST_SHAPES:
        raise ConfigError(f"mask {text[:40]}...: has {len(words)} shapes, at most {_MOST_SHAPES}; use a mask image")
    return DrawnMask(tuple(_shape(word) for word in words), text)


def _shape(word: str) -> Shape:
    kind, _, rest = word.partition(":")
    if kind not in SHAPES:
        raise ConfigError(f"mask {word}: not a box or a polygon; {_FORMS}")
    numbers, at, within = rest.partition("@")
    frames = read_range(within) if at else None
    lengths = [read_length(number, word) for number in numbers.split(",")]
    corners = tuple(zip(lengths[::2], lengths[1::2], strict=False))
    if kind == "box":
        if len(lengths) != 4:
            raise ConfigError(f"mask {word}: a box has 4 numbers, not {len(lengths)}; {_FORMS}")
        if not all(side.value for side in lengths[2:]):
            raise ConfigError(f"mask {word}: the width and the height of a box have to be above 0")
        return Shape(corners, True, frames, word)
    if len(lengths) % 2 or len(corners) < _FEWEST_CORNERS:
        raise ConfigError(f"mask {word}: a polygon has pairs of numbers for at least 3 corners; {_FORMS}")
    return Shape(corners, False, frames, word)


def read_length(number: str, word: str) -> Length:
    """Read pixels, or a percentage with its sign. Raises ConfigError that names the `word` it is part of."""
    found = _NUMBER.fullmatch(number)
    if found is None:
        raise ConfigError(f"mask {word}: {number!r} is not a number of pixels or a percentage such as 12.5%; {_FORMS}")
    if Fraction(found[1]) > _LARGEST:
        raise ConfigError(f"mask {word}: {number} is larger than any picture; {_FORMS}")
    return Length(Fraction(found[1]), bool(found[2]))


def _span(within: FrameRange | None, pts: Sequence[int], time_base: Fraction) -> tuple[int, int]:
    """Frames [start, stop); of a video that ends before the range, none."""
    if within is None:
        return 0, len(pts)
    start = within.start.frame(pts, time_base)
    return start, len(pts) if within.stop is None else within.stop.frame(pts, time_base)
