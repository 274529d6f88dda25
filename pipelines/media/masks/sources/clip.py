"""Pictures that a mask source looks at: a range of a video's frames, as a player shows them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.rotation import as_shown

U8 = NDArray[np.uint8]
MOST_RATE = 120.0
"""Frames per second above which a rate is taken for a mistake in the header, for what is counted in seconds."""
Size = tuple[int, int]
"""(width, height)"""


@dataclass(frozen=True)
class Clip:
    """Frames [start, stop) of a video. All frame numbers are the video's own."""

    info: VideoInfo
    start: int
    stop: int
    shots: tuple[tuple[int, int], ...]
    """Ranges [start, stop) without a cut, which together are the whole clip."""
    around: tuple[tuple[int, int], ...] = ()
    """The video's shots: frames before and after the clip that may be looked at, too. Empty: those of the clip."""

    def whole_shot(self, frame: int) -> tuple[int, int]:
        """Return the frames [start, stop) of the video's shot that a frame of the clip is in."""
        return next((start, stop) for start, stop in (*self.around, *self.shots) if start <= frame < stop)

    @property
    def size(self) -> Size:
        """(width, height) of the pictures as shown: turned, before pixels that are not square are stretched."""
        return self.info.display_size

    @property
    def rate(self) -> float:
        """Frames per second, on average; at most `MOST_RATE`, as files say anything."""
        return min(float(self.info.rate), MOST_RATE)

    def pictures(
        self, start: int | None = None, stop: int | None = None, size: Size | None = None, every: int = 1
    ) -> Iterator[U8]:
        """Yield RGB pictures u8 [H, W, 3] of frames [start, stop), by default all; `size`: scaled to (width, height).

        `every`: of each so many frames the first only; the others are decoded but not converted. They can be read as
        often as needed; each time decodes again. Raises MediaError.
        """
        first, last = self.start if start is None else start, self.stop if stop is None else stop
        info = self.info
        coded = size if size is None or info.rotation % 180 == 0 else (size[1], size[0])
        for index, frame in enumerate(read_frames(info, first, last)):
            PROGRESS.frame()
            if index % every:
                continue
            yield as_contiguous(as_shown(to_rgb(frame, info, coded), info.rotation, info.mirrored))


def as_contiguous(image: NDArray[Any]) -> U8:
    """Return an image as OpenCV takes it."""
    return np.ascontiguousarray(image, np.uint8)
