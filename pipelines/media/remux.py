"""Which streams beside the video does the output keep, and how do their packets get there unchanged?"""

import io
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from pipelines.config import Codec
from pipelines.media.encoding import CONTAINERS
from pipelines.media.records import StreamInfo
from pipelines.media.source import open_container, video_stream

_NEVER = {
    "video": "only the first picture track is restored",
    "cover": "pictures beside the video are not copied",
    "data": "data tracks are not copied",
    "unknown": "its kind is not known",
}

_LISTED_ONLY = {
    "mp4": frozenset({"truehd"}),
    "mov": frozenset({"flac", "opus", "truehd"}),
    "matroska": frozenset({"atrac3", "cook", "ra_288", "sipr"}),
}
"""What a muxer names among its codecs and then does not write."""


def split_streams(
    streams: tuple[StreamInfo, ...], codec: Codec
) -> tuple[list[StreamInfo], list[tuple[StreamInfo, str]]]:
    """Return (streams that are copied, streams that are left out with the reason)."""
    kept: list[StreamInfo] = []
    left_out: list[tuple[StreamInfo, str]] = []
    for stream in streams:
        reason = _reason_against(stream, codec)
        if reason is None:
            kept.append(stream)
        else:
            left_out.append((stream, reason))
    return kept, left_out


def _reason_against(stream: StreamInfo, codec: Codec) -> str | None:
    if codec == Codec.png:
        return "a folder of images has no place for it"
    if stream.kind in _NEVER:
        return _NEVER[stream.kind]
    container = CONTAINERS[codec]
    if stream.kind == "attachment":
        return None if container == "matroska" else f"{container} has no attachments"
    if stream.codec == "unknown":
        return "no decoder on this machine knows its codec"
    return None if stream.codec in _holds(container) else f"cannot be stored in {container}"


@lru_cache
def _holds(container: str) -> frozenset[str]:
    """Return the codecs that a container's muxer takes, by canonical name."""
    with av.open(io.BytesIO(), "w", format=container) as probe:
        return frozenset(_canonical(name) for name in probe.supported_codecs) - _LISTED_ONLY[container]


def _canonical(name: str) -> str:
    for mode in ("r", "w"):
        try:
            return str(av.Codec(name, mode).canonical_name)
        except av.codec.codec.UnknownCodecError:
            continue
    return name


class CopiedStreams:
    """Copies packets of the kept streams into an output, in step with the video."""

    def __init__(self, path: Path, kept: list[StreamInfo], output: OutputContainer) -> None:
        self._files = ExitStack()
        self._source: InputContainer = self._files.enter_context(open_container(path))
        output.metadata.update(
            {key: value for key, value in self._source.metadata.items() if key.lower() not in _WRITERS_OWN}
        )
        told = video_stream(self._source, path).metadata
        self.video_labels: dict[str, str] = {
            key: told[key] for key in ("language", "title", "handler_name") if key in told
        }
        self.shift_s = _whole_seconds(self._source)
        self._copies: dict[int, Stream] = {}
        for info in kept:
            template = self._source.streams[info.index]
            copy = output.add_stream_from_template(template)
            copy.metadata.update(template.metadata)
            copy.disposition = template.disposition
            if isinstance(template, AudioStream) and isinstance(copy, AudioStream):
                _give_layout(template, copy)
            self._copies[info.index] = copy
        self._output = output
        self._copy_chapters()
        self._packets = self._demuxed()
        self._next = next(self._packets, None)

    def mux_until(self, seconds: float) -> None:
        """Write all packets that are due before `seconds` of the output; math.inf: all that are left."""
        while self._next is not None and self._next[0] <= seconds:
            self._output.mux_one(self._next[1])
            self._next = next(self._packets, None)

    def close(self) -> None:
        self._files.close()

    def _demuxed(self) -> "Iterator[tuple[float, Packet[Stream]]]":
        """Yield (seconds, packet) of the kept streams, addressed to their copies."""
        wanted = [self._source.streams[index] for index in self._copies]
        wanted = [stream for stream in wanted if stream.type != "attachment"]
        if not wanted:
            return
        for packet in self._source.demux(wanted):
            due = packet.dts if packet.dts is not None else packet.pts
            if due is None or not packet.size:
                continue
            shift = round(self.shift_s / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            seconds = float((due - shift) * packet.time_base)
            packet.stream = self._copies[packet.stream_index]
            yield seconds, packet

    def _copy_chapters(self) -> None:
        chapters = self._source.chapters()
        for chapter in chapters:
            shift = round(self.shift_s / (chapter["time_base"] or Fraction(1)))
            chapter["start"], chapter["end"] = chapter["start"] - shift, chapter["end"] - shift
        if chapters:
            self._output.set_chapters(chapters)


# Keys that describe the file they stand in, not its content.
_WRITERS_OWN = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration"})


def _give_layout(template: AudioStream, copy: AudioStream) -> None:
    """Let channels of which the source says only how many there are (PCM in AVI) be the usual ones: MP4 asks which."""
    channels = template.layout.nb_channels
    if template.layout.name == f"{channels} channels":
        with suppress(ValueError):  # so many that there are no usual ones
            copy.codec_context.layout = f"{channels}c"


def _whole_seconds(source: InputContainer) -> int:
    """Return the whole seconds at which a recording starts (a broadcast's clock), which the output's clock leaves out.

    Whole seconds, because they are exact in every stream's own ticks.
    """
    start = source.start_time
    return max(0, start // av.time_base) if start is not None else 0
