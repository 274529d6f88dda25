"""Encoder, container and pixel format of a video, and what is lost in them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import av

from reelmend.pipelines.choices import Chroma, Codec
from reelmend.pipelines.media.formats import Layout, working_layout

CONTAINERS = {Codec.h264: "mp4", Codec.h265: "mp4", Codec.ffv1: "matroska", Codec.prores: "mov"}
_ENCODERS = {
    Codec.h264: "libx264", Codec.h265: "libx265", Codec.ffv1: "ffv1", Codec.prores: "prores_ks", Codec.png: "png",
}  # fmt: skip
_SUFFIXES = {Codec.h264: ".mp4", Codec.h265: ".mp4", Codec.ffv1: ".mkv", Codec.prores: ".mov", Codec.png: ""}
_X265_MIN_WIDTH = 64  # x265 4.2 writes outside its buffers below the width of one coding tree unit
# Chroma that is 2**x wide and 2**y high; the first that is as fine as the source's is taken.
_SUBSAMPLINGS = (("420", 1, 1), ("422", 1, 0), ("444", 0, 0))
_DEPTHS = {Codec.h264: (8, 10), Codec.h265: (8, 10, 12), Codec.prores: (10,), Codec.ffv1: (8, 9, 10, 12, 14, 16)}


@dataclass(frozen=True)
class Storage:
    """The pixel format in which frames are encoded, and for a person what it cannot hold or what is unusual in it."""

    pixel_format: str
    remarks: tuple[str, ...] = ()


def suffix_of(codec: Codec) -> str:
    """Return the suffix of an output file, '' for the folder of `png`."""
    return _SUFFIXES[codec]


def without_suffix(name: str) -> str:
    """Return an output's name without the suffix of a codec's files, whichever codec's it is."""
    given = next((suffix for suffix in _SUFFIXES.values() if suffix and name.endswith(suffix)), "")
    return name.removesuffix(given)


def encoder_name(codec: Codec) -> str:
    """Return FFmpeg's name of the encoder."""
    return _ENCODERS[codec]


