"""Logos in one group of samples: edges that stay before different pictures, grouped, with movement around them.

Legend: n samples, h w pixels of the view.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box, bounding_box
from reelmend.pipelines.media.masks.sources.base import Bool
from reelmend.pipelines.media.masks.sources.clip import U8
from reelmend.pipelines.media.masks.sources.overlay.ground import with_ground
from reelmend.pipelines.media.masks.sources.overlay.logo import F32, Logo
from reelmend.pipelines.media.masks.sources.overlay.matte import pixels_of
from reelmend.pipelines.media.masks.sources.overlay.pan_lines import pan_lines
from reelmend.pipelines.media.masks.sources.overlay.presence import share_shown, stays
from reelmend.pipelines.media.masks.sources.overlay.states import LEAST_STATES, distinct, trust

_SURE, _LIKELY = 5.0, 3.0
"""Mean gradient in its standard errors: an edge has pixels of the first, and continues over pixels of the second."""
_TYPICAL = 5.5
"""The same of a logo's median edge pixel."""
_LEAST_EDGE = 1.2
"""Levels per pixel of a mean gradient; below it is coding."""
_NOISE = 1.0
"""Levels per pixel that a gradient moves by in a still picture."""
_GAP_SHARE, _LEAST_GAP = 0.006, 3
"""Of the longer side, and pixels: edges no farther apart than twice this belong to one logo."""
_LEAST_EDGE_PIXELS = 24
_MOVING = 4.0
"""Standard deviation over the states, in levels, from which on a pixel shows that the picture moves."""
_RING_PX = 9
_RING_MOVING = 0.6
"""Share of a logo's surroundings that move, of all and at least."""
_MOVING_EDGE = 2.0
"""Standard deviation of the gradient, in levels per pixel, from which on edges move through a pixel."""
_RING_EDGES = 0.3
"""Share of a logo's surroundings that edges move through."""
_SIDES_MOVING = 0.35
"""The same for each of its four sides that has surroundings."""
_LEAST_ISOTROPY = 0.06
"""Smaller over larger eigenvalue of a logo's gradients: a line that lies along a pan stays too, but has one direction."""
_LARGEST_SHARE = 0.25
"""Of the picture's area, and _LONGEST of its sides; larger things are scenes."""
_LONGEST = 0.6
_PARTLY_STILL = 0.1
"""Share of the cells with movement from which on the clip has something to go by."""


@dataclass
class Found:
    logos: list[Logo] = field(default_factory=list)
    moved: bool = False
    touching_border: bool = False


@dataclass(frozen=True)
class Statistics:
    """Over the states of each place."""

    mean_edge: F32
    """[2, h, w]: mean of the signed gradient (x, y), levels per pixel."""
    edge_spread: F32
    """[h, w]: standard deviation of the gradient about that mean."""
    certainty: F32
    """[h, w]: length of that mean in its standard errors, less where they come from few states."""
    spread: F32
    """[h, w]: standard deviation of the luma."""
    states: F32
    """[h, w]: how many."""


def find_logos(pictures_NHW: U8, at_border: tuple[bool, bool, bool, bool]) -> Found:
    """Return the logos of a group of samples u8 [n, h, w]; `at_border`: sides (left, top, right, bottom) of the view
    that are the picture's."""
    counted = distinct(pictures_NHW)
    enough = counted.sum(axis=0) >= LEAST_STATES
    found = Found(moved=bool(enough.mean() >= _PARTLY_STILL))
    if not enough.any():
        return found
    measured = measure(pictures_NHW, counted)
    edges = _edges(measured)
    lines = pan_lines(edges, measured.mean_edge, measured.spread >= _MOVING)
    edges &= ~lines
    groups = []
    for part, label in _grouped(edges):
        if int((edges & label).sum()) < _LEAST_EDGE_PIXELS:
            continue
        if touches(part, label.shape, at_border):
            found.touching_border |= bool(np.median(measured.certainty[edges & label]) >= _TYPICAL)
            continue
        label = label | _within(part, lines)
        groups.append((label, with_ground(label, part, measured.spread)))
    known = np.zeros(edges.shape, np.bool_)
    while True:
        # A logo's disc stands still next to its letters: what is known to be a logo is not its surroundings.
        like = [_like_a_logo(whole, edges & label, measured, known) for label, whole in groups]
        for (label, whole), is_like in zip(groups, like, strict=True):
            mask = pixels_of(pictures_NHW, counted, label, whole, measured.spread) if is_like else None
            if mask is None:
                continue
            logo = _as_logo(mask, edges & label, measured)
            if stays(np.array([share_shown(picture, logo) for picture in pictures_NHW])):
                found.logos.append(logo)
                known |= whole
        groups = [group for group, is_like in zip(groups, like, strict=True) if not is_like]
        if not any(like) or not groups:
            break
    return found


