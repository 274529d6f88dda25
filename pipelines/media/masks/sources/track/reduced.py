"""Frames of a shot at a size at which they are followed, in any order, a few at a time in memory."""

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.sources.clip import Clip, Size

U8 = NDArray[np.uint8]

LONGEST_PX = 640
"""Longest side; larger pictures are followed at this size."""
_CHUNK = 32
"""Frames that are decoded at once."""
_HELD = 4
"""Chunks in memory: what a look at 24 frames on both sides of one takes."""


class ReducedFrames:
    """Random access to the frames of a clip, RGB u8 [h, w, 3]."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        width, height = clip.size
        scale = min(1.0, LONGEST_PX / max(width, height))
        self.size: Size = max(1, round(width * scale)), max(1, round(height * scale))
        self._chunks: OrderedDict[int, list[U8]] = OrderedDict()

    def at(self, frame: int) -> U8:
        """Return a frame of the clip by the video's own number. Raises MediaError."""
        number, place = divmod(frame - self._clip.start, _CHUNK)
        if number not in self._chunks:
            start = self._clip.start + number * _CHUNK
            stop = min(start + _CHUNK, self._clip.stop)
            self._chunks[number] = list(self._clip.pictures(start, stop, self.size))
            while len(self._chunks) > _HELD:
                self._chunks.popitem(last=False)
        self._chunks.move_to_end(number)
        return self._chunks[number][place]

    def grey(self, frame: int) -> U8:
        """Return the brightness of a frame, u8 [h, w]."""
        return np.asarray(cv2.cvtColor(self.at(frame), cv2.COLOR_RGB2GRAY), np.uint8)
