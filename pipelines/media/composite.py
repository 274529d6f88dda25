"""The way of restored pixels into a frame, without touching any other sample of it.

The patch is converted to the frame's own pixel format, and only samples that lie wholly inside the mask are written. A
chroma sample that is shared with a pixel outside the mask keeps the source's value.
"""

from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.colour import Colour, colour_of, rgb_to_yuv
from reelmend.pipelines.media.formats import Layout, Samples, copy_of, planes_of, working_layout
from reelmend.pipelines.media.records import VideoInfo

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Float = NDArray[np.float32]

_WORTH_A_PIECE_PX = 32
"""Rows or columns without a masked pixel that are left out of the arithmetic."""


def paste_rgb(
    frame: av.VideoFrame, rgb_patch: U8, mask_patch: Bool, left: int, top: int, info: VideoInfo
) -> av.VideoFrame:
    """Return a copy of `frame` with the masked pixels of a patch in it; the frame itself when the mask is empty.

    `frame` comes from `read_frames`, in `info.pixel_format`; `rgb_patch` is u8 [h, w, 3], `mask_patch` bool [h, w], and
    its first pixel lies at column `left`, row `top`. Both may be odd. Alpha is kept. Samples outside the mask stay
    bit-identical. Raises ValueError when the patch does not fit the mask or the frame.
    """
    height, width = mask_patch.shape
    if rgb_patch.shape != (height, width, 3):
        raise ValueError(f"patch of shape {rgb_patch.shape} with a mask of shape {mask_patch.shape}")
    if left < 0 or top < 0 or left + width > frame.width or top + height > frame.height:
        raise ValueError(f"patch {width}x{height} at ({left}, {top}) leaves the frame {frame.width}x{frame.height}")
    if not mask_patch.any():
        return frame
    pasted = copy_of(frame)
    for rows, columns in _pieces(mask_patch):
        piece = rgb_patch[rows, columns], mask_patch[rows, columns]
        _paste_piece(pasted, *piece, left + columns.start, top + rows.start, colour_of(info))
    return pasted


def _pieces(mask: Bool) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of parts of a patch that hold all of its masked pixels.

    What lies between them is a whole empty row or column, so that no chroma sample is covered by two of them together.
    """
    for rows in _runs(np.asarray(mask.any(axis=1))):
        for columns in _runs(np.asarray(mask[rows].any(axis=0))):
            yield rows, columns


def _runs(masked: Bool) -> list[slice]:
    """Return the runs of True that are far enough apart to be worth telling apart."""
    places = np.flatnonzero(masked)
    breaks = np.flatnonzero(np.diff(places) > _WORTH_A_PIECE_PX)
    starts, stops = [places[0], *places[breaks + 1]], [*places[breaks], places[-1]]
    return [slice(int(start), int(stop) + 1) for start, stop in zip(starts, stops, strict=True)]


def _paste_piece(pasted: av.VideoFrame, rgb_patch: U8, mask_patch: Bool, left: int, top: int, colour: Colour) -> None:
    """Write the masked pixels of a piece into the frame."""
    layout, planes = working_layout(pasted.format.name), planes_of(pasted)
    height, width = mask_patch.shape
    inside = (slice(top, top + height), slice(left, left + width))
    if layout.family == "rgb":
        _paste_rgb(planes, layout, rgb_patch, mask_patch, inside)
        return
    luma, *chroma = rgb_to_yuv(rgb_patch, colour, layout.bits)
    _replace(planes[0][inside], luma, mask_patch, layout)
    if layout.family == "yuv":
        cells = _Cells(layout, left, top, mask_patch, pasted.width, pasted.height)
        for plane, samples in zip(planes[1:3], chroma, strict=True):
            _replace(plane[cells.where], cells.mean(samples), cells.covered, layout)


class _Cells:
    """The chroma samples a patch touches: where they lie, and which of them it covers wholly.

    A cell at the right or bottom border of an odd-sized frame holds fewer pixels than the others.
    """

    def __init__(
        self, layout: Layout, left: int, top: int, mask_patch: Bool, frame_width: int, frame_height: int
    ) -> None:
        height, width = mask_patch.shape
        self._cell_w, self._cell_h = 1 << layout.shift_x, 1 << layout.shift_y
        first_x, first_y = left >> layout.shift_x, top >> layout.shift_y
        last_x, last_y = -(-(left + width) >> layout.shift_x), -(-(top + height) >> layout.shift_y)
        self.where = (slice(first_y, last_y), slice(first_x, last_x))
        self._count_x, self._count_y = last_x - first_x, last_y - first_y
        self._dx, self._dy = left - (first_x << layout.shift_x), top - (first_y << layout.shift_y)
        pixels_x = np.minimum(self._cell_w, frame_width - (np.arange(first_x, last_x) << layout.shift_x))
        pixels_y = np.minimum(self._cell_h, frame_height - (np.arange(first_y, last_y) << layout.shift_y))
        self._pixels = (pixels_y[:, None] * pixels_x[None, :]).astype(np.float32)
        self.covered: Bool = self._sum(mask_patch.astype(np.float32)) == self._pixels

    def mean(self, samples: Float) -> Float:
        """Return the mean of each cell's pixels; right only where the patch covers the cell."""
        means: Float = self._sum(samples) / self._pixels
        return means

    def _sum(self, samples: Float) -> Float:
        height, width = samples.shape
        padded = np.zeros((self._count_y * self._cell_h, self._count_x * self._cell_w), np.float32)
        padded[self._dy : self._dy + height, self._dx : self._dx + width] = samples
        total = np.zeros((self._count_y, self._count_x), np.float32)
        for row in range(self._cell_h):
            for column in range(self._cell_w):
                total += padded[row :: self._cell_h, column :: self._cell_w]
        return total


def _paste_rgb(planes: list[Samples], layout: Layout, patch: U8, mask: Bool, inside: tuple[slice, slice]) -> None:
    deep = patch if layout.bits == 8 else patch.astype(np.float32) * np.float32(layout.maximum / 255)
    for letter in "rgb":
        channel = "rgb".index(letter)
        place = layout.channels.index(letter)
        plane = planes[0][:, :, place] if layout.interleaved else planes[place]
        _replace(plane[inside], deep[..., channel].astype(np.float32), mask, layout)


def _replace(samples: Samples, values: Float, mask: Bool, layout: Layout) -> None:
    rounded = np.clip(np.rint(values), 0, layout.maximum).astype(samples.dtype)
    np.copyto(samples, rounded, where=mask)