@lru_cache
def encoder_available(codec: Codec) -> bool:
    """True when this machine's PyAV was built with the encoder."""
    try:
        av.Codec(encoder_name(codec), "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def reason_against(width: int, codec: Codec) -> str | None:
    """Return why a codec cannot be used for frames of this width at all, None when it can."""
    if codec == Codec.h265 and width < _X265_MIN_WIDTH:
        return f"h265 cannot encode frames narrower than {_X265_MIN_WIDTH} pixels ({width}); use stitch.codec=h264"
    return None


def is_halved(chroma: Chroma, codec: Codec, is_folder: bool) -> bool:
    """Return whether the output is 8-bit 4:2:0 whatever the source is."""
    return codec in (Codec.h264, Codec.h265) and (chroma == Chroma.halved or (chroma == Chroma.auto and is_folder))


def storage_of(
    pixel_format: str, full_range: bool, width: int, height: int, codec: Codec, halved: bool = False
) -> Storage:
    """Choose the pixel format for frames of a working format and a size; `halved`: 8-bit 4:2:0 if the size allows."""
    layout = working_layout(pixel_format)
    if halved and not (width % 2 or height % 2):
        return Storage("yuv420p", tuple(_lost_by_halving(layout, codec)))
    if codec == Codec.png:
        return _png(layout)
    if codec == Codec.ffv1:
        return _ffv1(layout)
    remarks = []
    alpha = layout.has_alpha and codec == Codec.prores
    if layout.has_alpha and not alpha:
        remarks.append(f"the alpha channel cannot be stored as {codec.value} and is left out; use stitch.codec=ffv1")
    bits = _at_least(layout.bits, _DEPTHS[codec])
    if bits < layout.bits:
        remarks.append(f"{layout.bits}-bit samples are rounded to {bits} bits for {codec.value}; use stitch.codec=ffv1")
    if layout.family == "rgb":
        remarks.append(f"RGB is converted to YUV 4:4:4 for {codec.value}; use stitch.codec=ffv1 or png to keep it")
    if codec == Codec.prores and full_range and layout.family != "rgb":
        remarks.append("full-range samples are converted to limited range, prores has no tag for them")
    if layout.family == "grey" and codec != Codec.prores:
        return Storage(_named("gray", bits), tuple(remarks))
    sub = _subsampling(layout, width, height, codec, alpha)
    if odd := _finer_for_odd_size(layout, width, height, codec):
        remarks.append(odd)
    return Storage(_named(f"yuv{'a' if alpha else ''}{sub}p", bits), tuple(remarks))


def _lost_by_halving(layout: Layout, codec: Codec) -> Iterator[str]:
    if layout.has_alpha:
        yield f"the alpha channel cannot be stored as {codec.value} and is left out; use stitch.codec=ffv1"
    if (
        layout.bits > 8
        or layout.family == "rgb"
        or (layout.family == "yuv" and not (layout.shift_x and layout.shift_y))
    ):
        kind = "RGB is" if layout.family == "rgb" else "its samples are"
        yield (
            f"{kind} stored as 8-bit 4:2:0, which every player supports; stitch.chroma=source keeps more of it,"
            " stitch.codec=ffv1 whole"
        )


def _finer_for_odd_size(layout: Layout, width: int, height: int, codec: Codec) -> str | None:
    """Return the remark for odd sizes. H.264 and H.265 crop in whole chroma samples, so 4:2:0 has even sizes only."""
    too_coarse = (width % 2 and layout.shift_x) or (height % 2 and layout.shift_y)
    if codec not in (Codec.h264, Codec.h265) or layout.family != "yuv" or not too_coarse:
        return None
    sub = _subsampling(layout, width, height, codec, False)
    return (
        f"{codec.value} cannot hold {width}x{height} with halved chroma: it is stored as 4:{sub[1]}:{sub[2]}, same size"
        " and samples, which few hardware players decode; use stitch.codec=ffv1 to keep the format"
    )


def _subsampling(layout: Layout, width: int, height: int, codec: Codec, alpha: bool) -> str:
    if codec == Codec.prores:
        return "444" if alpha or layout.family == "rgb" or not layout.shift_x or width % 2 else "422"
    shift_x = 0 if width % 2 or layout.family == "rgb" else layout.shift_x
    shift_y = 0 if height % 2 or layout.family == "rgb" else layout.shift_y
    return next(name for name, x, y in _SUBSAMPLINGS if x <= shift_x and y <= shift_y)


def _png(layout: Layout) -> Storage:
    remarks: tuple[str, ...] = ()
    if layout.family == "yuv":
        remarks = ("YUV is converted to RGB for png; use stitch.codec=ffv1 to keep the samples",)
    if layout.family == "grey":
        return Storage("gray" if layout.bits == 8 else "gray16le", remarks)
    if layout.bits == 8:
        return Storage("rgba" if layout.has_alpha else "rgb24", remarks)
    return Storage("rgba64le" if layout.has_alpha else "rgb48le", remarks)


def _ffv1(layout: Layout) -> Storage:
    known = _ffv1_formats()
    if layout.name in known:
        return Storage(layout.name)
    if layout.family == "rgb":
        name = "gbrap" if layout.has_alpha else "gbrp"
        options = ("bgra" if layout.has_alpha else "bgr0",) if layout.bits == 8 else _deeper(name, layout.bits)
    else:
        options = _deeper(layout.name.split("p")[0] + "p" if layout.family == "yuv" else "gray", layout.bits)
    return Storage(next(name for name in (*options, "yuva444p16le") if name in known))


@lru_cache
def _ffv1_formats() -> frozenset[str]:
    return frozenset(form.name for form in av.Codec("ffv1", "w").video_formats or ())


def _deeper(stem: str, bits: int) -> tuple[str, ...]:
    return tuple(_named(stem, depth) for depth in _DEPTHS[Codec.ffv1] if depth >= bits)


def _named(stem: str, bits: int) -> str:
    return stem if bits == 8 else f"{stem}{bits}le"


def _at_least(bits: int, depths: Iterable[int]) -> int:
    return min((depth for depth in depths if depth >= bits), default=max(depths))
