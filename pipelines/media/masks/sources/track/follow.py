"""Following an object from one frame through its shot, forward and backward.

An object that moves against the background is what the frames around do not show (`foreground`), near where its shape
is expected. One that rests there is expected where the background takes it, as long as it looks the same.
"""

import math
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.sources.track.camera import Camera
from reelmend.pipelines.media.masks.sources.track.foreground import OFFSETS, differences
from reelmend.pipelines.media.masks.sources.track.reduced import ReducedFrames
from reelmend.pipelines.media.masks.sources.track.shape import INSIDE, find, learned, moved

F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]
Shot = tuple[int, int]

_LEAST_LEVELS, _OVER_NOISE = 8.0, 3.5
"""Difference from the background from which on a pixel is foreground: levels, and times what is usual elsewhere."""
_CLEAR_LEVELS = 12.0
"""Difference of the pixels next to which a mask ends."""
_FULL_LEVELS = 40.0
"""Difference that is full evidence."""
_NEAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
_SQUARE = np.ones((3, 3), np.uint8)
_FEWEST_PX = 12
_OVERLAP = 0.3
"""Share of a piece of foreground that has to be where the object is expected."""
_MOVES = 0.3
"""Share of the object that is foreground, from which on it moves against the background."""
_SEEN = 0.08
"""Score of a place from which on the object is seen there."""
_WELL_SEEN = 0.5
"""Share of the shape that has to be foreground for the shape to be learned from it."""
_WHOLE = 0.9
"""Share of the shape that is foreground, from which on nothing is missing."""
_CLEARS_IN = OFFSETS[-3]
"""Frames."""
_ALIKE_LEVELS, _ALIKE = 25.0, 0.6
"""Levels by which a resting object's pixels may change from frame to frame, and the share that has to stay."""
_STEADY = 0.3
"""Weight of a frame's motion in what is expected of the next."""
_LEAST_SEEN = 0.05
"""Share of the object's first area from which on it is seen at all."""
_GONE_FRAMES = 25
"""Frames without the object after which it is lost."""


@dataclass
class Track:
    """Masks by frame, and where the object was lost."""

    size: tuple[int, int]
    """(width, height) of the masks."""
    lost_at: int | None = None
    """First frame, in the direction of following, from which on it was not seen again."""

    def __post_init__(self) -> None:
        self._packed: dict[int, bytes] = {}

    def put(self, frame: int, mask: Bool) -> None:
        if mask.any():
            self._packed[frame] = zlib.compress(np.packbits(mask).tobytes(), 1)

    def at(self, frame: int) -> Bool | None:
        """Return the mask [h, w] of a frame, None where the object is not seen."""
        packed = self._packed.get(frame)
        if packed is None:
            return None
        width, height = self.size
        bits = np.frombuffer(zlib.decompress(packed), np.uint8)
        return np.unpackbits(bits, count=width * height).reshape(height, width).view(np.bool_)


@dataclass
class _State:
    """What is known of the object when the next frame is looked at."""

    shape: F32
    moves: bool
    """Whether it moves against the background, or did."""
    expected: tuple[float, float] = (0.0, 0.0)
    """Its motion per frame besides the camera's, (x, y) in pixels."""
    first: bool = True

    @property
    def is_slow(self) -> bool:
        """Whether it does not clear its own width until the middle one of the frames that it is compared with."""
        return math.hypot(*self.expected) * _CLEARS_IN < math.sqrt(np.count_nonzero(self.shape > INSIDE))

    def expect(self, shift: tuple[float, float], score: float) -> None:
        """Learn from a frame in which it was seen."""
        weight = 1.0 if self.first else _STEADY * min(1.0, score / _MOVES)
        x, y = self.expected
        self.expected = (1 - weight) * x + weight * shift[0], (1 - weight) * y + weight * shift[1]
        self.first = False


