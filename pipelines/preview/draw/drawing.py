"""Drawing on a video: shapes and paint, each for a range of frames, and the mask expression of the shapes.

The page sends it as JSON, in pixels of the picture as shown and in frame numbers:

    {"shapes": [{"kind": "box", "numbers": [left, top, width, height], "range": [start, stop] or null},
                {"kind": "polygon", "numbers": [x, y, x, y, ...], "range": ...},
                {"kind": "track", "numbers": [left, top, width, height], "frame": 12, "range": ...},
                {"kind": "points", "numbers": [x, y, x, y, ...], "off": [false, true], "frame": 12, "range": ...}],
     "strokes": [{"points": [x, y, x, y, ...], "radius": r, "erases": false}, ...],
     "painted": [start, stop] or null}
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Range = tuple[int, int]
"""Frames [start, stop)."""
Size = tuple[int, int]
"""(width, height)"""

BOX, POLYGON, TRACK, POINTS = "box", "polygon", "track", "points"
FOLLOWED = TRACK, POINTS
"""Kinds of shapes that show an object in one frame."""
MOST_SHAPES = 200
MOST_NUMBERS = 200_000
"""Coordinates of all shapes and strokes together: hours of painting."""
_FEWEST_CORNERS = 3


class BadDrawing(ValueError):
    """A drawing that the page never sends, or that marks nothing. The text says why."""


@dataclass(frozen=True)
class DrawnShape:
    """A box or polygon, or the box around an object that is followed, or points on it."""

    kind: str
    numbers: tuple[int, ...]
    """Left, top, width, height; of a polygon and of points, x, y of each."""
    range: Range | None
    frame: int = 0
    """In which the box or the points are drawn, of an object that is followed."""
    off: tuple[bool, ...] = ()
    """For each of the points, whether it is not on the object."""

    @property
    def clicks(self) -> tuple[tuple[float, float, bool], ...]:
        """Its points: x, y, and whether the point is on the object; empty for other shapes."""
        if self.kind != POINTS:
            return ()
        places = zip(self.numbers[::2], self.numbers[1::2], self.off, strict=True)
        return tuple((float(x), float(y), not off) for x, y, off in places)

    def __str__(self) -> str:
        """Return it as a term of a mask expression."""
        place = f"@{self.frame}" if self.kind in FOLLOWED else ""
        frames = f"@{self.range[0]}:{self.range[1]}" if self.range else place
        numbers = [f"{number}" for number in self.numbers]
        for point, off in enumerate(self.off):
            numbers[2 * point] = "-" * off + numbers[2 * point]
        return f"{self.kind}:{','.join(numbers)}{frames}"

    def covers(self, frame: int) -> bool:
        """Whether the frame is in its range."""
        return self.range is None or self.range[0] <= frame < self.range[1]


@dataclass(frozen=True)
class Stroke:
    """What a round brush passed over."""

    points: tuple[tuple[float, float], ...]
    """(x, y) in pixels; the centre of the first pixel is (0.5, 0.5)."""
    radius: float
    erases: bool


@dataclass(frozen=True)
class Drawing:
    """All that is drawn."""

    shapes: tuple[DrawnShape, ...]
    strokes: tuple[Stroke, ...]
    painted: Range | None
    """Frames that the strokes are for; None: all."""


def read_drawing(sent: object, size: Size, frames: int) -> Drawing:
    """Read a drawing on a video of the size (width, height), as shown. Raises BadDrawing."""
    try:
        return _read(sent, size, frames)
    except BadDrawing:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        raise BadDrawing(f"the drawing cannot be read: {type(exc).__name__}: {exc}") from exc


def _read(sent: Any, size: Size, frames: int) -> Drawing:
    shapes, strokes = list(sent["shapes"]), list(sent["strokes"])
    if len(shapes) > MOST_SHAPES:
        raise BadDrawing(f"there are {len(shapes)} shapes, at most {MOST_SHAPES} are possible; paint instead")
    total = sum(len(shape["numbers"]) for shape in shapes) + sum(len(stroke["points"]) for stroke in strokes)
    if total > MOST_NUMBERS:
        raise BadDrawing(f"there are {total} coordinates, at most {MOST_NUMBERS} are possible; draw less, or simpler")
    return Drawing(
        tuple(_shape(shape, size, frames) for shape in shapes),
        tuple(map(_stroke, strokes)),
        _range(sent["painted"], frames),
    )


def _shape(sent: Mapping[str, Any], size: Size, frames: int) -> DrawnShape:
    kind, within = str(sent["kind"]), _range(sent["range"], frames)
    numbers = tuple(_whole(number) for number in sent["numbers"])
    width, height = size
    if kind == POLYGON:
        corners = [*zip(numbers[::2], numbers[1::2], strict=True)]
        if len(corners) < _FEWEST_CORNERS or not all(0 <= x < width and 0 <= y < height for x, y in corners):
            raise BadDrawing(f"a polygon has at least 3 corners, all inside the picture of {width}x{height} pixels")
        return DrawnShape(kind, numbers, within)
    if kind == POINTS:
        points = [*zip(numbers[::2], numbers[1::2], strict=True)]
        off = tuple(flag is True for flag in sent["off"])
        if len(off) != len(points) or all(off) or not all(0 <= x < width and 0 <= y < height for x, y in points):
            raise BadDrawing(
                f"one point at least is on the object, all are inside the picture of {width}x{height} pixels"
            )
        return DrawnShape(kind, numbers, within, _frame(sent, within, frames), off)
    if kind not in (BOX, TRACK):
        raise BadDrawing(f"{kind!r} is not a shape")
    left, top, across, down = numbers
    if min(left, top) < 0 or min(across, down) < 1 or left + across > width or top + down > height:
        raise BadDrawing(f"a box has to be inside the picture of {width}x{height} pixels")
    if kind == BOX:
        return DrawnShape(kind, numbers, within)
    return DrawnShape(kind, numbers, within, _frame(sent, within, frames))


def _frame(sent: Mapping[str, Any], within: Range | None, frames: int) -> int:
    frame = _whole(sent["frame"])
    if not 0 <= frame < frames or (within and within[0] != frame):
        raise BadDrawing("an object is followed from the frame in which its box or its points are drawn")
    return frame


def _stroke(sent: Mapping[str, Any]) -> Stroke:
    numbers = [float(number) for number in sent["points"]]
    radius = float(sent["radius"])
    if not (0 < radius < 1e5 and numbers and all(map(math.isfinite, numbers)) and max(map(abs, numbers)) < 1e6):
        raise BadDrawing("a stroke has points and a radius above 0")
    return Stroke(tuple(zip(numbers[::2], numbers[1::2], strict=True)), radius, sent["erases"] is True)


def _range(sent: Any, frames: int) -> Range | None:
    if sent is None:
        return None
    start, stop = map(_whole, sent)
    if not 0 <= start < stop <= frames:
        raise BadDrawing(
            f"frames {start} to {stop - 1} are not a range of the video, which has frames 0 to {frames - 1}"
        )
    return start, stop


def _whole(number: Any) -> int:
    if type(number) is not int:
        raise BadDrawing(f"{number!r} is not a whole number")
    return number
