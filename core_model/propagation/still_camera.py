"""Shots of a camera that stands still, and what passes before their background.

Judged by the pictures themselves: flow is unreliable on plain surfaces, most of all where something passes.

Legend: T frames, H W height and width.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from core_model.engine import U8, Bool

F32 = NDArray[np.float32]

_TILE_PX = 16
_REFERENCE_EVERY = 10  # frames; a drift of a tenth of a pixel per frame shows over this many
_DECISIVE = 1.15  # a tile tells something if a shift by a pixel changes its difference by this factor
_DECISIVE_LEVELS = 0.15
_STILL_TILES = 0.3  # share of the telling tiles that have to stand still: the rest may be covered by what passes
_STILL_FRAMES = 0.85  # share of frames of which that must hold
_BACKGROUND_SAMPLES = 25
_PASSING_LEVELS = 9.0  # grey levels from the background's
_PASSING_DEVIATIONS = 4.0
_FRINGE_PX = 2


def stands_still(frames_THWC: U8, masks_THW: Bool) -> bool:
    """Whether the background keeps its place over the whole block; True as well where nothing tells."""
    frames = len(frames_THWC)
    if frames < 2:
        return True
    detail = {}

    def detail_of(t: int) -> F32:
        if t not in detail:
            detail[t] = _detail(frames_THWC[t])
        return detail[t]

    references = list(range(0, frames, _REFERENCE_EVERY))
    between = [*zip(references, references[1:], strict=False), (0, references[-1])]
    for a, b in between:
        if a != b and not _tiles_stand(detail_of(a), detail_of(b), masks_THW[a] | masks_THW[b]):
            return False
    standing = told = 0
    for t in range(0, frames, 2):
        reference = min(int(round(t / _REFERENCE_EVERY)) * _REFERENCE_EVERY, references[-1])
        if t == reference:
            continue
        told += 1
        standing += _tiles_stand(_detail(frames_THWC[t]), detail_of(reference), masks_THW[t] | masks_THW[reference])
    return standing >= _STILL_FRAMES * told


def _detail(frame_HWC: U8) -> F32:
    grey = cv2.cvtColor(np.ascontiguousarray(frame_HWC), cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail: F32 = grey - cv2.blur(grey, (9, 9))
    return detail


def _tiles_stand(first_HW: F32, second_HW: F32, hidden_HW: Bool) -> bool:
    """Whether enough tiles are more alike in place than shifted by two pixels in any direction."""
    height, width = first_HW.shape
    tiles_y, tiles_x = height // _TILE_PX, width // _TILE_PX
    if not tiles_y or not tiles_x:
        return True
    place, shifted = _tile_differences(first_HW, second_HW, hidden_HW, tiles_y, tiles_x)
    known = np.isfinite(place)
    standing = known & (shifted > _DECISIVE * place) & (shifted > place + _DECISIVE_LEVELS)
    moving = known & (place > _DECISIVE * shifted) & (place > shifted + _DECISIVE_LEVELS)
    decisive = int(standing.sum() + moving.sum())
    return decisive < 4 or int(standing.sum()) >= _STILL_TILES * decisive


@njit(cache=True)
def _tile_differences(first, second, hidden, tiles_y, tiles_x):  # type: ignore[no-untyped-def]
    """Mean absolute difference of each tile in place, and the smallest of those shifted; inf where a tile is hidden."""
    height, width = first.shape
    place = np.full((tiles_y, tiles_x), np.inf, np.float32)
    shifted = np.full((tiles_y, tiles_x), np.inf, np.float32)
    shifts = np.array([[0, 0], [2, 0], [-2, 0], [0, 2], [0, -2]])
    for ty in range(tiles_y):
        for tx in range(tiles_x):
            top, left = ty * _TILE_PX, tx * _TILE_PX
            if hidden[top : top + _TILE_PX, left : left + _TILE_PX].any():
                continue
            if top < 2 or left < 2 or top + _TILE_PX + 2 > height or left + _TILE_PX + 2 > width:
                continue
            for i in range(5):
                dy, dx = shifts[i, 0], shifts[i, 1]
                total = np.float32(0)
                for y in range(top, top + _TILE_PX):
                    for x in range(left, left + _TILE_PX):
                        total += abs(first[y, x] - second[y + dy, x + dx])
                total /= np.float32(_TILE_PX * _TILE_PX)
                if i == 0:
                    place[ty, tx] = total
                else:
                    shifted[ty, tx] = min(shifted[ty, tx], total)
    return place, shifted


class Area(NamedTuple):
    """Rows [top, bottom) and columns [left, right)."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


