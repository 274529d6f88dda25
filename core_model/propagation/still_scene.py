"""The background of a camera that stands still: what passes before it, and which frames show it.

Legend: T frames, H W height and width, h w those of the area around the holes. A place is that of
`reelmend.core_model.propagation.camera`: from the block's first frame to another one.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propagation.camera import IN_PLACE
from reelmend.core_model.propagation.compiled import compiled
from reelmend.core_model.propagation.pixel_tracks import RIM_PX, Asked, Tracks

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_MARGIN_PX = RIM_PX + 13  # around the holes: their rims, and as far as a camera sways
_BACKGROUND_SAMPLES = 25
_PASSING_LEVELS = 9.0  # grey levels from the background's
_PASSING_DEVIATIONS = 4.0
_GAP_PX = 7  # at half the size
_ENCLOSED_BY = 0.6  # of its edge
_FRINGE_PX = 1  # at half the size
_FEWEST_SEEN = 3


class StillScene(NamedTuple):
    """Which frames show each pixel of the background."""

    places: F64
    """[T, 2, 3]"""
    top: int
    left: int
    """Where the area around the holes is in the first frame."""
    later: NDArray[np.int16]
    """[T, h, w]: frames to the next one that shows the pixel; 0: none does."""
    earlier: NDArray[np.int16]
    """[T, h, w]: the same to the last one, negative."""
    passing: Bool
    """[T, H, W]: where a frame shows something before the background."""


def look_behind(frames_THWC: U8, masks_THW: Bool, places: F64) -> StillScene:
    """Find what passes before the background around the block's holes, and when each of its pixels is to be seen.

    The background of a pixel is the median of the block's frames that show it, each brought to the same light.
    """
    frames = len(masks_THW)
    picks = np.unique(np.linspace(0, frames - 1, min(frames, _BACKGROUND_SAMPLES)).round().astype(int))
    cuts = [_halved(*moved_back(frames_THWC[t], masks_THW[t], places[t])) for t in picks]
    pictures, hiddens = np.stack([cut[0] for cut in cuts]), np.stack([cut[1] for cut in cuts])
    background, spread, counts = _background(pictures, hiddens, _lights(pictures, hiddens))
    sways = not (places == IN_PLACE).all()
    low, high = _range_of(background) if sways else (background, background)
    hull = np.asarray(masks_THW.any(0))
    rows, columns = np.flatnonzero(hull.any(1)), np.flatnonzero(hull.any(0))
    top, left = max(0, int(rows[0]) - _MARGIN_PX), max(0, int(columns[0]) - _MARGIN_PX)
    area = slice(top, int(rows[-1]) + 1 + _MARGIN_PX), slice(left, int(columns[-1]) + 1 + _MARGIN_PX)
    square = np.ones((2 * _FRINGE_PX + 1,) * 2, np.uint8)
    shown, passing_THW = np.empty((frames, *hull[area].shape), np.bool_), np.zeros(masks_THW.shape, np.bool_)
    for t in range(frames):
        picture, hidden = moved_back(frames_THWC[t], masks_THW[t], places[t])
        halved = _halved(picture, hidden)
        found = _passing(*halved, background, low, high, spread, counts)
        shown[t] = ~hidden[area]
        if found.any():
            # What passes may have parts of the background's colour: what it encloses is its own.
            found = cv2.morphologyEx(cv2.medianBlur(found, 3), cv2.MORPH_CLOSE, np.ones((_GAP_PX,) * 2, np.uint8))
            found = cv2.dilate(_with_enclosed(np.asarray(found, np.uint8), halved[1]), square)
            passing = cv2.resize(found, hull.shape[::-1], interpolation=cv2.INTER_NEAREST).view(np.uint8)
            passing_THW[t] = _moved_on(passing, places[t]) > 0
            shown[t] &= passing[area] == 0
    return StillScene(places, top, left, _when_shown(shown, 1), _when_shown(shown, -1), passing_THW)


def follow_still(scene: StillScene, asked: Asked, direction: int) -> Tracks:
    """Return where later (direction 1) or earlier (-1) frames show the asked pixels' background."""
    count = int(asked.first[-1])
    tracks = Tracks(np.zeros(count, np.int16), np.zeros(count, np.float32), np.zeros(count, np.float32))
    when = scene.later if direction == 1 else scene.earlier
    back = np.stack([inverted(place) for place in scene.places])
    _follow(asked.first, asked.rows, asked.columns, scene.places, back, when, scene.top, scene.left, *tracks)
    return tracks


