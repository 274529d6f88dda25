"""Memory layout of a frame's samples, and the layouts that are processed.

A frame is worked on in the file's own pixel format when that is planar YUV (8 to 16 bits, any subsampling, with or
without alpha), grey, planar RGB, rgb24 or rgba. Everything else has a neighbour there, mostly one that holds the same
samples in another order (nv12 and yuv420p), and is converted when it is read.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

Samples = NDArray[np.uint8] | NDArray[np.uint16]

_PLANAR_YUV = re.compile(r"yuv(?P<alpha>a?)(?P<sub>420|422|444|440|411|410)p(?P<bits>9|10|12|14|16)?(le)?")
_GREY = re.compile(r"gray(?P<bits>9|10|12|14|16)?(le)?")
_PLANAR_RGB = re.compile(r"gbr(?P<alpha>a?)p(?P<bits>9|10|12|14|16)?(le)?")
_SHIFTS = {"420": (1, 1), "422": (1, 0), "444": (0, 0), "440": (0, 1), "411": (2, 0), "410": (2, 2)}

# Same samples, other order or name. The rest of the table below is found by `_nearest`.
_SAME_SAMPLES = {
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "nv24": "yuv444p",
    "p010le": "yuv420p10le",
    "p210le": "yuv422p10le",
    "nv20le": "yuv422p10le",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "yvyu422": "yuv422p",
    "bgr24": "rgb24",
    "rgb0": "rgb24",
    "bgr0": "rgb24",
    "0rgb": "rgb24",
    "0bgr": "rgb24",
    "bgra": "rgba",
    "argb": "rgba",
    "abgr": "rgba",
    "ya8": "rgba",
    "pal8": "rgba",
    "monob": "gray",
    "monow": "gray",
    "rgb48le": "gbrp16le",
    "rgb48be": "gbrp16le",
    "bgr48le": "gbrp16le",
    "bgr48be": "gbrp16le",
    "rgba64le": "gbrap16le",
    "rgba64be": "gbrap16le",
    "bgra64le": "gbrap16le",
    "ya16le": "gbrap16le",
    "ya16be": "gbrap16le",
    "gray16be": "gray16le",
    "yuvj420p": "yuv420p",
    "yuvj422p": "yuv422p",
    "yuvj444p": "yuv444p",
    "yuvj440p": "yuv440p",
    "yuvj411p": "yuv411p",
}


_SAME_PLACE = int(Interpolation.POINT | Interpolation.ACCURATE_RND | Interpolation.BITEXACT)
"""Exact, and alike on every processor."""


@dataclass(frozen=True)
class Layout:
    """Where the samples of a working format lie."""

    name: str
    family: str
    """yuv, grey or rgb."""
    bits: int
    channels: str
    """One letter a plane (`yuv`, `gbra`), or all letters of one interleaved plane (`rgb`)."""
    interleaved: bool = False
    shift_x: int = 0
    """Chroma samples are 2**shift_x pixels wide and 2**shift_y high."""
    shift_y: int = 0

    @property
    def has_alpha(self) -> bool:
        return "a" in self.channels

    @property
    def maximum(self) -> int:
        return (1 << self.bits) - 1


@lru_cache(maxsize=256)
def layout_of(name: str) -> Layout | None:
    """Return the layout of a working format, None for any other name."""
    if name in ("rgb24", "rgba"):
        return Layout(name, "rgb", 8, "rgb" if name == "rgb24" else "rgba", interleaved=True)
    if found := _PLANAR_YUV.fullmatch(name):
        shift_x, shift_y = _SHIFTS[found["sub"]]
        return Layout(name, "yuv", int(found["bits"] or 8), "yuv" + found["alpha"], False, shift_x, shift_y)
    if found := _GREY.fullmatch(name):
        return Layout(name, "grey", int(found["bits"] or 8), "y")
    if found := _PLANAR_RGB.fullmatch(name):
        return Layout(name, "rgb", int(found["bits"] or 8), "gbr" + found["alpha"])
    return None


def working_layout(name: str) -> Layout:
    """Return the layout of a format that `working_format` gave."""
    layout = layout_of(name)
    if layout is None:
        raise ValueError(f"{name} is not a working pixel format; convert the frame with to_working first")
    return layout


@lru_cache(maxsize=256)
def working_format(name: str) -> str:
    """Return the format in which frames of the format `name` are worked on: itself, or its nearest neighbour."""
    if name in _SAME_SAMPLES:
        return _SAME_SAMPLES[name]
    swapped = re.sub("be$", "le", name)
    return swapped if layout_of(swapped) else _nearest(name)


def keeps_samples(name: str) -> bool:
    """True when every sample of the format `name` has its equal in its working format."""
    return name in _SAME_SAMPLES or layout_of(re.sub("be$", "le", name)) is not None


def lost_channels(name: str, working: str) -> str | None:
    """Return what frames of the format `name` may show and those of the working format `working` cannot."""
    own, kept = working_layout(working_format(name)), working_layout(working)
    if kept.family == "grey" and own.family != "grey":
        return "colour or alpha"
    may_be_clear = own.has_alpha and name != "pal8"  # a palette seldom holds clear pixels, its format is the same
    return "alpha" if may_be_clear and not kept.has_alpha else None


def _nearest(name: str) -> str:
    """Return the working format that loses least."""
    exotic = av.VideoFormat(name, 64, 64)
    components = exotic.components
    bits = max((component.bits for component in components), default=8)
    alpha = "a" if any(component.is_alpha for component in components) else ""
    if exotic.is_rgb or exotic.has_palette or not components or exotic.is_bayer:
        if bits <= 8:
            return "rgba" if alpha else "rgb24"
        return f"gbr{alpha}p{min(depth for depth in (10, 12, 16) if depth >= min(bits, 16))}le"
    depth = min(depth for depth in (8, 10, 12, 16) if depth >= min(bits, 16))
    suffix = "" if depth == 8 else f"{depth}le"
    if len(components) < 3:
        return f"gray{suffix}"
    chroma = components[1]
    sub = {(1, 1): "420", (1, 0): "422"}.get((int(chroma.width < 64), int(chroma.height < 64)), "444")
    if alpha and depth == 12 and sub == "420":
        suffix = "16le"
    return f"yuv{alpha}{sub}p{suffix}"


def to_working(frame: av.VideoFrame, name: str) -> av.VideoFrame:
    """Return the frame in the working format `name`; the frame itself when it has it already."""
    own = frame.format.name
    if own == name:
        return frame
    if own.startswith("yuvj") and own.replace("yuvj", "yuv") == name:
        return _renamed(frame, name)
    converted = frame.reformat(format=name, interpolation=_SAME_PLACE, threads=1)
    converted.pts, converted.time_base = frame.pts, frame.time_base
    return converted


def _renamed(frame: av.VideoFrame, name: str) -> av.VideoFrame:
    """Return the samples of `frame` under another format's name. A conversion by swscale would rescale the range."""
    renamed = blank_like(frame, name)
    for target, source in zip(planes_of(renamed), _planes(frame, working_layout(name)), strict=True):
        target[...] = source
    renamed.color_range = 2
    return renamed


