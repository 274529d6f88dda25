"""Conversion of a frame to the encoder's pixel format, with samples unchanged where possible."""

from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from reelmend.pipelines.media.colour import Colour
from reelmend.pipelines.media.formats import Layout, Samples, blank_like, layout_of, planes_of, working_layout

EXACT = int(Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INP)
"""Rounded exactly, and alike on every processor. On more than one thread FFmpeg rounds otherwise from time to time."""


def to_stored(frame: av.VideoFrame, name: str, colour: Colour, limited: bool = False) -> av.VideoFrame:
    """Return `frame` (working format) in the pixel format `name`, or the frame itself when it has it.

    YUV to YUV keeps every sample: finer chroma repeats samples, more bits shift them. `limited` squeezes full range
    into limited range; from RGB to YUV, the matrix is that of `colour`, the range limited.
    """
    source, target = working_layout(frame.format.name), layout_of(name)
    squeeze = limited and colour.full_range
    if frame.format.name == name and not squeeze:
        return frame
    coarser = target is not None and (target.shift_x > source.shift_x or target.shift_y > source.shift_y)
    if target is None or source.family == "rgb" or (source.family == "yuv" and coarser):
        own_range = 2 if colour.full_range else 1
        kept_range = own_range if source.family == "yuv" and not squeeze else 1
        return frame.reformat(
            format=name, threads=1, src_color_range=own_range,
            src_colorspace=colour.matrix if source.family == "yuv" else None,
            dst_colorspace=colour.matrix if target and target.family == "yuv" else None,
            dst_color_range=kept_range if target and target.family == "yuv" else 2,
            interpolation=EXACT,
        )  # fmt: skip
    stored = blank_like(frame, name)
    planes = dict(zip(source.channels, planes_of(frame), strict=True))
    for letter, place in zip(target.channels, planes_of(stored), strict=True):
        if letter in planes:
            samples = _repeated(planes[letter], place.shape, source, target) if letter in "uv" else planes[letter]
            place[...] = _rescaled(samples, letter, source.bits, target.bits, colour.full_range, squeeze)
        else:
            place[...] = 1 << (target.bits - 1) if letter in "uv" else target.maximum
    return stored


def _repeated(samples: Samples, shape: tuple[int, ...], source: Layout, target: Layout) -> Samples:
    rows = np.arange(shape[0]) >> (source.shift_y - target.shift_y)
    columns = np.arange(shape[1]) >> (source.shift_x - target.shift_x)
    finer: NDArray[Any] = samples[rows][:, columns]
    return finer


def _rescaled(samples: Samples, letter: str, bits: int, new_bits: int, full_range: bool, squeeze: bool) -> Samples:
    """Return samples of `bits` on the scale of `new_bits`; every value is mapped through one table."""
    if bits == new_bits and not squeeze:
        return samples
    values, unit = np.arange(1 << bits, dtype=np.float64), 2.0 ** (new_bits - 8)
    top, new_top, middle, new_middle = (1 << bits) - 1, (1 << new_bits) - 1, 1 << (bits - 1), 1 << (new_bits - 1)
    if letter in "uv" and full_range:
        table = (values - middle) * ((224 * unit if squeeze else new_top) / top) + new_middle
    elif squeeze and letter == "y":
        table = values * (219 * unit / top) + 16 * unit
    elif full_range or letter == "a":
        table = values * (new_top / top)
    else:
        table = values * 2.0 ** (new_bits - bits)
    mapped: NDArray[Any] = np.clip(np.rint(table), 0, new_top).astype(np.uint8 if new_bits <= 8 else np.uint16)
    rescaled: NDArray[Any] = mapped[samples]
    return rescaled
