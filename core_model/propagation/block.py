"""The holes of a block of frames: candidates of every pixel, their weights, and the pictures composed of them.

Legend: T frames, H W height and width, C candidates, N the asked pixels of all frames.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.progress import PROGRESS
from reelmend.core_model.propagation.clean_pictures import CleanPictures
from reelmend.core_model.propagation.gradient_blend import Pictures, blend
from reelmend.core_model.propagation.hole_motion import BACKGROUND
from reelmend.core_model.propagation.pixel_tracks import Asked, Tracks
from reelmend.core_model.propagation.selection import look_up, match_light, spread_misses, weigh
from reelmend.core_model.propagation.unseen_texture import NOT_INVENTED, Invention

F32 = NDArray[np.float32]


# What is invented is off by as much as the rim varies, and more the deeper it lies: measured against hidden truth.
_SMOOTH_MISS = np.float32(1.0)  # grey levels
_DEPTH_PX = np.float32(20.0)


class Block:
    """Frames whose masked pixels are to be filled, in place; each candidate is a direction of time on a layer."""

    def __init__(self, frames: U8, masks: Bool, asked: Asked, tracks: Sequence[Tracks], layers: Sequence[int]) -> None:
        self._frames, self._masks, self._asked = frames, masks, asked
        self._away, self._x, self._y = (np.stack([track[i] for track in tracks]) for i in range(3))
        self._weights = np.zeros(self._away.shape, np.uint8)
        self._gains = np.ones((len(frames), len(tracks)), np.float32)
        self._seen = len(tracks)  # candidates beyond these are invented
        self._strength = 1.0
        self._pictures: CleanPictures | None = None
        self._moved: F32 | None = None
        self._miss = np.zeros(len(asked.rows), np.uint8)
        self._whole: set[int] = set()
        self._frames_with_holes = np.flatnonzero(np.diff(asked.first)).tolist()
        self._layers = np.array(layers, np.int64)
        for t in self._frames_with_holes:
            self._weigh(t)
            PROGRESS.sign()

    @property
    def unseen(self) -> Bool:
        """[N]: missing pixels whose background no frame shows, and of which nothing in front was accepted."""
        behind = self._away[self._layers == BACKGROUND]
        unseen: Bool = self._asked.missing & ~(behind != 0).any(0) & ~(self._weights > 0).any(0)
        return unseen

    def invent(self, invention: Invention) -> None:
        """Take what was invented for the unseen pixels as one more candidate."""
        more, self._strength, self._pictures = invention
        if more is None:
            return
        away = np.where(more.away != NOT_INVENTED, more.away, 0)
        self._away = np.concatenate((self._away, away[None]))
        self._x, self._y = np.concatenate((self._x, more.x[None])), np.concatenate((self._y, more.y[None]))
        self._weights = np.concatenate((self._weights, more.weight[None]))
        self._gains = np.column_stack((self._gains, np.ones(len(self._gains), np.float32)))
        self._whole.clear()

    def compose(self, t: int) -> None:
        """Write the masked pixels of a frame."""
        if t in self._whole:
            return
        part = self._part(t)
        rows, columns, missing = self._asked.rows[part], self._asked.columns[part], self._asked.missing[part]
        ways = self._ways(part)
        colours, found = np.zeros((*ways[0].shape, 3), np.float32), np.zeros(ways[0].shape, np.bool_)
        gains, weights = self._gains[t], np.ascontiguousarray(self._weights[:, part])
        pictures = Pictures(self._frames, self._masks, t)
        if self._pictures is None:
            look_up(self._frames, self._masks, t, *ways, weights > 0, colours, found)
        else:
            picture, stood_in = self._pictures.at(t)
            clean, hidden = picture[None], self._pictures.hidden()[None]
            pictures = Pictures(self._frames, self._masks, t, clean, hidden, stood_in)
            seen, made = slice(self._seen), slice(self._seen, None)
            taken = weights > 0
            look_up(self._frames, self._masks, t, *(way[seen] for way in ways), taken[seen], colours[seen], found[seen])
            look_up(clean, hidden, 0, *(way[made] for way in ways), taken[made], colours[made], found[made])
        colours *= gains[:, None, None]
        weights[~found] = 0
        mask = self._masks[t]
        guess = self._moved if t and np.array_equal(mask, self._masks[t - 1]) else None
        self._frames[t][mask], self._moved = blend(
            pictures, rows, columns, missing, *ways, colours, gains, weights, self._seen, self._strength, guess
        )
        self._whole.add(t)

    def compose_all(self, kept: slice = slice(None)) -> None:
        """Write the masked pixels of all frames that are kept."""
        wanted = [t for t in self._frames_with_holes if t in range(len(self._frames))[kept]]
        for number, t in enumerate(wanted, start=1):
            self.compose(t)
            PROGRESS.reach(number / len(wanted))

    def away(self) -> U8:
        """[T, H, W]: how many frames away each masked pixel was seen; see `reelmend.core_model.engine.Restored`."""
        seen = self._weights[: self._seen] > 0
        nearest = np.where(seen, np.abs(self._away[: self._seen]), 255).min(0).clip(max=255).astype(np.uint8)
        nearest[~seen.any(0)] = 0
        away = np.zeros(self._masks.shape, np.uint8)
        away[self._masks] = nearest[self._asked.missing]
        return away

    def miss(self) -> U8:
        """[T, H, W]: by how much what fills a pixel misses the rim; see `reelmend.core_model.engine.Restored`."""
        miss = np.zeros(self._masks.shape, np.uint8)
        miss[self._masks] = self._miss[self._asked.missing]
        return miss

    def _part(self, t: int) -> slice:
        return slice(int(self._asked.first[t]), int(self._asked.first[t + 1]))

    def _ways(self, part: slice) -> tuple[NDArray[np.int16], F32, F32]:
        away, x, y = (np.ascontiguousarray(ways[:, part]) for ways in (self._away, self._x, self._y))
        return away, x, y

    def _weigh(self, t: int) -> None:
        part = self._part(t)
        frame, asked = self._frames[t], self._asked
        pixels = asked.rows[part], asked.columns[part], asked.missing[part]
        ways = self._ways(part)
        count = ways[0].shape
        colours, found = np.zeros((*count, 3), np.float32), np.zeros(count, np.bool_)
        look_up(self._frames, self._masks, t, *ways, ways[0] != 0, colours, found)
        match_light(frame, *pixels, colours, found, self._gains[t])
        misses, contrast = np.zeros(count, np.float32), np.zeros(count[1], np.float32)
        spread_misses(frame, *pixels, colours, found, self._layers, misses, contrast)
        weights = np.zeros(count, np.uint8)
        weigh(pixels[2], ways[0], colours, found, misses, self._layers, self._gains[t], weights)
        self._weights[:, part] = weights
        taken = np.where(weights > 0, misses, np.inf).min(0)
        if np.isinf(taken[pixels[2]]).any():
            depth = cv2.distanceTransform(self._masks[t].view(np.uint8), cv2.DIST_L2, 3)[pixels[0], pixels[1]]
            smooth = (_SMOOTH_MISS + contrast) * (0.5 + np.minimum(depth, _DEPTH_PX) / _DEPTH_PX)
            taken = np.where(np.isinf(taken), smooth, taken)
        self._miss[part] = (4 * taken).clip(0, 255).astype(np.uint8)