def blank_like(frame: av.VideoFrame, name: str, size: tuple[int, int] | None = None) -> av.VideoFrame:
    """Return an uninitialised frame of the format `name` with the time and colour tags of `frame`.

    `size` is its (width, height), by default that of `frame`.
    """
    width, height = size or (frame.width, frame.height)
    blank = av.VideoFrame(width, height, name)
    blank.pts = frame.pts
    if frame.time_base is not None:
        blank.time_base = frame.time_base
    blank.colorspace, blank.color_range = frame.colorspace, frame.color_range
    blank.color_primaries, blank.color_trc = frame.color_primaries, frame.color_trc
    return blank


def copy_of(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a frame in a working format with the same samples, time and colour tags, and nothing else of `frame`."""
    copy = blank_like(frame, frame.format.name)
    for target, samples in zip(planes_of(copy), planes_of(frame), strict=True):
        target[...] = samples
    return copy


def planes_of(frame: av.VideoFrame) -> list[Samples]:
    """Return the planes of a frame in a working format as arrays [h, w] (interleaved: [h, w, channels]).

    They are views: write only into those of a frame that `blank_like` or `copy_of` made.
    """
    return _planes(frame, working_layout(frame.format.name))


def _planes(frame: av.VideoFrame, layout: Layout) -> list[Samples]:
    kind = np.dtype(np.uint8 if layout.bits <= 8 else np.uint16)
    channels = len(layout.channels) if layout.interleaved else 1
    views: list[Samples] = []
    for letter, plane in zip(layout.channels, frame.planes, strict=False):
        height, width = frame.height, frame.width
        if letter in "uv":
            height, width = -(-height >> layout.shift_y), -(-width >> layout.shift_x)
        rows: Samples = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind.itemsize)
        view = rows[:height, : width * channels]
        views.append(view.reshape(height, width, channels) if layout.interleaved else view)
    return views
