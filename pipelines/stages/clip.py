"""Which frames and masks does a block see? A window over the video that moves forward and keeps what it can.

Neighbouring blocks see some of the same frames; the window decodes each frame once a chunk. Memory is that of the
longest block, whatever the chunk's and the video's length.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.config import JobConfig
from pipelines.masks import read_masks
from pipelines.media.reader import read_frames, to_rgb
from pipelines.sizes import Size, process_size
from pipelines.stages.desk import ProbeRecord

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


class Clip:
    """Frames at processing size and masks at the source's, for ranges that only move forward."""

    def __init__(self, record: ProbeRecord, mask: Path, job: JobConfig) -> None:
        self.record, self.job, self._mask = record, job, mask
        self.size = process_size(record.size, job)
        self._start = self._stop = 0
        self._frames: U8 = np.empty((0, self.size[1], self.size[0], 3), np.uint8)
        self._masks: list[U8] = []  # one bit a pixel: a bool array of a long 4K block would outweigh its frames
        self._source: Iterator[tuple[U8, U8]] = iter(())
        self._position = -1

    def see(self, start: int, stop: int) -> tuple[U8, Bool]:
        """Return frames u8 [T, H, W, 3] and masks bool [T, H, W] at processing size, for video frames [start, stop)."""
        if not self._start <= start <= self._stop <= stop:
            self._start = self._stop = start
            self._frames, self._masks = self._frames[:0], []
        kept = self._stop - start
        frames = np.empty((stop - start, *self._frames.shape[1:]), np.uint8)
        frames[:kept] = self._frames[start - self._start :]
        self._frames, self._masks = frames, self._masks[start - self._start :]
        for index in range(self._stop, stop):
            self._frames[index - start], bits = self._read(index)
            self._masks.append(bits)
        self._start, self._stop = start, stop
        masks = np.empty(frames.shape[:3], np.bool_)
        for index in range(start, stop):
            masks[index - start] = self._shrink(self.mask(index))
        return frames, masks

    def mask(self, index: int) -> Bool:
        """Return the mask of video frame `index`, which the window holds, bool [H, W] at the source's size."""
        width, height = self.record.size
        bits = np.unpackbits(self._masks[index - self._start], count=width * height)
        return bits.reshape(height, width).view(np.bool_)

    def enlarge(self, restored_HWC: U8) -> U8:
        """Bring a restored frame to the source's size."""
        if self.size == self.record.size:
            return restored_HWC
        return cv2.resize(restored_HWC, self.record.size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)

    def _read(self, index: int) -> tuple[U8, U8]:
        if index != self._position:
            self._source = _decode(self.record, self._mask, self.job, self.size, index)
        self._position = index + 1
        return next(self._source)

    def _shrink(self, mask: Bool) -> Bool:
        """A pixel at processing size is missing when any source pixel under it is."""
        if self.size == self.record.size:
            return mask
        return cv2.resize(mask.astype(np.float32), self.size, interpolation=cv2.INTER_AREA) > 0


def _decode(record: ProbeRecord, mask: Path, job: JobConfig, size: Size, start: int) -> Iterator[tuple[U8, U8]]:
    """Yield (frame at `size`, mask at the source's size in bits) from video frame `start` on.

    Not a method: a generator that held the clip, which holds the generator, would keep a block's frames until the
    garbage collector comes by.
    """
    info = record.info
    frames = read_frames(info, start, info.frames)
    masks = read_masks(mask, info, job.mask, start, info.frames)
    for frame, mask_HW in zip(frames, masks, strict=True):
        yield to_rgb(frame, info, size), np.packbits(mask_HW)
