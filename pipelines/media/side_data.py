"""Side data of a frame: its orientation, its mastering, and the place of its chroma."""

import struct
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import Interpolation

from reelmend.pipelines.media.colour_profile import without_profile
from reelmend.pipelines.media.formats import layout_of, planes_of

LEFT, CENTRE, TOP_LEFT, TOP, BOTTOM_LEFT, BOTTOM = range(1, 7)
"""Where chroma samples lie, as H.273 and FFmpeg number it; 0: nobody says."""
_PLACES = {
    (-1, 0): LEFT, (0, 0): CENTRE, (-1, -1): TOP_LEFT, (0, -1): TOP, (-1, 1): BOTTOM_LEFT, (0, 1): BOTTOM,
}  # fmt: skip
_SAYING_CENTRE = ("h264", "hevc", "mjpeg", "mpeg1video")
"""Codecs whose frames say `left` where the file says nothing; of others, the middle may be but a default."""

_CHROMATICITY, _NITS = 50_000, 10_000
"""Units of a mastering display in H.264 and H.265: 0.00002, and 0.0001 candela a square metre."""

_PACKINGS = {1: "3", 2: "4", 3: "5", 4: "0", 5: "3", 6: "2", 7: "1"}
"""FFmpeg's kinds: side by side, top and bottom, frame by frame, chequered, quincunx, lines, columns."""
_PROFILE = "the ICC colour profile is not carried over (colour tags are)"
_DOLBY_PROFILE, _DOLBY_FULL_RANGE = 4, 10
"""Bytes of FFmpeg's `AVDOVIRpuDataHeader`."""
_DOLBY = "Dolby Vision metadata is not carried over (colour tags are)"
_DOLBY_ALONE = (
    "Dolby Vision of profile 5: its picture has wrong colours without its metadata, which is not carried over; "
    "convert it to HDR10 or SDR first"
)
_LOST = {
    "A53_CC": "closed captions inside the picture stream are not carried over",
    "DYNAMIC_HDR_PLUS": "HDR10+ metadata is not carried over (colour tags are)",
    "SPHERICAL": "the tag of a spherical (360 degrees) picture is not carried over: players show it flat",
    "ICC_PROFILE": _PROFILE,
}


@dataclass(frozen=True)
class Mastering:
    """HDR10's static metadata, in the words of x264 and x265; empty where the file has none."""

    display: str = ""
    """Primaries, white point and luminance: `G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)`."""
    light: str = ""
    """Brightest pixel and brightest frame, in candela a square metre: `1000,400`."""

    def __bool__(self) -> bool:
        return bool(self.display or self.light)


NO_MASTERING = Mastering()


def display_matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    """Return the 3x3 matrix by which a player turns and mirrors the frame, in FFmpeg's layout."""
    side = side_data(frame, "DISPLAYMATRIX")
    return None if side is None else struct.unpack("9i", side)


def mastering_of(frame: av.VideoFrame) -> Mastering:
    """Return what the frame says of the display it was mastered on."""
    display, light = side_data(frame, "MASTERING_DISPLAY_METADATA"), side_data(frame, "CONTENT_LIGHT_LEVEL")
    return Mastering(_display(display), "" if light is None else "{},{}".format(*struct.unpack_from("2I", light)))


def lost_with(frame: av.VideoFrame) -> list[str]:
    """Return, a line each, what of the frame's side data no output keeps."""
    looked_at, has_profile = without_profile(frame)
    profile = [_PROFILE] if has_profile else []
    dolby = _lost_of_dolby(looked_at)
    return [*profile, *dolby, *(words for name, words in _LOST.items() if side_data(looked_at, name) is not None)]


def _lost_of_dolby(frame: av.VideoFrame) -> list[str]:
    """Profile 5 has a picture in full range for Dolby's decoders alone; of the others, players show an ordinary one."""
    metadata = side_data(frame, "DOVI_METADATA")
    if metadata is None:
        return []
    header = metadata[struct.unpack_from("N", metadata)[0] :]
    alone = header[_DOLBY_PROFILE] == 0 and header[_DOLBY_FULL_RANGE] == 1
    return [_DOLBY_ALONE if alone else _DOLBY]


def stereo_of(frame: av.VideoFrame) -> str:
    """Return how two views share the frame, as H.264 numbers it (frame packing); empty for one view."""
    side = side_data(frame, "STEREO3D")
    return "" if side is None else _PACKINGS.get(struct.unpack_from("i", side)[0], "")


def side_data(frame: av.VideoFrame, name: str) -> bytes | None:
    """Return one kind of it; `frame` is one of `without_profile`."""
    try:
        return bytes(frame.side_data[name])  # type: ignore[literal-required]
    except (KeyError, ValueError):  # ValueError: the frame carries a kind that PyAV has no name for
        return None


def chroma_place(frame: av.VideoFrame, codec: str) -> int:
    """Return where the chroma samples of a frame in 4:2:0 lie; 0 where that is not known. The frame is painted over.

    PyAV does not say. FFmpeg's conversion to 4:4:4 heeds it, so one bright chroma sample shows by where it lands.
    """
    layout = layout_of(frame.format.name.replace("yuvj", "yuv"))
    if layout is None or (layout.family, layout.shift_x, layout.shift_y) != ("yuv", 1, 1):
        return 0
    if min(frame.width, frame.height) < 32 or frame.width % 2 or frame.height % 2:
        return 0
    frame.make_writable()
    kind = np.uint8 if layout.bits <= 8 else np.uint16
    for plane in frame.planes:
        np.frombuffer(memoryview(plane), kind)[:] = 1 << (layout.bits - 1)
    plane = frame.planes[1]
    rows = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind().itemsize)
    row, column = frame.height // 4, frame.width // 4
    rows[row, column] = layout.maximum
    finer = frame.reformat(
        format=layout.name.replace("420", "444"), threads=1,
        interpolation=int(Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT),
    )  # fmt: skip
    around = planes_of(finer)[1][2 * row - 6 : 2 * row + 8, 2 * column - 6 : 2 * column + 8].astype(np.float64)
    around -= np.median(around)
    ys, xs = np.mgrid[-6:8, -6:8]
    x, y = ((around * places).sum() / around.sum() - 0.5 for places in (xs, ys))
    found = _PLACES.get((round(2 * x), round(2 * y)), 0)
    return 0 if found == CENTRE and codec not in _SAYING_CENTRE else found


def _display(side: bytes | None) -> str:
    """Return AVMasteringDisplayMetadata in x265's words; empty where it does not say both colours and luminance."""
    if side is None:
        return ""
    numbers = struct.unpack_from("22i", side)
    *ratios, has_primaries, has_luminance = numbers
    if not (has_primaries and has_luminance) or not all(ratios[1::2]):
        return ""
    red, green, blue, white = (
        tuple(round(Fraction(*ratios[at : at + 2]) * _CHROMATICITY) for at in (start, start + 2))
        for start in (0, 4, 8, 12)
    )
    least, most = (round(Fraction(*ratios[at : at + 2]) * _NITS) for at in (16, 18))
    points = "".join(f"{name}({x},{y})" for name, (x, y) in (("G", green), ("B", blue), ("R", red), ("WP", white)))
    return f"{points}L({most},{least})"