def moved_back(frame_HWC: U8, mask_HW: Bool, place: F64) -> tuple[U8, Bool]:
    """A frame's picture and holes where they lay in the first frame."""
    if np.array_equal(place, IN_PLACE):
        return frame_HWC, mask_HW
    size, back, matrix = mask_HW.shape[::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, np.roll(place, -1, axis=1)
    picture = cv2.warpAffine(frame_HWC, matrix, size, flags=back, borderMode=cv2.BORDER_REPLICATE)
    hidden = cv2.warpAffine(
        mask_HW.view(np.uint8) * 255, matrix, size, flags=back, borderMode=cv2.BORDER_CONSTANT, borderValue=255
    )
    return np.asarray(picture, np.uint8), hidden > 0


def _halved(picture_HWC: U8, hidden_HW: Bool) -> tuple[U8, Bool]:
    """Half the size, which is enough to see what passes, and less noisy."""
    height, width = max(1, hidden_HW.shape[0] // 2), max(1, hidden_HW.shape[1] // 2)
    picture = cv2.resize(picture_HWC, (width, height), interpolation=cv2.INTER_AREA)
    hidden = cv2.resize(hidden_HW.view(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8), hidden > 0


def _moved_on(passing_HW: U8, place: F64) -> U8:
    """What was found in the first frame's place, where it is in its own frame."""
    if np.array_equal(place, IN_PLACE):
        return passing_HW
    moved = cv2.warpAffine(passing_HW, np.roll(place, -1, axis=1), passing_HW.shape[::-1], flags=cv2.INTER_NEAREST)
    return np.asarray(moved, np.uint8)


def inverted(place: F64) -> F64:
    """Where a pixel of the frame at that place lies in the first frame."""
    turn = np.linalg.inv(place[:, 1:]) if not np.array_equal(place, IN_PLACE) else np.eye(2)
    return np.column_stack((-turn @ place[:, 0], turn))


def _with_enclosed(passing_hw: U8, hidden_hw: Bool) -> U8:
    """What passes, with what it encloses, also together with a hole: a car's windows may be as dark as the road."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - (passing_hw | hidden_hw), connectivity=4)
    if count <= 2:
        return passing_hw
    size = int(passing_hw.sum())
    edges = np.zeros((2, count), np.int64)
    for axis in (0, 1):
        for near, far in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
            at, beside = (
                ((near, slice(None)), (far, slice(None))) if axis == 0 else ((slice(None), near), (slice(None), far))
            )
            edge = (labels[at] > 0) & (labels[beside] == 0)
            edges[0] += np.bincount(labels[at][edge], minlength=count)
            edges[1] += np.bincount(labels[at][edge & (passing_hw[beside] > 0)], minlength=count)
    enclosed = (edges[1] > _ENCLOSED_BY * edges[0]) & (stats[:, cv2.CC_STAT_AREA] < size)
    enclosed[0] = False
    enclosed[np.unique(np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1])))] = False
    return np.where(enclosed[labels], np.uint8(1), passing_hw)


def _range_of(background_hwc: F32) -> tuple[F32, F32]:
    """Least and most that a pixel may be where the camera sways: it is not sampled exactly where it lay."""
    square = np.ones((3, 3), np.uint8)
    least, most = cv2.erode(background_hwc, square), cv2.dilate(background_hwc, square)
    return np.asarray((background_hwc + least) / 2, np.float32), np.asarray((background_hwc + most) / 2, np.float32)


@compiled
def _lights(frames, hidden):  # type: ignore[no-untyped-def]
    """[count]: every picture's light over that of the median picture, by every third pixel."""
    count, height, width = hidden.shape
    lights = np.ones(count, np.float32)
    rows, columns = (height + 2) // 3, (width + 2) // 3
    sums = np.full((count, rows * columns), np.float32(-1))
    middle = np.zeros(rows * columns, np.float32)
    values = np.empty(max(count, rows * columns), np.float32)
    for i in range(rows * columns):
        y, x = i // columns * 3, i % columns * 3
        n = 0
        for t in range(count):
            if not hidden[t, y, x]:
                sums[t, i] = (
                    np.float32(frames[t, y, x, 0]) + np.float32(frames[t, y, x, 1]) + np.float32(frames[t, y, x, 2])
                )
                values[n] = sums[t, i]
                n += 1
        if n:
            values[:n].sort()
            middle[i] = values[n // 2]
    for t in range(count):
        n = 0
        for i in range(rows * columns):
            if sums[t, i] >= 0 and middle[i] > 60:
                values[n] = sums[t, i] / middle[i]
                n += 1
        if n > 20:
            values[:n].sort()
            lights[t] = max(values[n // 2], np.float32(0.05))
    return lights


@compiled
def _sort_few(values, n):  # type: ignore[no-untyped-def]
    for i in range(1, n):
        value, k = values[i], i
        while k > 0 and values[k - 1] > value:
            values[k] = values[k - 1]
            k -= 1
        values[k] = value


@compiled
def _background(frames, hidden, lights):  # type: ignore[no-untyped-def]
    """Median of what is seen, brought to one light, and standard deviation of it [h, w, 3], and of how many frames."""
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
                        values[n] = frames[t, y, x, c] / lights[t]
                        n += 1
                counts[y, x] = n
                if n:
                    _sort_few(values, n)
                    middle = values[n // 2]
                    background[y, x, c] = middle
                    # The deviation that 35 % stay below: what passes may be there half of the time.
                    low, high, deviation = n // 2 - 1, n // 2 + 1, np.float32(0)
                    for _ in range(n * 7 // 20):
                        below = middle - values[low] if low >= 0 else np.float32(np.inf)
                        above = values[high] - middle if high < n else np.float32(np.inf)
                        if below < above:
                            deviation, low = below, low - 1
                        else:
                            deviation, high = above, high + 1
                    spread[y, x, c] = deviation / np.float32(0.454)
    return background, spread, counts


@compiled
def _passing(picture, hidden, background, low, high, spread, counts):  # type: ignore[no-untyped-def]
    """1 where a picture differs from the background, brought to its light."""
    height, width = hidden.shape
    ratios = np.empty(height * width, np.float32)
    n = 0
    for y in range(0, height, 3):
        for x in range(0, width, 3):
            level = background[y, x, 0] + background[y, x, 1] + background[y, x, 2]
            if not hidden[y, x] and counts[y, x] >= _FEWEST_SEEN and level > 60:
                value = np.float32(picture[y, x, 0]) + np.float32(picture[y, x, 1]) + np.float32(picture[y, x, 2])
                ratios[n] = value / level
                n += 1
    light = np.float32(1)
    if n > 20:
        ratios[:n].sort()
        light = ratios[n // 2]
    passing = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            if hidden[y, x] or counts[y, x] < _FEWEST_SEEN:
                continue
            for c in range(3):
                allowed = max(np.float32(_PASSING_LEVELS), np.float32(_PASSING_DEVIATIONS) * spread[y, x, c])
                allowed *= max(light, np.float32(1))
                least, most = low[y, x, c] * light - allowed, high[y, x, c] * light + allowed
                if background[y, x, c] * light < 250 and not least <= picture[y, x, c] <= most:
                    passing[y, x] = 1
    return passing


def _when_shown(shown_Thw: Bool, direction: int) -> NDArray[np.int16]:
    frames = len(shown_Thw)
    away = np.zeros(shown_Thw.shape, np.int16)
    last = np.full(shown_Thw.shape[1:], -1, np.int16)
    for t in range(frames - 1, -1, -1) if direction == 1 else range(frames):
        np.subtract(last, t, out=away[t], where=last >= 0)
        last[shown_Thw[t]] = t
    return away


@compiled
def _follow(first, rows, columns, places, back, when, top, left, away, to_x, to_y):  # type: ignore[no-untyped-def]
    frames, height, width = when.shape
    for t in range(frames):
        b = back[t]
        for n in range(first[t], first[t + 1]):
            x, y = columns[n], rows[n]
            home_x, home_y = b[0, 0] + b[0, 1] * x + b[0, 2] * y, b[1, 0] + b[1, 1] * x + b[1, 2] * y
            ix, iy = int(np.rint(home_x)) - left, int(np.rint(home_y)) - top
            if not (0 <= ix < width and 0 <= iy < height) or when[t, iy, ix] == 0:
                continue
            p = places[t + when[t, iy, ix]]
            away[n] = when[t, iy, ix]
            to_x[n] = p[0, 0] + p[0, 1] * home_x + p[0, 2] * home_y
            to_y[n] = p[1, 0] + p[1, 1] * home_x + p[1, 2] * home_y
