"""The brightness of each pixel of a mask, on the scale 0..255.

Brightness is that of the brightest channel: a label colour such as pure red counts as much as white, which a luma
weighting would not see. 16-bit samples are brought to 8 bits; what is not black stays so. Where an image has an alpha
channel, a pixel is missing when it is bright and opaque, as if painted on black; an image in one colour, as drawing
programs save a layer, has its shape in alpha alone. An image in colours of a label palette is missing wherever it is
not black.
"""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.errors import MaskError
from reelmend.pipelines.media.colour import Coloured
from reelmend.pipelines.media.formats import Samples, planes_of, to_working, working_format, working_layout
from reelmend.pipelines.media.reader import to_rgb
from reelmend.pipelines.media.records import ColourTags
from reelmend.pipelines.media.source import read_image

U8 = NDArray[np.uint8]

OPAQUE = 255
LOSSY_SUFFIXES = frozenset({".jpg", ".jpeg"})
_ONE_COLOUR = 8
"""Levels by which the visible pixels of one colour may differ: what rounding by a drawing program leaves."""
_PALETTE_STEP = 32
"""The colours of label palettes (VOC, DAVIS) are multiples of it."""
_PICTURE_SHARE = 0.5
"""Share of neither dark nor bright pixels from which on an image is taken for a picture and not for a mask."""


@dataclass(frozen=True)
class MaskImage:
    """One image of a mask."""

    levels: U8
    """[h, w]."""
    lossless: bool
    """Whether its levels are those that somebody wrote; compression leaves noise where black was."""
    note: str = ""
    """For a person: what may have been meant otherwise."""


@dataclass(frozen=True)
class _ImageColours:
    height: int
    pixel_format: str
    colour: ColourTags


def read_mask_image(path: Path) -> MaskImage:
    """Read one image. Raises MediaError when it cannot be read, MaskError when it is a picture with clear parts."""
    own = read_image(path)
    lossless = path.suffix.lower() not in LOSSY_SUFFIXES
    frame = to_working(own, working_format(own.format.name))
    full = 2 if own.format.name.startswith(("yuvj", "gray", "mono")) else int(own.color_range)
    tags = ColourTags(int(own.color_primaries), int(own.color_trc), int(own.colorspace), full)
    colours = _ImageColours(frame.height, frame.format.name, tags)
    levels = _label_levels(own, frame)
    levels = frame_levels(frame, colours) if levels is None else levels
    levels, note = with_alpha(path, frame, levels)
    return MaskImage(levels, lossless, note)


def read_label_image(path: Path, label: int) -> MaskImage:
    """Read one image whose pixels are numbers, and return white where they are `label`.

    The numbers are the indices of a palette, or the levels of a grey image, of 16 bits too. Raises MediaError when it
    cannot be read, MaskError when its pixels are colours.
    """
    own = read_image(path)
    if own.format.name == "pal8":
        plane = own.planes[0]
        numbers: Samples = np.frombuffer(memoryview(plane), np.uint8).reshape(own.height, -1)[:, : own.width]
    else:
        frame = to_working(own, working_format(own.format.name))
        layout, first = working_layout(frame.format.name), planes_of(frame)[0]
        numbers = first[..., 0] if layout.interleaved else first
        if layout.family != "grey" and not (layout.interleaved and (first[..., :3] == first[..., :1]).all()):
            raise MaskError(f"{path}: mask.label={label} needs a grey or palette image, and this one is in colours")
    return MaskImage(np.where(numbers == label, 255, 0).astype(np.uint8), lossless=True)


def frame_levels(frame: av.VideoFrame, info: Coloured) -> U8:
    """Return the grey levels of a frame of `read_frames`, u8 [h, w]; see `with_alpha` for its alpha channel."""
    layout = working_layout(frame.format.name)
    if layout.bits > 8 and (layout.family == "rgb" or frame.format.name == "gray16le"):
        planes = planes_of(frame)[: 3 if layout.family == "rgb" else 1]
        return _in_8_bits(np.maximum.reduce(planes), layout.bits)
    rgb = to_rgb(frame, info)
    levels: U8 = np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    return levels


def _in_8_bits(samples: Samples, bits: int) -> U8:
    """Labels 1 and 2 of a 16-bit image are not black."""
    levels = (samples >> (bits - 8)).astype(np.uint8)
    levels[(levels == 0) & (samples > 0)] = 1
    return levels


def _alpha(frame: av.VideoFrame) -> U8 | None:
    layout = working_layout(frame.format.name)
    if not layout.has_alpha:
        return None
    planes = planes_of(frame)
    samples = planes[0][..., 3] if layout.interleaved else planes[3]
    return _in_8_bits(samples, layout.bits) if layout.bits > 8 else samples.astype(np.uint8)


def _label_levels(own: av.VideoFrame, frame: av.VideoFrame) -> U8 | None:
    """Return white wherever an image in label colours is not black; None for any other image."""
    layout = working_layout(frame.format.name)
    if layout.family != "rgb" or not layout.interleaved:
        return None
    rgb = planes_of(frame)[0][..., :3]
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    if not ((red != green) | (green != blue)).any():
        return None  # grey: its levels may be soft edges
    black = ~(red | green | blue).astype(np.bool_)
    of_palette = own.format.name == "pal8" or not (rgb % _PALETTE_STEP).any()
    return np.where(black, 0, 255).astype(np.uint8) if of_palette and black.any() else None


def with_alpha(path: Path, frame: av.VideoFrame, levels: U8) -> tuple[U8, str]:
    """Return a frame's levels with the shape of its alpha channel, if any of it is clear, and what to say of that.

    Raises MaskError for a picture with clear parts.
    """
    alpha = _alpha(frame)
    if alpha is None or int(alpha.min()) == OPAQUE:
        return levels, ""
    seen = levels[alpha > OPAQUE // 2]
    if not seen.size or int(seen.max()) - int(seen.min()) <= _ONE_COLOUR:
        return alpha, ""
    if ((seen > 32) & (seen < 223)).mean() > _PICTURE_SHARE:
        raise MaskError(
            f"{path}: looks like a picture with transparent parts, not like a mask; save the mask in black and white, "
            "white where pixels are missing"
        )
    painted = ((levels.astype(np.uint16) * alpha + OPAQUE // 2) // OPAQUE).astype(np.uint8)
    if np.array_equal(painted > OPAQUE // 2, levels > OPAQUE // 2):
        return painted, ""
    note = (
        "its colours and its alpha channel show different shapes: pixels that are both bright and opaque count as "
        "missing; if that is wrong, save it in black and white without alpha"
    )
    return painted, note
