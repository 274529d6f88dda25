"""Pictures of a still scene that texture is copied from: calm, and without what passes.

Legend: T frames, H W height and width.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propagation.camera import IN_PLACE
from reelmend.core_model.propagation.compiled import compiled
from reelmend.core_model.propagation.still_scene import inverted, moved_back

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

# What a frame before and one after count for, beside the frame itself: grain may be stronger at the source than at the
# hole, and does not stand out as much when it is calmed a little.
_SHADOW_PX = 8
_SAME_LIGHT = 0.05  # relative; a smaller change may be the shadow of a passing object
_DARK, _FEWEST_PX = 60, 20  # a sum of three channels; what is darker tells no ratio
_BESIDE = np.float32(55 / 255)


class CleanPictures:
    """Every frame with its neighbours mixed in; where something passes, as an earlier or later frame shows it."""

    def __init__(
        self, frames_THWC: U8, masks_THW: Bool, passing_THW: Bool, places: F64, window: tuple[slice, slice]
    ) -> None:
        """`places` [T, 2, 3] say where the frames' pictures lie; see `reelmend.core_model.propagation.camera`."""
        self._frames, self._places, self._window = frames_THWC, places, window
        self._apart = masks_THW | _grown(passing_THW) if passing_THW.any() else masks_THW
        self._sways = not (places == IN_PLACE).all()
        self._still, self._known = np.zeros_like(frames_THWC[0]), np.zeros(masks_THW.shape[1:], np.bool_)
        for t in range(len(frames_THWC)):
            if self._known[window].all():
                break
            picture, apart = moved_back(frames_THWC[t], self._apart[t], places[t])
            fresh = ~apart & ~self._known
            light = _light(picture, self._still, ~apart & self._known)
            self._still[fresh] = (picture[fresh] / light).clip(0, 255).round()
            self._known |= fresh
        self._picture = np.zeros(frames_THWC.shape[1:], np.float32)

    def hidden(self) -> Bool:
        """[H, W]: what no frame shows clean, wherever the camera sways."""
        hidden: Bool = ~self._known
        if self._sways:
            height, width = hidden.shape
            corners = np.array([[1, x, y] for x in (0, width) for y in (0, height)])
            reach = int(np.ceil(np.abs(corners @ (self._places - IN_PLACE).transpose(0, 2, 1)).max()))
            hidden = cv2.dilate(hidden.view(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
        return hidden

    def at(self, t: int) -> tuple[F32, Bool]:
        """Return frame t's picture [H, W, 3], in its own place, and where other frames had to stand in for it [H, W].

        The picture is good until the next call, and within the window.
        """
        rows, columns = self._window
        area = rows.start, rows.stop, columns.start, columns.stop
        apart = self._apart[t, rows, columns]
        light = 1.0
        if apart.any():
            both = ~apart & self._known[rows, columns]
            light = _light(self._frames[t, rows, columns], self._still[rows, columns], both)
        if self._sways:
            still, back = self._still[None], inverted(self._places[t])
            _mix_swaying(self._frames, self._apart, t, still, self._places, back, *area, light, self._picture)
        else:
            _mix(self._frames, self._apart, t, self._still, *area, light, self._picture)
        return self._picture, self._apart[t]


def _light(picture_HWC: U8, still_HWC: U8, both_HW: Bool) -> float:
    """By what the picture is lighter than the one that stands in, where both show the same; 1 where too little does."""
    both = both_HW[::2, ::2]
    level, known = picture_HWC[::2, ::2][both].sum(1, dtype=np.int32), still_HWC[::2, ::2][both].sum(1, dtype=np.int32)
    told = known > _DARK
    if np.count_nonzero(told) <= _FEWEST_PX:
        return 1.0
    light = float(np.median(level[told] / known[told]).clip(0.2, 5))
    return light if abs(light - 1) > _SAME_LIGHT else 1.0


def _grown(passing_THW: Bool) -> Bool:
    """What passes, and the faint edge of its shadow."""
    square = np.ones((2 * _SHADOW_PX + 1, 2 * _SHADOW_PX + 1), np.uint8)
    grown = passing_THW.copy()
    for t in np.flatnonzero(passing_THW.any((1, 2))):
        grown[t] = cv2.dilate(passing_THW[t].view(np.uint8), square) > 0
    return grown


@compiled
def _mix(frames, apart, t, still, top, bottom, left, right, light, picture):  # type: ignore[no-untyped-def]
    before, after = max(t - 1, 0), min(t + 1, len(frames) - 1)
    for y in range(top, bottom):
        for x in range(left, right):
            one = np.float32(0) if apart[t, y, x] else np.float32(1)
            two = np.float32(0) if before == t or apart[before, y, x] else np.float32(_BESIDE)
            three = np.float32(0) if after == t or apart[after, y, x] else np.float32(_BESIDE)
            total = one + two + three
            if total == 0:
                for k in range(3):
                    picture[y, x, k] = light * np.float32(still[y, x, k])
                continue
            one, two, three = one / total, two / total, three / total
            for k in range(3):
                picture[y, x, k] = (
                    one * np.float32(frames[t, y, x, k])
                    + two * np.float32(frames[before, y, x, k])
                    + three * np.float32(frames[after, y, x, k])
                )


@compiled
def _mix_swaying(frames, apart, t, still, places, back, top, bottom, left, right, light, picture):  # type: ignore[no-untyped-def]
    """The same where the frames' pictures do not lie at the same place: the others are sampled where they do."""
    height, width = apart.shape[1:]
    colour, total = np.empty(3, np.float32), np.float32(0)
    for y in range(top, bottom):
        for x in range(left, right):
            home_x, home_y = back[0, 0] + back[0, 1] * x + back[0, 2] * y, back[1, 0] + back[1, 1] * x + back[1, 2] * y
            total = np.float32(0)
            colour[:] = 0
            if not apart[t, y, x]:
                total += 1
                for k in range(3):
                    colour[k] += frames[t, y, x, k]
            for s in (t - 1, t + 1):
                if not 0 <= s < len(frames):
                    continue
                p = places[s]
                px, py = p[0, 0] + p[0, 1] * home_x + p[0, 2] * home_y, p[1, 0] + p[1, 1] * home_x + p[1, 2] * home_y
                if not (0 <= px < width - 1 and 0 <= py < height - 1) or apart[s, int(np.rint(py)), int(np.rint(px))]:
                    continue
                total += _BESIDE
                for k in range(3):
                    colour[k] += _BESIDE * _between_pixels(frames, s, px, py, k)
            if total == 0:
                total = np.float32(1)
                px, py = min(max(home_x, 0.0), width - 1.001), min(max(home_y, 0.0), height - 1.001)
                for k in range(3):
                    colour[k] = light * _between_pixels(still, 0, px, py, k)
            for k in range(3):
                picture[y, x, k] = colour[k] / total


@compiled
def _between_pixels(frames, s, x, y, k):  # type: ignore[no-untyped-def]
    x0, y0 = int(x), int(y)
    ax, ay = np.float32(x - x0), np.float32(y - y0)
    above = (1 - ax) * np.float32(frames[s, y0, x0, k]) + ax * np.float32(frames[s, y0, x0 + 1, k])
    below = (1 - ax) * np.float32(frames[s, y0 + 1, x0, k]) + ax * np.float32(frames[s, y0 + 1, x0 + 1, k])
    return (1 - ay) * above + ay * below
