"""Is the file as long as its own index says?

A file whose copy was cut off decodes well up to the cut. Its index still lists what should follow.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream

from pipelines.errors import MediaError

SLACK = 0.05
"""Share of its frames by which a header without an index may promise too much; some writers round up."""


def refuse_cut_off(path: Path, container: InputContainer, stream: VideoStream, stamps: Sequence[int | None]) -> None:
    """Raise MediaError when the index points behind the end of the file, or promises far more than was decoded.

    `stamps` are the timestamps of the frames that could be decoded, one a frame.
    """
    size = path.stat().st_size
    beyond = sum(1 for entry in stream.index_entries if entry.pos + entry.size > size)
    if beyond and "mp4" in container.format.name:
        raise MediaError(f"{path}: cut off, {beyond} of {stream.frames} frames lie behind its end; copy it again")
    promised = 0 if "mp4" in container.format.name else _promised_frames(stream, stamps)
    if len(stamps) < promised * (1 - SLACK) - 2:
        raise MediaError(f"{path}: cut off, {len(stamps)} of about {promised} frames are there; copy it again")


def _promised_frames(stream: VideoStream, stamps: Sequence[int | None]) -> int:
    """Return how many frames the header speaks of, 0 when it does not."""
    if stream.frames:
        return stream.frames
    told = stream.metadata.get("DURATION", "")
    rate = stream.average_rate  # the guessed one of a file that says none may be its clock's: 1000 a second
    if told.count(":") != 2 or not rate:
        return 0
    try:
        hours, minutes, seconds = (float(part) for part in told.split(":"))
    except ValueError:  # somebody's own text
        return 0
    first = next((stamp for stamp in stamps if stamp is not None), 0) * float(stream.time_base or 0)
    promised = (hours * 3600 + minutes * 60 + seconds - first) * float(rate)
    return int(promised) if math.isfinite(promised) else 0