def find_passing(frames_THWC: U8, masks_THW: Bool, area: Area) -> Bool:
    """Return [T, H, W]: True where a still scene's frame shows something else than its background; looked for in `area`.

    The background of a pixel is the median of the block's frames that show it, each frame brought to the same light.
    """
    passing = np.zeros(masks_THW.shape, np.bool_)
    frames = len(frames_THWC)
    rows, columns = area.slices
    picks = np.unique(np.linspace(0, frames - 1, min(frames, _BACKGROUND_SAMPLES)).round().astype(int))
    seen, hidden = frames_THWC[:, rows, columns], masks_THW[:, rows, columns]
    background, spread, counts = _background(np.ascontiguousarray(seen[picks]), np.ascontiguousarray(hidden[picks]))
    square = np.ones((2 * _FRINGE_PX + 1,) * 2, np.uint8)
    for t in range(frames):
        away = _away(seen[t], hidden[t], background, spread, counts)
        if away.any():
            passing[t][rows, columns] = cv2.dilate(cv2.medianBlur(away, 3), square) > 0
    return passing


@njit(cache=True)
def _background(frames, hidden):  # type: ignore[no-untyped-def]
    """Median and median absolute deviation of what is seen [h, w, 3], and of how many frames."""
    count, height, width = hidden.shape
    background = np.zeros((height, width, 3), np.float32)
    spread = np.zeros((height, width, 3), np.float32)
    counts = np.zeros((height, width), np.int64)
    values = np.empty(count, np.float32)
    for y in range(height):
        for x in range(width):
            for c in range(3):
                n = 0
                for t in range(count):
                    if not hidden[t, y, x]:
                        values[n] = frames[t, y, x, c]
                        n += 1
                counts[y, x] = n
                if n:
                    middle = np.median(values[:n])
                    background[y, x, c] = middle
                    for i in range(n):
                        values[i] = abs(values[i] - middle)
                    spread[y, x, c] = np.median(values[:n])
    return background, spread, counts


@njit(cache=True)
def _away(frame, hidden, background, spread, counts):  # type: ignore[no-untyped-def]
    height, width = hidden.shape
    ratios = np.empty(height * width, np.float32)
    n = 0
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            level = background[y, x, 0] + background[y, x, 1] + background[y, x, 2]
            if not hidden[y, x] and counts[y, x] > 2 and level > 60:
                value = np.float32(frame[y, x, 0]) + np.float32(frame[y, x, 1]) + np.float32(frame[y, x, 2])
                ratios[n] = value / level
                n += 1
    light = np.median(ratios[:n]) if n > 20 else np.float32(1)
    away = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            if hidden[y, x] or counts[y, x] < 3:
                continue
            for c in range(3):
                allowed = max(np.float32(_PASSING_LEVELS), np.float32(_PASSING_DEVIATIONS * 1.48) * spread[y, x, c])
                expected = background[y, x, c] * light
                if expected < 250 and abs(frame[y, x, c] - expected) > allowed * max(light, np.float32(1)):
                    away[y, x] = 1
    return away


def follow_still(masks_THW: Bool, passing_THW: Bool, area: Area, direction: int) -> NDArray[np.int16]:
    """Return [T, h, w] of `area`: frames to the next (direction 1) or last (-1) one that shows the still background at
    that pixel, signed; 0: none does."""
    frames = len(masks_THW)
    rows, columns = area.slices
    away = np.zeros((frames, area.bottom - area.top, area.right - area.left), np.int16)
    shown = np.full(away.shape[1:], -1, np.int32)
    for t in range(frames - 1, -1, -1) if direction == 1 else range(frames):
        away[t] = np.where(shown >= 0, shown - t, 0)
        shown[~(masks_THW[t][rows, columns] | passing_THW[t][rows, columns])] = t
    return away
