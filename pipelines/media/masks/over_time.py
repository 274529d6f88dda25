"""Masks over time: short gaps closed, and extended before they appear and after they disappear."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
LONGEST = 250
"""Frames by which `mask.persist` and `mask.fade` may reach, at most; so many masks are held."""


def closed(masks: Iterable[Bool], persist: int) -> Iterator[Bool]:
    """Yield the masks [H, W] with gaps of up to `persist` frames closed: pixels that are masked before and after."""
    if persist <= 0:
        yield from masks
        return
    held: deque[Bool] = deque()  # frames that may still change; the oldest first
    last: NDArray[np.int64] | None = None
    for frame, mask in enumerate(masks):
        if last is None:
            last = np.full(mask.shape, -persist - 2, np.int64)
        if mask.any():
            gap = frame - last - 1
            closing = mask & (gap > 0) & (gap <= persist)
            for back in range(1, int(gap[closing].max(initial=0)) + 1):
                held[-back] = held[-back] | (closing & (gap >= back))
            last[mask] = frame
        held.append(mask)
        if len(held) > persist:
            yield held.popleft()
    yield from held


def extended(masks: Iterable[Bool], fade: int, shots: Sequence[tuple[int, int]]) -> Iterator[Bool]:
    """Yield the masks [H, W], each with those of up to `fade` frames before and after it in its shot [start, stop)."""
    if fade <= 0:
        yield from masks
        return
    source = iter(masks)
    for start, stop in shots:
        yield from _extended(source, stop - start, fade)


def _extended(source: Iterator[Bool], frames: int, fade: int) -> Iterator[Bool]:
    window: deque[Bool] = deque()
    count: NDArray[np.int32] = np.zeros((), np.int32)  # of a pixel, the masks of the window that hold it
    read = 0
    for frame in range(frames):
        while read < min(frames, frame + fade + 1):
            window.append(next(source))
            count = count + window[-1]
            read += 1
        if frame > fade:
            count -= window.popleft()
        yield count > 0
