"""Clips and masks in memory, read as those of files are."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.records import ColourTags, VideoInfo

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

_UNTAGGED = ColourTags(2, 2, 2, 0)


def _no_pixels() -> U8:
    return np.empty((0, 0, 0, 3), np.uint8)


@dataclass(frozen=True)
class ArrayVideo(VideoInfo):
    """Record of a clip in memory, together with its pictures."""

    pictures: U8 = field(default_factory=_no_pixels, repr=False, compare=False)
    """RGB [T, H, W, 3]."""

    @classmethod
    def of(cls, pictures: U8, rate: Fraction, name: str = "frames") -> "ArrayVideo":
        """Return the record of RGB pictures u8 [T, H, W, 3]; `name` is what messages call them."""
        frames, height, width = pictures.shape[:3]
        return cls(
            path=Path(name),
            is_folder=False,
            codec="rawvideo",
            width=width,
            height=height,
            frames=frames,
            pts=tuple(range(frames)),
            time_base=1 / rate,
            rate=rate,
            variable_rate=False,
            pixel_format="rgb24",
            rotation=0,
            sample_aspect=Fraction(1),
            colour=_UNTAGGED,
            streams=(),
            container="",
            pictures=pictures,
        )

    def frames_from(self, start: int, stop: int) -> Iterator[av.VideoFrame]:
        """Yield the frames [start, stop); samples are copied, so that nothing writes into the pictures."""
        for picture in self.pictures[start:stop]:
            yield av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")


@dataclass(frozen=True, eq=False)
class ArrayMask:
    """A mask in memory: one for all frames, or one for each."""

    values: U8 | Bool
    """[H, W] or [T, H, W]; levels on the scale 0..255, or True where content is missing."""
    name: Path = Path("masks")
    """What messages call it."""

    @property
    def length(self) -> int:
        """Number of masks."""
        return 1 if self.values.ndim == 2 else len(self.values)

    def levels_from(self, start: int, stop: int) -> Iterator[tuple[U8, int]]:
        """Yield the levels u8 [H, W] of frames [start, stop), each with the number of frames it stands for."""
        if self.values.ndim == 2:
            yield _levels(self.values), stop - start
            return
        for values in self.values[start:stop]:
            yield _levels(values), 1


def _levels(values: U8 | Bool) -> U8:
    if values.dtype == np.bool_:
        return np.asarray(values, np.uint8) * np.uint8(255)
    return np.asarray(values, np.uint8)