def measure(pictures_NHW: U8, counted: NDArray[np.bool_]) -> Statistics:
    height, width = pictures_NHW.shape[1:]
    sums = np.zeros((6, height, width), np.float32)  # weight, gx, gy, gx^2 + gy^2, luma, luma^2
    for picture, weight in zip(pictures_NHW, counted, strict=True):
        if not weight.any():
            continue
        pixels = cv2.resize(weight.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
        luma = cv2.GaussianBlur(picture, (3, 3), 0).astype(np.float32)
        across, down = (cv2.Sobel(luma, cv2.CV_32F, *axis, ksize=1, scale=0.5) for axis in ((1, 0), (0, 1)))
        for total, term in zip(sums, (1.0, across, down, across**2 + down**2, luma, luma**2), strict=True):
            total += pixels * term
    states = np.maximum(sums[0], 1)
    mean_x, mean_y, square, luma, luma_square = sums[1:] / states
    length = np.hypot(mean_x, mean_y)
    variance = np.maximum(square - length**2, 0) + _NOISE**2
    certainty = np.where(states >= LEAST_STATES, length / np.sqrt(variance / states) * trust(states), 0)
    spread = np.sqrt(np.maximum(luma_square - luma**2, 0))
    return Statistics(np.stack([mean_x, mean_y]), np.sqrt(variance), certainty, spread, states)


def _edges(measured: Statistics) -> Bool:
    """Return pixels of edges that stay: sure ones, and likely ones that continue them."""
    strong = np.hypot(*measured.mean_edge) >= _LEAST_EDGE
    likely = strong & (measured.certainty >= _LIKELY)
    sure = strong & (measured.certainty >= _SURE)
    _, labels = cv2.connectedComponents(likely.astype(np.uint8), connectivity=8)
    kept = np.bincount(labels[sure], minlength=int(labels.max()) + 1) > 2
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


def _grouped(edges: Bool) -> list[tuple[Box, Bool]]:
    """Return (box, pixels) of edges that are near each other, gaps between them included."""
    gap = max(_LEAST_GAP, round(max(edges.shape) * _GAP_SHARE))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * gap + 1, 2 * gap + 1))
    padded = cv2.copyMakeBorder(edges.astype(np.uint8), gap, gap, gap, gap, cv2.BORDER_CONSTANT)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[gap:-gap, gap:-gap]
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    parts = []
    for index in range(1, count):
        left, top, width, height = (int(side) for side in boxes[index][:4])
        parts.append(((left, top, left + width, top + height), np.asarray(labels == index, np.bool_)))
    return parts


def _within(box: Box, lines: Bool) -> Bool:
    """Return the pixels of lines of the scene that may be a logo's own border, or are next to it."""
    left, top, right, bottom = box
    place = (slice(max(0, top - _LEAST_GAP), bottom + _LEAST_GAP), slice(left, right))
    near = np.zeros_like(lines)
    near[place] = lines[place]
    return near


def touches(box: Box, shape: tuple[int, ...], at_border: tuple[bool, bool, bool, bool]) -> bool:
    """Whether a box comes to a side of the view that is the picture's border."""
    sides = (box[0] <= 1, box[1] <= 1, box[2] >= shape[1] - 1, box[3] >= shape[0] - 1)
    return any(side and border for side, border in zip(sides, at_border, strict=True))


def _like_a_logo(label: Bool, edges: Bool, measured: Statistics, known: Bool) -> bool:
    height, width = label.shape
    left, top, right, bottom = bounding_box(label) or (0, 0, 0, 0)
    across, down = right - left, bottom - top
    if across > _LONGEST * width or down > _LONGEST * height or across * down > _LARGEST_SHARE * width * height:
        return False
    if float(np.median(measured.certainty[edges])) < _TYPICAL:
        return False
    return _isotropy(measured.mean_edge[:, edges]) >= _LEAST_ISOTROPY and _moves_around(label, measured, known)


def _isotropy(gradients: F32) -> float:
    """Return the smaller eigenvalue of the structure tensor of gradients [2, k] over the larger."""
    small, large = np.linalg.eigvalsh(gradients @ gradients.T / gradients.shape[1])
    return float(small / large) if large > 0 else 0.0


def _moves_around(label: Bool, measured: Statistics, known: Bool) -> bool:
    """Whether most of what surrounds a group of edges moves, on all sides; `known` logos do not count."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    near = cv2.dilate(label.astype(np.uint8), kernel)
    far = cv2.dilate(near, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _RING_PX + 1,) * 2))
    ring = (far > 0) & (near == 0) & ~known
    moving = (measured.spread >= _MOVING) & (measured.states >= LEAST_STATES)
    if not ring.any() or moving[ring].mean() < _RING_MOVING:
        return False
    if (measured.edge_spread[ring] >= _MOVING_EDGE).mean() < _RING_EDGES:
        return False  # light and shadow move over a still wall, and its edges stay
    rows, columns = np.nonzero(label)
    ring_rows, ring_columns = np.nonzero(ring)
    moves = moving[ring]
    sides = (
        ring_columns < columns.min(),
        ring_columns > columns.max(),
        ring_rows < rows.min(),
        ring_rows > rows.max(),
    )
    return all(moves[side].mean() >= _SIDES_MOVING for side in sides if side.sum() > 8)


def _as_logo(mask: Bool, edges: Bool, measured: Statistics) -> Logo:
    box = bounding_box(mask | edges)
    assert box is not None, "a group has edges"
    place = (slice(box[1], box[3]), slice(box[0], box[2]))
    gradients = np.where(edges, measured.mean_edge, 0)[:, *place].astype(np.float32)
    return Logo(box, mask[place].copy(), gradients, float(np.median(measured.states[edges])))
