"""Frames of a video as JPEG, by number, for a page that scrubs through it."""

from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.masks.sources.clip import Clip
from reelmend.pipelines.media.records import VideoInfo

LONGEST_PX = 1280
"""Longest side of a picture."""
_KEPT = 48
"""Pictures in memory: about 10 MB."""
_AHEAD = 12
"""Frames that are decoded to get to a later one, rather than beginning at a key frame again."""
_BEHIND = 8
"""Frames before the asked one that are kept too after a jump, for a step back: each jump decodes from a key frame."""
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 88]


class Frames:
    """Pictures of one video as shown, scaled down to at most LONGEST_PX. Any thread may ask."""

    def __init__(self, info: VideoInfo) -> None:
        self._clip = Clip(info, 0, info.frames, ((0, info.frames),))
        self._lock = Lock()
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._reading: Iterator[NDArray[np.uint8]] = iter(())
        self._next = info.frames
        """The frame that `_reading` comes to."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the pictures."""
        width, height = self._clip.size
        scale = min(1.0, LONGEST_PX / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def jpeg(self, frame: int) -> bytes:
        """Return one picture. Raises MediaError where it cannot be read, KeyError where there is no such frame."""
        if not 0 <= frame < self._clip.stop:
            raise KeyError(frame)
        with self._lock:
            if frame in self._kept:
                self._kept.move_to_end(frame)
                return self._kept[frame]
            if not self._next <= frame <= self._next + _AHEAD:
                self._next = max(0, frame - _BEHIND)
                self._reading = self._clip.pictures(self._next, size=self.size)
            while self._next <= frame:
                self._read_one(frame)
            return self._kept[frame]

    def _read_one(self, wanted: int) -> None:
        number, self._next = self._next, self._clip.stop  # where reading fails, the next picture begins again
        picture = next(self._reading, None)
        if picture is None:
            raise MediaError(f"{self._clip.info.path}: frame {wanted} cannot be read any more")
        self._kept[number] = cv2.imencode(".jpg", picture[..., ::-1], _QUALITY)[1].tobytes()
        self._next = number + 1
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
