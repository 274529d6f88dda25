"""Which frames and masks does a block see? A window over the video that moves forward and keeps what it can.

Neighbouring blocks see some of the same frames; the window decodes each frame once a chunk. Memory is that of the
longest block, whatever the chunk's and the video's length.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.canvas.canvas import Canvas, canvas_of
from pipelines.canvas.masks import read_canvas_masks
from pipelines.config import JobConfig
from pipelines.media.reader import read_frames, to_rgb
from pipelines.media.records import VideoInfo
from pipelines.sizes import Size, process_size
from pipelines.stages.mask_window import MaskWindow
from pipelines.stages.record import ProbeRecord

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


class Clip:
    """Frames and masks of a video at processing size, and masks at the output's, for ranges that only move forward.

    The output's size is that of the canvas: the source's own, unless the job outpaints.
    """

    def __init__(self, record: ProbeRecord, mask: Path | None, job: JobConfig) -> None:
        self.record, self.job = record, job
        self.canvas = canvas_of(record.info, job)
        self.size = process_size(self.canvas.size, job)
        self._pictures_from = partial(_read_pictures, record.info, self.canvas, self.size)
        self._start = self._stop = 0
        self._frames: U8 = np.empty((0, self.size[1], self.size[0], 3), np.uint8)
        self._source = self._pictures_from(0)
        self._position = 0
        masks_from = partial(_read_masks, record.info, self.canvas, mask, job)
        self._masks = MaskWindow(masks_from, self.canvas.size)
        self._output_masks = MaskWindow(masks_from, self.canvas.size)

    def images(self, start: int, stop: int) -> U8:
        """Return frames [start, stop), u8 [T, H, W, 3] at processing size: this window's own array."""
        if not self._start <= start <= self._stop <= stop:
            self._start = self._stop = start
            self._frames = self._frames[:0]
        kept = self._stop - start
        frames = np.empty((stop - start, *self._frames.shape[1:]), np.uint8)
        frames[:kept] = self._frames[start - self._start :]
        self._frames = frames
        for index in range(self._stop, stop):
            frames[index - start] = self._read(index)
        self._start, self._stop = start, stop
        self._masks.drop(start)
        return frames

    def masks(self, start: int, stop: int) -> Bool:
        """Return the masks of frames [start, stop), bool [T, H, W] at processing size."""
        masks = np.empty((stop - start, self.size[1], self.size[0]), np.bool_)
        for index in range(start, stop):
            masks[index - start] = self._shrink(self._masks.at(index))
        return masks

    def output_mask(self, index: int) -> Bool:
        """Return the mask of one frame at the output's size, bool [H, W]; ask in order of the frames."""
        self._output_masks.drop(index)
        return self._output_masks.at(index)

    def enlarge(self, restored_HWC: U8) -> U8:
        """Bring a restored frame to the output's size."""
        if self.size == self.canvas.size:
            return restored_HWC
        return cv2.resize(restored_HWC, self.canvas.size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)

    def _read(self, index: int) -> U8:
        if index != self._position:
            self._source = self._pictures_from(index)
        self._position = index + 1
        return next(self._source)

    def _shrink(self, mask: Bool) -> Bool:
        """A pixel at processing size is missing when any pixel under it is."""
        if self.size == self.canvas.size:
            return mask
        return cv2.resize(mask.astype(np.float32), self.size, interpolation=cv2.INTER_AREA) > 0


# Not methods: a generator that held the clip, which holds the generator, would keep a block's frames until the garbage
# collector comes by.


def _read_pictures(info: VideoInfo, canvas: Canvas, size: Size, start: int) -> Iterator[U8]:
    """Yield frames from `start` on, at `size`."""
    for frame in read_frames(info, start, info.frames):
        yield _picture(frame, info, canvas, size)


def _read_masks(info: VideoInfo, canvas: Canvas, mask: Path | None, job: JobConfig, start: int) -> Iterator[Bool]:
    """Yield masks from frame `start` on, at the output's size."""
    yield from read_canvas_masks(mask, info, job.mask, canvas, start, info.frames)


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
