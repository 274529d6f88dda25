"""Interlaced video: which lines of a frame are shown first, as the source says it and the output repeats it."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

TOP, BOTTOM = "top", "bottom"
_TOP_TOP, _BOTTOM_BOTTOM, _TOP_BOTTOM, _BOTTOM_TOP = 2, 3, 4, 5
"""FFmpeg's numbers of field orders: which field is coded first, and which is shown first."""
_SHOWN_FIRST = {_TOP_TOP: TOP, _BOTTOM_TOP: TOP, _BOTTOM_BOTTOM: BOTTOM, _TOP_BOTTOM: BOTTOM}
_MARKING_FRAMES = (
    "h264",
    "hevc",
    "mpeg1video",
    "mpeg2video",
    "mpeg4",
    "vc1",
    "wmv3",
    "prores",
    "dnxhd",
    "dvvideo",
    "mjpeg",
)
"""Codecs whose frames say themselves whether they are interlaced; of others the container is believed."""
_BOTTOM_BY_STANDARD = ("dvvideo",)
_INTERLACED = av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me


@dataclass(frozen=True)
class FirstField:
    """What is known of a video's fields."""

    name: str = ""
    """top or bottom; empty for frames that are shown at once."""
    remarks: tuple[str, ...] = ()


PROGRESSIVE = FirstField()


def first_field_of(stream: VideoStream, interlaced: int, frames: int) -> FirstField:
    """Return the first field of a video of which so many frames say that they are interlaced."""
    told = told_first_field(stream)
    codec = str(stream.codec_context.codec.canonical_name)
    if not interlaced:
        return FirstField() if codec in _MARKING_FRAMES else FirstField(told)
    remarks = []
    if interlaced < frames:
        remarks.append(f"{interlaced} of {frames} frames are interlaced; the whole output is marked as interlaced")
    if not told:
        told = BOTTOM if codec in _BOTTOM_BY_STANDARD else TOP
        remarks.append(f"the video is interlaced but does not specify its field order: {told} first is assumed")
    return FirstField(told, tuple(remarks))


def told_first_field(stream: VideoStream) -> str:
    """Return the first field as the stream's header says it, whether or not its frames are interlaced."""
    return _SHOWN_FIRST.get(stream.codec_context.field_order, "")


def mark_interlaced(context: VideoCodecContext, first_field: str) -> None:
    """Let an encoder keep fields apart and its stream say which comes first."""
    if first_field:
        context.field_order = _TOP_TOP if first_field == TOP else _BOTTOM_BOTTOM
        context.flags |= _INTERLACED


def field_marker(
    first_field: str, width: int, height: int, pixel_format: str
) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """Return what gives frames their mark; encoders believe the frame, and PyAV's own frames cannot be marked."""
    if not first_field:
        return lambda frame: frame
    graph = av.filter.Graph()
    form = av.VideoFormat(pixel_format, width, height)
    source = graph.add_buffer(width=width, height=height, format=form, time_base=Fraction(1, 1000))
    mark = graph.add("setfield", "tff" if first_field == TOP else "bff")
    sink = graph.add("buffersink")
    source.link_to(mark)
    mark.link_to(sink)
    graph.configure()

    def marked(frame: av.VideoFrame) -> av.VideoFrame:
        pts, time_base = frame.pts, frame.time_base
        frame.pts = None
        graph.push(frame)
        done = graph.pull()
        assert isinstance(done, av.VideoFrame)
        done.pts, done.time_base = pts, time_base
        return done

    return marked
