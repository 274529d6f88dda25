"""Choice of the main picture track of a file.

A track of one picture is a thumbnail, whatever it is called; of the others the one marked as default comes first, as
players take it, then the first.
"""

from collections.abc import Sequence

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from reelmend.pipelines.media.frame_count import length_s

_SHORT = 0.1
"""Share of the file's length below which a track is not a film beside a longer one."""


def film_of(container: InputContainer, pictures: Sequence[VideoStream]) -> VideoStream:
    """Return the track to restore of one or more."""
    if len(pictures) == 1:
        return pictures[0]
    lengths = {stream.index: float(length_s(container, stream, own=True) or 0) for stream in pictures}
    longest = max(lengths.values())

    def rank(stream: VideoStream) -> tuple[bool, bool, int]:
        short = 0 < lengths[stream.index] < _SHORT * longest or stream.frames == 1
        default = bool(stream.disposition & av.stream.Disposition.default)
        return short, not default, stream.index

    return min(pictures, key=rank)
