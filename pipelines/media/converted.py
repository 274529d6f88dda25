"""Streams that the output's container cannot hold as they are, turned into ones that it can."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol, cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

from reelmend.pipelines.choices import Codec, Sound
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.media.encoding import CONTAINERS
from reelmend.pipelines.media.records import StreamInfo

TEXT = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})
_TEXT_OF = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip"}
_PLAYED = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "alac"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_s24be"}),
}
"""Sound that common players of a container play; `stitch.sound=convert` leaves it as it is."""
_MOST_CHANNELS = 8
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_MICROSECOND = Fraction(1, 1_000_000)

_HEADER = (
    b"[Script Info]\nScriptType: v4.00+\nPlayResX: 384\nPlayResY: 288\n\n[V4+ Styles]\n"
    b"Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic,"
    b" Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR,"
    b" MarginV, Encoding\n"
    b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\n\n"
    b"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
"""What an encoder of text is to believe of fonts and colours where the source says nothing."""


def text_becomes(stream: StreamInfo, codec: Codec) -> str | None:
    """Return the codec in which the text of a subtitle stream is kept; None for pictures of text."""
    container = CONTAINERS[codec]
    return _TEXT_OF[container] if stream.kind == "subtitle" and stream.codec in TEXT else None


def sound_becomes(stream: StreamInfo, stitch: StitchConfig, held: bool) -> str | None:
    """Return the codec that sound is converted to; None where it stays as it is, or nobody asked."""
    if stream.kind != "audio" or stitch.sound != Sound.convert or stream.codec == "unknown":
        return None
    played = _PLAYED.get(CONTAINERS[stitch.codec])
    return None if held and (played is None or stream.codec in played) else "aac"


class Converter(Protocol):
    """Turns packets of a source's stream into packets of the output's."""

    @property
    def stream(self) -> Stream: ...

    def convert(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]":
        """Yield what a packet becomes; its times are those of the output already."""
        ...

    def finish(self) -> "Iterator[Packet[Stream]]":
        """Yield what is left."""
        ...


class ConvertedText:
    """Text with what formatting the new codec has; position and fonts are lost."""

    def __init__(self, source: SubtitleStream, output: OutputContainer, codec: str) -> None:
        added = output.add_stream(codec)
        assert isinstance(added, SubtitleStream)
        self.stream: Stream = added
        self._own, self._context = source.codec_context, added.codec_context
        header = bytes(source.codec_context.extradata or b"")
        self._context.subtitle_header = header if b"[V4" in header else _HEADER

    def convert(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]":
        pts, duration, time_base = packet.pts, packet.duration or 0, packet.time_base
        lines = [part.ass for part in self._own.decode2(packet) or () if isinstance(part, AssSubtitle)]
        if pts is None or not any(lines):
            return
        joined = (
            lines[0] if len(lines) == 1 else b"0,0,Default,,0,0,0,," + b"\\N".join(_text_of(line) for line in lines)
        )
        shown_ms = round(duration * time_base * 1000)
        told = SubtitleSet.create(text=joined, start=0, end=shown_ms, pts=round(pts * time_base / _MICROSECOND))
        text = self._context.encode_subtitle(told)
        text.stream, text.time_base = self.stream, time_base
        text.pts = text.dts = pts
        text.duration = duration
        yield text

    def finish(self) -> "Iterator[Packet[Stream]]":
        yield from ()


class ConvertedSound:
    """Sound as AAC, with the source's channels and, where AAC has it, its rate."""

    def __init__(self, source: AudioStream, output: OutputContainer) -> None:
        channels = source.layout.nb_channels
        if channels > _MOST_CHANNELS:
            raise ValueError(f"AAC has no {channels} channels")
        layout = source.layout.name if source.layout.name != f"{channels} channels" else f"{channels}c"
        rate = source.codec_context.sample_rate
        rate = rate if rate in _AAC_RATES else 48000
        added = output.add_stream("aac", rate=rate)
        self._encoder, self.stream = added, cast("Stream", added)
        added.codec_context.layout = layout
        added.codec_context.bit_rate = 96_000 * channels
        self._own = source.codec_context
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)

    def convert(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]":
        for frame in self._own.decode(packet):
            for part in self._resampler.resample(frame):
                yield from self._encoder.encode(part)

    def finish(self) -> "Iterator[Packet[Stream]]":
        for frame in self._own.decode(None):
            for part in self._resampler.resample(frame):
                yield from self._encoder.encode(part)
        for part in self._resampler.resample(None):
            yield from self._encoder.encode(part)
        yield from self._encoder.encode(None)


def _text_of(line: bytes) -> bytes:
    return line.split(b",", 8)[-1]