class Follower:
    """Follows one object of a shot."""

    def __init__(self, frames: ReducedFrames, shot: Shot) -> None:
        self._frames, self._shot = frames, shot
        self._camera = Camera(frames)

    def differences(self, frame: int, track: Track) -> F32:
        """Return by how many levels a frame's pixels differ from the background, see `foreground.differences`."""
        return differences(frame, self._shot, self._frames, self._camera, track.at)

    def follow(self, anchor: int, mask: Bool, track: Track, step: int) -> None:
        """Follow the object, `mask` [h, w] in frame `anchor`, to the shot's end (`step` 1) or start (-1)."""
        moves = foreground(self.differences(anchor, track), mask)[mask].mean() >= _MOVES
        state, unseen, frame = _State(mask.astype(np.float32), moves=bool(moves)), 0, anchor + step
        while self._shot[0] <= frame < self._shot[1]:
            seen = self._seen(frame, step, state, track)
            if seen is not None:
                track.put(frame, seen)
            gone = seen is None or np.count_nonzero(seen) <= _LEAST_SEEN * np.count_nonzero(mask)
            unseen = unseen + 1 if gone else 0
            if seen is None or unseen >= _GONE_FRAMES:
                track.lost_at = frame - (unseen - 1) * step
                return
            frame += step

    def _seen(self, frame: int, step: int, state: "_State", track: Track) -> Bool | None:
        """Return the object in the next frame; None where it has left the picture."""
        motion = self._camera.between(frame - step, frame)
        differs = self.differences(frame, track)
        resting = moved(state.shape, motion, (0, 0))
        place = find(resting, np.clip(differs / _FULL_LEVELS, 0, 1), state.expected)
        if place is None:
            return None
        before = track.at(frame - step)
        if state.moves and place.score >= _SEEN:
            state.expect(place.shift, place.score)
            shape = moved(state.shape, motion, place.shift)
            inside = shape > INSIDE
            pieces = self._pieces(differs, inside)
            share = pieces[inside].mean() if inside.any() else 0.0
            state.shape = learned(shape, pieces) if share > _WELL_SEEN else shape
            seen = _sharpened(pieces, differs)
            if before is not None and share < _WHOLE and state.is_slow:  # it is in the frames around, too
                seen |= self._alike(frame, step, before, motion, place.shift) & inside
            return seen
        if before is not None and self._rests(frame, step, before, motion):
            state.shape, state.expected = resting, (0.0, 0.0)
            state.moves |= place.score >= _MOVES
            return moved(before.astype(np.float32), motion, (0, 0)) > 0.5
        state.shape = moved(state.shape, motion, state.expected)
        return self._pieces(differs, state.shape > INSIDE) if state.moves else np.zeros(differs.shape, np.bool_)

    def _pieces(self, differs: F32, expected: Bool) -> Bool:
        """Return the foreground near where the object is expected: pieces most of which are there."""
        near = cv2.dilate(expected.astype(np.uint8), _NEAR) > 0
        found = cv2.morphologyEx((foreground(differs, near) & near).astype(np.uint8), cv2.MORPH_CLOSE, _SQUARE)
        count, labels, figures, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
        inside = np.bincount(labels.ravel(), weights=expected.ravel(), minlength=count)
        areas = figures[:, cv2.CC_STAT_AREA]
        kept = (areas >= _FEWEST_PX) & (inside > _OVERLAP * areas)
        kept[0] = False
        return np.asarray(kept[labels])

    def _rests(self, frame: int, step: int, mask: Bool, motion: NDArray[np.float64]) -> bool:
        """Whether the object of the frame before, moved with the background, is still there."""
        there = moved(mask.astype(np.float32), motion, (0, 0)) > 0.5
        alike = self._alike(frame, step, mask, motion, (0, 0))
        return bool(there.any() and np.count_nonzero(alike) >= _ALIKE * np.count_nonzero(there))

    def _alike(
        self, frame: int, step: int, mask: Bool, motion: NDArray[np.float64], shift: tuple[float, float]
    ) -> Bool:
        """Return which pixels of the mask of the frame before, moved, look as they did there."""
        with_shift = np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1.0]]) @ motion
        before = cv2.warpPerspective(self._frames.at(frame - step), with_shift, self._frames.size).astype(np.int16)
        changed = np.abs(before - self._frames.at(frame).astype(np.int16)).max(axis=2)
        return np.asarray((moved(mask.astype(np.float32), motion, shift) > 0.5) & (changed < _ALIKE_LEVELS))


def _sharpened(mask: Bool, differs: F32) -> Bool:
    """Return a mask without what is next to no pixel that clearly differs from the background: halos of motion blur."""
    clear = ((differs > _CLEAR_LEVELS) & mask).astype(np.uint8)
    return mask & (cv2.dilate(clear, _SQUARE) > 0)


def foreground(differs: F32, near: Bool) -> Bool:
    """Return which pixels differ from the background by more than is usual outside of `near`."""
    outside = differs[~near]
    noise = float(np.median(outside)) if outside.size else 0.0
    return np.asarray(differs > max(_LEAST_LEVELS, _OVER_NOISE * noise))
