"""Which frames and masks does a block see? A window over the video that moves forward and keeps what it can.

Neighbouring blocks see some of the same frames; the window decodes each frame once a chunk. Memory is that of the
longest block, whatever the chunk's and the video's length.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.canvas import Canvas, canvas_of
from pipelines.canvas_masks import read_canvas_masks
from pipelines.config import JobConfig
from pipelines.media.reader import read_frames, to_rgb
from pipelines.media.records import VideoInfo
from pipelines.sizes import Size, process_size
from pipelines.stages.desk import ProbeRecord

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


class Clip:
    """Frames at processing size and masks at the output's, for ranges that only move forward.

    The output's size is that of the canvas: the source's own, unless the job outpaints.
    """

    def __init__(self, record: ProbeRecord, mask: Path | None, job: JobConfig) -> None:
        self.record, self.job, self._mask = record, job, mask
        self.canvas = canvas_of(record.info, job)
        self.size = process_size(self.canvas.size, job)
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
        """Return the mask of video frame `index`, which the window holds, bool [H, W] at the output's size."""
        width, height = self.canvas.size
        bits = np.unpackbits(self._masks[index - self._start], count=width * height)
        return bits.reshape(height, width).view(np.bool_)

    def enlarge(self, restored_HWC: U8) -> U8:
        """Bring a restored frame to the output's size."""
        if self.size == self.canvas.size:
            return restored_HWC
        return cv2.resize(restored_HWC, self.canvas.size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)

    def _read(self, index: int) -> tuple[U8, U8]:
        if index != self._position:
            self._source = _decode(self.record, self._mask, self.job, self.canvas, index)
        self._position = index + 1
        return next(self._source)

    def _shrink(self, mask: Bool) -> Bool:
        """A pixel at processing size is missing when any pixel under it is."""
        if self.size == self.canvas.size:
            return mask
        return cv2.resize(mask.astype(np.float32), self.size, interpolation=cv2.INTER_AREA) > 0


def _decode(
    record: ProbeRecord, mask: Path | None, job: JobConfig, canvas: Canvas, start: int
) -> Iterator[tuple[U8, U8]]:
    """Yield (frame at processing size, mask at the output's size in bits) from video frame `start` on.

    Not a method: a generator that held the clip, which holds the generator, would keep a block's frames until the
    garbage collector comes by.
    """
    info, size = record.info, process_size(canvas.size, job)
    frames = read_frames(info, start, info.frames)
    masks = read_canvas_masks(mask, info, job.mask, canvas, start, info.frames)
    for frame, mask_HW in zip(frames, masks, strict=True):
        yield _picture(frame, info, canvas, size), np.packbits(mask_HW)


def _picture(frame: av.VideoFrame, info: VideoInfo, canvas: Canvas, size: Size) -> U8:
    """Return the frame on its canvas as RGB at `size`.

    It becomes RGB before it is laid there, so that no colour bleeds between it and the black around it, and the canvas
    is made smaller as a whole, so that the picture lies where its mask does, to a fraction of a pixel.
    """
    if not canvas.grows:
        return to_rgb(frame, info, size)
    laid: U8 = canvas.lay(to_rgb(frame, info))
    if size == canvas.size:
        return laid
    return cv2.resize(laid, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
