"""How bright is each pixel of a mask?

Brightness is that of the brightest channel: a label colour such as pure red counts as much as white, which a luma
weighting would not see. Alpha is ignored, 16-bit images are read on the scale 0..255.
"""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pipelines.media.colour import Coloured
from pipelines.media.formats import planes_of, to_working, working_format
from pipelines.media.reader import to_rgb
from pipelines.media.records import ColourTags
from pipelines.media.source import read_image

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class _ImageColours:
    height: int
    pixel_format: str
    colour: ColourTags


def image_levels(path: Path) -> U8:
    """Return the grey levels of an image, u8 [h, w]. Raises MediaError when it cannot be read."""
    own = read_image(path)
    full = 2 if own.format.name.startswith(("yuvj", "gray", "mono")) else int(own.color_range)
    frame = to_working(own, working_format(own.format.name))
    tags = ColourTags(int(own.color_primaries), int(own.color_trc), int(own.colorspace), full)
    return frame_levels(frame, _ImageColours(frame.height, frame.format.name, tags))


def frame_levels(frame: av.VideoFrame, info: Coloured) -> U8:
    """Return the grey levels of a frame of `read_frames`, u8 [h, w]."""
    if frame.format.name == "gray16le":
        return (planes_of(frame)[0] >> 8).astype(np.uint8)
    rgb = to_rgb(frame, info)
    levels: U8 = np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    return levels
