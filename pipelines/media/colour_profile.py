"""ICC profiles of frames, found and taken away by FFmpeg's own filter before anything asks PyAV for side data.

The decoder of PNG gives a profile its name as metadata. PyAV (18) frees what names side data a second time when the
frame goes, which ends the process.
"""

from fractions import Fraction

import av

_TYPE = "type=ICC_PROFILE"
_TICK = Fraction(1, 1000)
"""No time is asked for."""


def without_profile(frame: av.VideoFrame) -> tuple[av.VideoFrame, bool]:
    """Return the frame whose side data may be looked at, and whether there was a profile."""
    if frame.format.name.startswith("yuv"):  # no decoder of these names it
        return frame, False
    if _filtered(frame, "select") is None:
        return frame, False
    plain = _filtered(frame, "delete")
    return (frame if plain is None else plain), True


def _filtered(frame: av.VideoFrame, mode: str) -> av.VideoFrame | None:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=_TICK)
    chosen = graph.add("sidedata", f"mode={mode}:{_TYPE}")
    sink = graph.add("buffersink")
    source.link_to(chosen)
    chosen.link_to(sink)
    graph.configure()
    graph.push(frame)
    try:
        found = graph.pull()
    except (BlockingIOError, EOFError):
        return None
    assert isinstance(found, av.VideoFrame)
    return found
