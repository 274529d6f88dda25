"""The frames and masks that blocks see: windows over regions of a video that move forward and keep what they can.

Neighbouring blocks see some of the same frames; each frame is decoded once a chunk, for all regions that need it.
Memory is that of the regions of the longest block, whatever the chunk's and the video's length, and of what is read
ahead (`read_ahead.py`).
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Condition

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.regions import Region
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.region_sizes import restored_size, rule_of
from reelmend.pipelines.engines.registry import works_in_regions
from reelmend.pipelines.media.canvas.canvas import Canvas, canvas_of
from reelmend.pipelines.media.canvas.masks import read_canvas_masks
from reelmend.pipelines.media.crop import region_to_rgb
from reelmend.pipelines.media.masks.reader import MaskInput
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.sizes import Size
from reelmend.pipelines.stages.mask_window import MaskWindow
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.tasks import Block

_WALKED = 48
"""Frames that are decoded and passed over sooner than the file is opened again."""

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


class Clip:
    """Frames and masks of regions at the size they are restored at, and masks at the output's, in about their order.

    The output's size is that of the canvas: the source's own, unless the job outpaints. A region of None is all of it.
    """

    def __init__(self, record: ProbeRecord, mask: MaskInput | None, job: JobConfig, *, fed: bool = False) -> None:
        """`fed`: a second thread reads ahead (`read_one_ahead`), and a third asks for `output_mask`."""
        self.record, self.job, self._fed = record, job, fed
        self.canvas = canvas_of(record.info, job)
        self._frames_from = partial(read_frames, record.info, stop=record.info.frames)
        self._source = self._frames_from(start=0)
        self._position = 0
        self._held: dict[Region | None, dict[int, U8]] = {}
        self._expected: list[tuple[Region | None, int, int]] = []
        self._turn = Condition()
        """Held by the thread that reads."""
        self._waiting = False
        """Someone waits for frames or masks now: reading ahead makes way."""
        self._begun: int | None = None
        """The first frame that was asked for."""
        self._shown = -1
        """The last frame whose picture was asked for."""
        masks_from = partial(_read_masks, record, self.canvas, mask, job)
        self._masks = MaskWindow(masks_from, self.canvas.size)
        # An engine that works block by block has seen a block's masks just before they are asked for again.
        by_block = works_in_regions(job) and not rule_of(job).of_shot and not fed
        self._output_masks = self._masks if by_block else MaskWindow(masks_from, self.canvas.size)

    def size(self, region: Region | None) -> Size:
        """Return (width, height) of the frames and masks of a region."""
        return restored_size(region, self.canvas.size, self.job)

    def expect(self, blocks: Sequence[Block]) -> None:
        """Say which blocks come next, in order, so that what they see is cut out while a frame is at hand."""
        self._expected = [(region, block.seen_start, block.seen_stop) for block in blocks for region in block.places]
        wanted: set[Region | None] = {region for block in blocks for region in block.places}
        with self._turn:
            self._held = {region: held for region, held in self._held.items() if region in wanted}

    def images(self, region: Region | None, wanted: Sequence[int]) -> U8:
        """Return frames of a region, u8 [T, h, w, 3], whose numbers rise: this window's own array."""
        width, height = self.size(region)
        frames = np.empty((len(wanted), height, width, 3), np.uint8)
        with self._asking(wanted):
            self._forget(wanted[0] if wanted else 0)
            held = self._held.setdefault(region, {})
            for place, index in enumerate(wanted):
                if index not in held:
                    self._read(index, region)
                frames[place] = held.pop(index)
            later = held if region or self._fed else {}
            self._held[region] = later | dict(zip(wanted, frames, strict=True))
            self._shown = max((self._shown, *wanted))
        return frames

    def masks(self, region: Region | None, wanted: Sequence[int]) -> Bool:
        """Return the masks of frames of a region, bool [T, h, w]; their numbers rise."""
        width, height = self.size(region)
        masks = np.empty((len(wanted), height, width), np.bool_)
        shrunk: tuple[Bool, Bool] | None = None
        with self._asking(wanted):
            for place, index in enumerate(wanted):
                mask = self._masks.at(index)
                if shrunk is None or shrunk[0] is not mask:
                    shrunk = mask, _shrink(mask if region is None else mask[region.inside], (width, height))
                masks[place] = shrunk[1]
        return masks

    def output_mask(self, region: Region | None, index: int) -> Bool:
        """Return the mask of one frame of a region at the output's size, bool [H, W]; ask in order of the frames."""
        if self._output_masks is not self._masks:
            self._output_masks.drop(index)
        mask = self._output_masks.at(index)
        return mask if region is None else mask[region.inside]

    def enlarge(self, region: Region | None, restored_HWC: U8) -> U8:
        """Bring a restored frame of a region to the output's size."""
        size = self.canvas.size if region is None else region.size
        if self.size(region) == size:
            return restored_HWC
        return cv2.resize(restored_HWC, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)

    def read_one_ahead(self, wanted: Sequence[int], room: Callable[[], int], stopped: Callable[[], bool]) -> int | None:
        """Read the next of the frames `wanted` that was not decoded yet, and its mask; return its number.

        Waits while another thread asks for frames, and while what is ahead takes `room()` bytes. None where nothing
        is left to read, or when `stopped`. An error is left to who asks for that frame, and meets it then.
        """

        def may_read() -> bool:
            free = self._begun is not None and not self._waiting
            return stopped() or (free and self.bytes_ahead() < room())

        with self._turn:
            self._turn.wait_for(may_read)
            if stopped() or self._begun is None:
                return None
            begin = max(self._position, self._begun)
            index = next((index for index in wanted if index >= begin), None)
            if index is None:
                return None
            try:
                self._masks.reach(index)
                self._read(index, *self._regions_of(index))
            except Exception:
                self._position = sys.maxsize  # so that the next one who needs a frame opens the file again
                self._masks.open_again()
                return None
            return index

    def wake(self) -> None:
        """Let `read_one_ahead` look again whether it may read, or is stopped."""
        with self._turn:
            self._turn.notify_all()

    @contextmanager
    def _asking(self, wanted: Sequence[int]) -> Iterator[None]:
        """Inside, no other thread reads; it makes way after the frame that it is at."""
        self._waiting = True
        with self._turn:
            self._waiting = False
            if wanted and self._begun is None:
                self._begun = wanted[0]
            try:
                yield
            finally:
                self._turn.notify_all()

    def bytes_ahead(self) -> int:
        """Return the bytes of pictures that nobody has asked for yet."""
        with self._turn:
            return sum(picture.nbytes for held in self._held.values() for t, picture in held.items() if t > self._shown)

    def _regions_of(self, index: int) -> set[Region | None]:
        """Return the regions that a frame will be asked for, as far as is known."""
        return {region for region, start, stop in self._expected if start <= index < stop}

    def _read(self, index: int, *regions: Region | None) -> None:
        """Hold frame `index` of these regions, and of those which will be asked for it later."""
        for _ in range(index - self._position if index - self._position <= _WALKED else 0):
            next(self._source)
            self._position += 1
        if index != self._position:
            self._source = self._frames_from(start=index)
        self._position = index + 1
        frame = next(self._source)
        for other in {*regions, *self._regions_of(index)}:
            held = self._held.setdefault(other, {})
            if index not in held:
                held[index] = _picture(frame, self.record.info, self.canvas, other, self.size(other))

    def _forget(self, before: int) -> None:
        self._masks.drop(before)
        for held in self._held.values():
            for index in [index for index in held if index < before]:
                del held[index]


