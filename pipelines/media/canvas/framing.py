"""Placement of a source's frame on a larger canvas, sample for sample, and the resulting file's properties."""

from dataclasses import replace
from typing import Any, TypeVar

import av
import numpy as np

from reelmend.pipelines.media.canvas.canvas import Canvas
from reelmend.pipelines.media.colour import colour_of, rgb_to_yuv
from reelmend.pipelines.media.formats import Layout, blank_like, planes_of, working_layout
from reelmend.pipelines.media.limits import refuse_pixels
from reelmend.pipelines.media.records import ColourTags, VideoHeader, VideoInfo, turned_size

Video = TypeVar("Video", VideoInfo, VideoHeader)

_MATRIX_X, _MATRIX_Y = 6, 7  # places of the shift in a display matrix
_UNSPECIFIED = 2


def on_canvas(video: Video, canvas: Canvas) -> Video:
    """Return the record of the output: that of `video`, but for the size and what follows from it.

    Without a tag, YUV is read as BT.601 below 720 lines and as BT.709 from there on; where the canvas crosses that
    line, the matrix that applied to the source becomes a tag, so that its samples keep their colours. Raises OverLimit
    when the canvas has more pixels than frames may have.
    """
    if not canvas.grows:
        return video
    advice = "; choose a smaller outpaint.scale_w or outpaint.scale_h"
    refuse_pixels(video.path, canvas.width, canvas.height, "a canvas", advice)
    changes: dict[str, Any] = {"width": canvas.width, "height": canvas.height}
    changes["colour"] = _kept_colour(video, replace(video, **changes))
    if isinstance(video, VideoInfo) and video.display_matrix is not None:
        changes["display_matrix"] = _kept_in_view(video.display_matrix, video, canvas)
    return replace(video, **changes)


def lay_frame(frame: av.VideoFrame, canvas: Canvas, info: VideoInfo) -> av.VideoFrame:
    """Return the frame on its canvas, black and opaque around it; the frame itself when nothing is around.

    `frame` comes from `read_frames`, in `info.pixel_format`, and so does the result; its samples are copied as they
    are. The canvas' offset is a whole number of chroma samples.
    """
    if not canvas.grows:
        return frame
    layout = working_layout(frame.format.name)
    laid = blank_like(frame, frame.format.name, canvas.size)
    black = _black(layout, info)
    letters = [layout.channels] if layout.interleaved else [*layout.channels]
    for letter, target, samples in zip(letters, planes_of(laid), planes_of(frame), strict=True):
        target[...] = np.array([black[each] for each in letter], target.dtype)
        coarse = letter in ("u", "v")
        top, left = canvas.top >> (coarse * layout.shift_y), canvas.left >> (coarse * layout.shift_x)
        target[top : top + samples.shape[0], left : left + samples.shape[1]] = samples
    return laid


def cut_frame(frame: av.VideoFrame, box: tuple[int, int, int, int]) -> av.VideoFrame:
    """Return what of a frame of `read_frames` is in `box`, (left, top, right, bottom), its samples as they are.

    Left and top have to be whole chroma samples: multiples of 4 are, in every format.
    """
    left, top, right, bottom = box
    layout = working_layout(frame.format.name)
    cut = blank_like(frame, frame.format.name, (right - left, bottom - top))
    letters = [layout.channels] if layout.interleaved else [*layout.channels]
    for letter, target, samples in zip(letters, planes_of(cut), planes_of(frame), strict=True):
        coarse = letter in ("u", "v")
        row, column = top >> (coarse * layout.shift_y), left >> (coarse * layout.shift_x)
        target[...] = samples[row : row + target.shape[0], column : column + target.shape[1]]
    return cut


def _black(layout: Layout, info: VideoInfo) -> dict[str, int]:
    """Return the sample of black in every channel; alpha is opaque."""
    if layout.family == "rgb":
        return {"r": 0, "g": 0, "b": 0, "a": layout.maximum}
    levels = rgb_to_yuv(np.zeros((1, 1, 3), np.uint8), colour_of(info), layout.bits)
    return dict(zip("yuv", (round(float(level[0, 0])) for level in levels), strict=True)) | {"a": layout.maximum}


def _kept_colour(video: VideoInfo | VideoHeader, larger: VideoInfo | VideoHeader) -> ColourTags:
    is_untagged = video.colour.matrix == _UNSPECIFIED and working_layout(video.pixel_format).family == "yuv"
    if not is_untagged or colour_of(larger) == colour_of(video):
        return video.colour
    return replace(video.colour, matrix=colour_of(video).matrix)


def _kept_in_view(matrix: tuple[int, ...], video: VideoInfo, canvas: Canvas) -> tuple[int, ...]:
    """Return the display matrix with the shift that brings a turned picture back into view, lengthened as needed."""
    shifted = list(matrix)
    shown = turned_size(*canvas.size, video.rotation)
    for place, before, after in zip((_MATRIX_X, _MATRIX_Y), video.display_size, shown, strict=True):
        shifted[place] = round(matrix[place] * after / before)
    return tuple(shifted)
