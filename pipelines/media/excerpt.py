"""Excerpt of a video: a range of its frames, and what of the streams beside them belongs to it.

The excerpt's clock starts at its first frame. Sound keeps its packets that start inside, so that at most one packet at
the beginning is missing; uncompressed sound, whose packets may be long, is cut to the sample. A subtitle that is shown
at the beginning is shown from there on, and none lasts beyond the end.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from av.packet import Packet
from av.stream import Stream

from reelmend.pipelines.media.records import StreamInfo, VideoInfo

if TYPE_CHECKING:
    from av.container.core import Chapter


@dataclass(frozen=True)
class Excerpt:
    """The time of an excerpt on its source's clock, in seconds: [start_s, stop_s)."""

    start_s: Fraction
    stop_s: Fraction

    def cut(self, packet: "Packet[Stream]", stream: StreamInfo) -> "Packet[Stream] | None":
        """Return what of a packet belongs to the excerpt, at its time on the source's clock; None for nothing."""
        tick = packet.time_base
        due = packet.pts if packet.pts is not None else packet.dts
        if due is None:
            return None
        start_s, duration = due * tick, packet.duration or 0
        end_s = start_s + duration * tick
        if stream.kind == "subtitle":
            if start_s >= self.stop_s or (start_s < self.start_s and end_s <= self.start_s):
                return None
            first, last = max(due, math.ceil(self.start_s / tick)), math.floor(min(end_s, self.stop_s) / tick)
            if duration:
                packet.duration = max(1, last - first)
            packet.pts = packet.dts = first
            return packet
        inside = self.start_s <= start_s < self.stop_s
        if stream.codec.startswith("pcm_") and duration and not (inside and end_s <= self.stop_s):
            return self._cut_samples(packet, due, duration)
        return packet if inside else None

    def cut_chapter(self, chapter: "Chapter") -> "Chapter | None":
        """Return what of a chapter belongs to the excerpt; None for nothing."""
        tick = chapter["time_base"] or Fraction(1)
        start, end = max(chapter["start"], round(self.start_s / tick)), min(chapter["end"], round(self.stop_s / tick))
        chapter["start"], chapter["end"] = start, end
        return chapter if start < end else None

    def _cut_samples(self, packet: "Packet[Stream]", due: int, duration: int) -> "Packet[Stream] | None":
        """Of a packet of samples that are all of one size; a time in it is a number of them where ticks are as fine."""
        tick = packet.time_base
        rate = packet.stream.codec_context.sample_rate  # type: ignore[attr-defined]
        samples = round(duration * tick * rate)
        size, rest = divmod(packet.size, samples) if samples else (0, 1)
        if rest:  # not as long as it says
            return packet if self.start_s <= due * tick < self.stop_s else None
        first = max(0, math.ceil((self.start_s - due * tick) * rate))
        last = min(samples, math.ceil((self.stop_s - due * tick) * rate))
        if first >= last:
            return None
        piece: Packet[Stream] = Packet(bytes(packet)[first * size : last * size])
        piece.stream, piece.time_base = packet.stream, tick
        piece.pts = piece.dts = due + round(first / (rate * tick))
        piece.duration = round((last - first) / (rate * tick))
        piece.is_keyframe = True
        return piece


def excerpt_of(info: VideoInfo, frames: tuple[int, int] | None) -> tuple[VideoInfo, Excerpt | None]:
    """Return the record of frames [start, stop) alone, and their time; of None the whole, as it is."""
    if frames is None:
        return info, None
    start, stop = frames
    last_s = info.pts[stop - 1] * info.time_base
    end_s = info.pts[stop] * info.time_base if stop < info.frames else last_s + 1 / info.rate
    cut = replace(info, frames=stop - start, pts=info.pts[start:stop])
    return cut, Excerpt(info.pts[start] * info.time_base, end_s)
