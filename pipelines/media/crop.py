"""Parts of a frame as RGB, at the cost of the part."""

import av
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.regions import Region, Size
from reelmend.pipelines.media.colour import Coloured
from reelmend.pipelines.media.formats import blank_like, planes_of, working_layout
from reelmend.pipelines.media.reader import to_rgb

_AROUND_PX = 16
"""Pixels around the part that go through the conversion with it: chroma is read between its samples, at most four of
them to a side, which are 4 pixels apart at most. A multiple of that, so that the samples stay where they were."""


def region_to_rgb(frame: av.VideoFrame, info: Coloured, region: Region, size: Size | None = None) -> NDArray[np.uint8]:
    """Return a part of a frame of `read_frames` as RGB u8 [h, w, 3], or at `size` = (width, height).

    At its own size it is, byte for byte, that part of `to_rgb` of the whole frame. At another size it is that of a
    frame which ends where the part does, whose edges must then lie between chroma samples. Raises MediaError as
    `to_rgb` does.
    """
    if size not in (None, region.size):
        return to_rgb(cut_frame(frame, region), info, size)
    layout = working_layout(frame.format.name)
    if frame.width % (1 << layout.shift_x) or frame.height % (1 << layout.shift_y):
        # Its last chroma samples cover fewer pixels, and the conversion spreads that over the whole width or height.
        return np.ascontiguousarray(to_rgb(frame, info)[region.inside])
    around = region.grown(_AROUND_PX).snapped(_AROUND_PX).clipped((frame.width, frame.height))
    rows, columns = region.inside
    rgb = to_rgb(cut_frame(frame, around), info)
    return np.ascontiguousarray(
        rgb[rows.start - around.top : rows.stop - around.top, columns.start - around.left : columns.stop - around.left]
    )


def cut_frame(frame: av.VideoFrame, region: Region) -> av.VideoFrame:
    """Return a frame in a working format that holds the samples of a region, whose first pixel begins a chroma sample.

    Raises ValueError where it does not.
    """
    layout = working_layout(frame.format.name)
    if region.left % (1 << layout.shift_x) or region.top % (1 << layout.shift_y):
        raise ValueError(f"{region} begins inside a chroma sample of {frame.format.name}")
    part = blank_like(frame, frame.format.name, region.size)
    letters = [layout.channels] if layout.interleaved else [*layout.channels]
    for letter, target, samples in zip(letters, planes_of(part), planes_of(frame), strict=True):
        coarse = letter in ("u", "v")
        top, left = region.top >> (coarse * layout.shift_y), region.left >> (coarse * layout.shift_x)
        target[...] = samples[top : top + target.shape[0], left : left + target.shape[1]]
    return part
