"""Number of frames in a file, as far as it can be known without reading all of it."""

import re
from fractions import Fraction

import av
from av.container import InputContainer
from av.video.stream import VideoStream


def count_frames(container: InputContainer, stream: VideoStream) -> int | None:
    """Return the number of frames that the file tells, or that fit into its length at its rate; None for neither."""
    if stream.frames:
        return int(stream.frames)
    told = next((value for key, value in stream.metadata.items() if key.upper().startswith("NUMBER_OF_FRAMES")), "")
    if told.isdecimal() and int(told):
        return int(told)
    rate, seconds = stream.average_rate or stream.guessed_rate, length_s(container, stream)
    return max(1, round(seconds * rate)) if rate and rate > 0 and seconds else None


def length_s(container: InputContainer, stream: VideoStream, *, own: bool = False) -> Fraction | None:
    """Return how long the picture lasts, else (but for `own`) how long the file does; None where nothing says."""
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    told = next((value for key, value in stream.metadata.items() if key.upper().startswith("DURATION")), "")
    if found := re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", told):
        hours, minutes, seconds = map(Fraction, found.groups())
        return (hours * 60 + minutes) * 60 + seconds
    return Fraction(container.duration, av.time_base) if container.duration and not own else None