# No method: a generator that held the clip, which holds the generator, would keep a block's frames until the garbage
# collector comes by.


def _read_masks(
    record: ProbeRecord, canvas: Canvas, mask: MaskInput | None, job: JobConfig, start: int
) -> Iterator[Bool]:
    """Yield masks from frame `start` on, at the output's size."""
    info = record.info
    yield from read_canvas_masks(mask, info, record.mask.as_read(job.mask), canvas, start, info.frames)


def _picture(frame: av.VideoFrame, info: VideoInfo, canvas: Canvas, region: Region | None, size: Size) -> U8:
    """Return a region of the frame, or the frame on its canvas, as RGB at `size`.

    It becomes RGB before it is laid there, so that no colour bleeds between it and the black around it, and the canvas
    is made smaller as a whole, so that the picture lies where its mask does, to a fraction of a pixel.
    """
    if region is not None:
        return region_to_rgb(frame, info, region, size)
    if not canvas.grows:
        return to_rgb(frame, info, size)
    laid: U8 = canvas.lay(to_rgb(frame, info))
    if size == canvas.size:
        return laid
    return cv2.resize(laid, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _shrink(mask: Bool, size: Size) -> Bool:
    """A pixel at the smaller size is missing when any pixel under it is."""
    height, width = mask.shape
    if size == (width, height):
        return mask
    return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
