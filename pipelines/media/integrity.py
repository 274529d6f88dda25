"""Check that a file is as long as its own index claims.

A file whose copy was cut off decodes well up to the cut. Its index still lists what should follow.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream

from reelmend.pipelines.errors import MediaError

SLACK = 0.05
"""Share of its length by which a header without an index may promise too much; some writers round up."""


def refuse_cut_off(
    path: Path, container: InputContainer, stream: VideoStream, stamps: Sequence[int | None], end: int
) -> None:
    """Raise MediaError when the index points behind the end of the file, or promises far more than was decoded.

    `stamps` are the timestamps of the frames that could be decoded, one per frame, `end` is when the last of them ends
    as far as the file says. Without an index times are compared, not numbers of frames: where the rate varies, a header
    counts frames that were never there.
    """
    size = path.stat().st_size
    if "mp4" in container.format.name:
        beyond = sum(1 for entry in stream.index_entries if entry.pos + entry.size > size)
        if beyond:
            raise MediaError(f"{path}: cut off, {beyond} of {stream.frames} frames lie behind its end; copy it again")
        return
    promised_s = _promised_s(stream)
    end_s, frame_s = _reached_s(stream, stamps)
    end_s = max(end_s, end * float(stream.time_base or 0))
    if end_s < promised_s * (1 - SLACK) - 2 * frame_s:
        raise MediaError(f"{path}: cut off, it ends after {end_s:.2f} of {promised_s:.2f} s; copy it again")


def _reached_s(stream: VideoStream, stamps: Sequence[int | None]) -> tuple[float, float]:
    """Return the second at which the last decoded frame ends, and how long a frame is shown on average."""
    known = [stamp * float(stream.time_base or 0) for stamp in stamps if stamp is not None]
    if len(known) < 2:
        frame_s = float(1 / stream.average_rate) if stream.average_rate else math.inf  # one of any length is whole
        return len(stamps) * frame_s + sum(known), frame_s
    frame_s = (max(known) - min(known)) / (len(known) - 1)
    return max(known) + frame_s, frame_s


def _promised_s(stream: VideoStream) -> float:
    """Return the second at which the last frame ends by the header's word, 0 when it says nothing."""
    if stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)  # AVI counts one for each tick at which no new frame came
    told = stream.metadata.get("DURATION", "")
    if told.count(":") != 2:
        return 0
    try:
        hours, minutes, seconds = (float(part) for part in told.split(":"))
    except ValueError:  # somebody's own text
        return 0
    promised_s = hours * 3600 + minutes * 60 + seconds
    return promised_s if math.isfinite(promised_s) else 0
