"""Pictures of a still scene that texture is copied from: calm, and without what passes.

Legend: T frames, H W height and width.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from core_model.engine import U8, Bool
from core_model.propagation.compiled import compiled

F32 = NDArray[np.float32]

# What a frame before and one after count for, beside the frame itself: grain may be stronger at the source than at the
# hole, and does not stand out as much when it is calmed a little.
_SHADOW_PX = 8
_BESIDE = np.float32(55 / 255)


class CleanPictures:
    """Every frame with its neighbours mixed in; where something passes, as an earlier or later frame shows it."""

    def __init__(self, frames_THWC: U8, masks_THW: Bool, passing_THW: Bool, window: tuple[slice, slice]) -> None:
        self._frames, self._window = frames_THWC, window
        self._apart = masks_THW | _grown(passing_THW) if passing_THW.any() else masks_THW
        self._still, self._known = frames_THWC[0].copy(), ~self._apart[0]
        for t in range(1, len(frames_THWC)):
            if self._known[window].all():
                break
            fresh = ~self._apart[t] & ~self._known
            self._still[fresh] = frames_THWC[t][fresh]
            self._known |= fresh
        self._picture = np.zeros(frames_THWC.shape[1:], np.float32)

    def hidden(self) -> Bool:
        """[H, W]: what no frame shows clean."""
        hidden: Bool = ~self._known
        return hidden

    def at(self, t: int) -> F32:
        """Return frame t's picture [H, W, 3], good until the next call, and within the window."""
        rows, columns = self._window
        area = rows.start, rows.stop, columns.start, columns.stop
        _mix(self._frames, self._apart, t, self._still, *area, self._picture)
        return self._picture


def _grown(passing_THW: Bool) -> Bool:
    """What passes, and the faint edge of its shadow."""
    square = np.ones((2 * _SHADOW_PX + 1, 2 * _SHADOW_PX + 1), np.uint8)
    grown = passing_THW.copy()
    for t in np.flatnonzero(passing_THW.any((1, 2))):
        grown[t] = cv2.dilate(passing_THW[t].view(np.uint8), square) > 0
    return grown


@compiled
def _mix(frames, apart, t, still, top, bottom, left, right, picture):  # type: ignore[no-untyped-def]
    before, after = max(t - 1, 0), min(t + 1, len(frames) - 1)
    for y in range(top, bottom):
        for x in range(left, right):
            one = np.float32(0) if apart[t, y, x] else np.float32(1)
            two = np.float32(0) if before == t or apart[before, y, x] else np.float32(_BESIDE)
            three = np.float32(0) if after == t or apart[after, y, x] else np.float32(_BESIDE)
            total = one + two + three
            if total == 0:
                for k in range(3):
                    picture[y, x, k] = still[y, x, k]
                continue
            one, two, three = one / total, two / total, three / total
            for k in range(3):
                picture[y, x, k] = (
                    one * np.float32(frames[t, y, x, k])
                    + two * np.float32(frames[before, y, x, k])
                    + three * np.float32(frames[after, y, x, k])
                )
