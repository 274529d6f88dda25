"""Conversion between the samples of a frame and RGB.

Both ways use one choice of matrix and range: the file's tags, or, where it has none, BT.709 from 720 lines on and
BT.601 below, limited range for YUV and full range for RGB and grey (ITU-R BT.601-7, BT.709-6, BT.2020-2; H.273 for the
numbers).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.formats import Samples, working_layout
from reelmend.pipelines.media.records import ColourTags

BT709, FCC, BT470BG, SMPTE170M, SMPTE240M, BT2020_NCL = 1, 4, 5, 6, 7, 9
FULL = 2

# H.273 matrix number -> luma weights of red and blue.
_LUMA_WEIGHTS = {
    BT709: (0.2126, 0.0722),
    FCC: (0.30, 0.11),
    BT470BG: (0.299, 0.114),
    SMPTE170M: (0.299, 0.114),
    SMPTE240M: (0.212, 0.087),
    BT2020_NCL: (0.2627, 0.0593),
}

Float = NDArray[np.float32]


class Coloured(Protocol):
    """What of a video's record decides about its colours."""

    @property
    def height(self) -> int: ...
    @property
    def pixel_format(self) -> str: ...
    @property
    def colour(self) -> ColourTags: ...


@dataclass(frozen=True)
class Colour:
    """The matrix (H.273 number) and range that apply."""

    matrix: int
    full_range: bool


def colour_of(info: Coloured) -> Colour:
    """Decide matrix and range of a video."""
    family = working_layout(info.pixel_format).family
    tagged = info.colour.matrix if info.colour.matrix in _LUMA_WEIGHTS else None
    untagged = BT709 if info.height >= 720 else BT470BG
    full = info.colour.range == FULL or family == "rgb" or (family == "grey" and info.colour.range == 0)
    return Colour(tagged or untagged, full)


def rgb_to_yuv(rgb: NDArray[np.uint8], colour: Colour, bits: int) -> tuple[Float, Float, Float]:
    """Return (y, u, v), each float32 [h, w] on the scale of `bits` and not yet rounded, of an image u8 [h, w, 3].

    Plain elementwise float32 on purpose: it rounds the same on every machine, which a matrix product does not.
    """
    weight_r, weight_b = _LUMA_WEIGHTS[colour.matrix]
    red, green, blue = (rgb[..., channel].astype(np.float32) / np.float32(255) for channel in range(3))
    luma = np.float32(weight_r) * red + np.float32(1 - weight_r - weight_b) * green + np.float32(weight_b) * blue
    chroma_u = (blue - luma) / np.float32(2 * (1 - weight_b))
    chroma_v = (red - luma) / np.float32(2 * (1 - weight_r))
    offset, luma_span, chroma_span = _scale(colour.full_range, bits)
    middle = np.float32(1 << (bits - 1))
    return luma * luma_span + offset, chroma_u * chroma_span + middle, chroma_v * chroma_span + middle


def grey_to_full(samples: Samples, colour: Colour, bits: int, new_bits: int = 8) -> Samples:
    """Return grey samples of `bits` and any range as full-range samples of `new_bits` (u8 or u16)."""
    offset, span, _ = _scale(colour.full_range, bits)
    top = (1 << new_bits) - 1
    levels = (np.arange(1 << bits, dtype=np.float32) - offset) * (np.float32(top) / span)
    table: Samples = np.clip(np.rint(levels), 0, top).astype(np.uint8 if new_bits <= 8 else np.uint16)
    return table[samples]


def _scale(full_range: bool, bits: int) -> tuple[np.float32, np.float32, np.float32]:
    """Return (offset of luma, span of luma, span of chroma) of samples of `bits`."""
    if full_range:
        top = np.float32((1 << bits) - 1)
        return np.float32(0), top, top
    unit = 1 << (bits - 8)
    return np.float32(16 * unit), np.float32(219 * unit), np.float32(224 * unit)
