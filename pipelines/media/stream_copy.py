"""Streams beside the video that the output keeps, copied packet by packet."""

import io
import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.converted import ConvertedSound, ConvertedText, Converter, sound_becomes, text_becomes
from reelmend.pipelines.media.encoding import CONTAINERS
from reelmend.pipelines.media.excerpt import Excerpt
from reelmend.pipelines.media.ffmpeg_words import plain
from reelmend.pipelines.media.packet_mender import PacketMender
from reelmend.pipelines.media.records import StreamInfo, VideoInfo
from reelmend.pipelines.media.source import open_container, video_stream

_NEVER = {
    "video": "only one picture track is restored",
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
    streams: tuple[StreamInfo, ...], stitch: StitchConfig
) -> tuple[list[StreamInfo], list[tuple[StreamInfo, str]]]:
    """Return (streams that are kept, streams that are left out with the reason)."""
    kept: list[StreamInfo] = []
    left_out: list[tuple[StreamInfo, str]] = []
    for stream in streams:
        reason = _reason_against(stream, stitch)
        if reason is None:
            kept.append(stream)
        else:
            left_out.append((stream, reason))
    return kept, left_out


def becomes(stream: StreamInfo, stitch: StitchConfig) -> str:
    """Return the codec that a kept stream has in the output."""
    held = stream.kind == "attachment" or stream.codec in _holds(CONTAINERS[stitch.codec])
    if sound := sound_becomes(stream, stitch, held):
        return sound
    return stream.codec if held else text_becomes(stream, stitch.codec) or stream.codec


def _reason_against(stream: StreamInfo, stitch: StitchConfig) -> str | None:
    if stitch.codec == Codec.png:
        return "a folder of images cannot hold it"
    if stream.kind in _NEVER:
        return _NEVER[stream.kind]
    container = CONTAINERS[stitch.codec]
    if stream.kind == "attachment":
        return None if container == "matroska" else f"{container} has no attachments"
    if stream.codec == "unknown":
        return "this machine has no decoder for its codec"
    return None if becomes(stream, stitch) in _holds(container) else f"cannot be stored in {container}"


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
    """Brings packets of the kept streams into an output, in step with the video."""

    def __init__(
        self, info: VideoInfo, stitch: StitchConfig, output: OutputContainer, excerpt: Excerpt | None = None
    ) -> None:
        self._files = ExitStack()
        self._source: InputContainer = self._files.enter_context(open_container(info.path))
        output.metadata.update(
            {key: value for key, value in self._source.metadata.items() if key.lower() not in _WRITERS_OWN}
        )
        told = video_stream(self._source, info.path).metadata
        self.video_labels: dict[str, str] = {
            key: told[key] for key in ("language", "title", "handler_name") if key in told
        }
        self._excerpt = excerpt
        self.shift_s = excerpt.start_s if excerpt else Fraction(_whole_seconds(self._source))
        self._ways: dict[int, _Way] = {}
        joints = [shift * info.time_base for _, shift in info.joints]
        framed = self._source.format.name in ("mpegts", "mpeg")
        for kept in split_streams(info.streams, stitch)[0]:
            template = self._source.streams[kept.index]
            codec = becomes(kept, stitch)
            way = _Way(kept, PacketMender(kept.codec, joints, framed=framed), *_added(template, kept, codec, output))
            way.copy.metadata.update(template.metadata)
            way.copy.disposition = template.disposition
            self._ways[kept.index] = way
        self._output = output
        self._copy_chapters()
        self._packets = self._demuxed()
        self._next: tuple[float, Packet[Stream]] | None = None
        self._begun = False

    @property
    def remarks(self) -> list[str]:
        """What was done to packets so far, for a person."""
        said = (way.mender.remark(f"{way.info.kind} stream {way.info.index}") for way in self._ways.values())
        return [remark for remark in said if remark]

    def mux_until(self, seconds: float) -> None:
        """Write all packets that are due before `seconds` of the output; math.inf: all that are left."""
        if not self._begun:  # a converted stream yields packets once its encoder is open
            self._begun, self._next = True, next(self._packets, None)
        while self._next is not None and self._next[0] <= seconds:
            self._output.mux_one(self._next[1])
            self._next = next(self._packets, None)

    def close(self) -> None:
        self._files.close()

    def _demuxed(self) -> "Iterator[tuple[float, Packet[Stream]]]":
        """Yield (seconds, packet) of the kept streams, addressed to their copies."""
        wanted = [self._source.streams[index] for index in self._ways]
        wanted = [stream for stream in wanted if stream.type != "attachment"]
        if not wanted:
            return
        for packet in self._source.demux(wanted):
            if not packet.size:  # the end of a stream, which says of which not
                continue
            way = self._ways[packet.stream_index]
            if not way.mender.take(packet):
                continue
            if self._excerpt is not None:
                inside = self._excerpt.cut(packet, way.info)
                if inside is None:
                    continue
                packet = inside
            shift = round(self.shift_s / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            yield from _timed(way.packets(packet))
        for way in self._ways.values():
            if way.converter is not None:
                yield from _timed(way.converter.finish())

    def _copy_chapters(self) -> None:
        chapters = self._source.chapters()
        if self._excerpt is not None:
            chapters = [cut for chapter in chapters if (cut := self._excerpt.cut_chapter(chapter)) is not None]
        for chapter in chapters:
            shift = round(self.shift_s / (chapter["time_base"] or Fraction(1)))
            chapter["start"], chapter["end"] = chapter["start"] - shift, chapter["end"] - shift
        if chapters:
            self._output.set_chapters(chapters)


# Keys that describe the file they stand in, not its content.
_WRITERS_OWN = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration"})


def _timed(packets: "Iterable[Packet[Stream]]") -> "Iterator[tuple[float, Packet[Stream]]]":
    for packet in packets:
        due = packet.dts if packet.dts is not None else packet.pts
        if due is not None:
            yield float(due * packet.time_base), packet


@dataclass(frozen=True)
class _Way:
    """How packets of one stream get into the output."""

    info: StreamInfo
    mender: PacketMender
    copy: Stream
    converter: Converter | None

    def packets(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]":
        if self.converter is not None:
            yield from self.converter.convert(packet)
        else:
            packet.stream = self.copy
            yield packet


def _added(template: Stream, kept: StreamInfo, codec: str, output: OutputContainer) -> tuple[Stream, Converter | None]:
    """Add the stream that a source's becomes; with its converter, unless packets are copied."""
    if codec != kept.codec and isinstance(template, AudioStream):
        sound = ConvertedSound(template, output)
        return sound.stream, sound
    if codec != kept.codec and isinstance(template, SubtitleStream):
        text = ConvertedText(template, output, codec)
        return text.stream, text
    copy = output.add_stream_from_template(template)
    if isinstance(template, AudioStream) and isinstance(copy, AudioStream):
        _give_layout(template, copy)
    return copy, None


@contextmanager
def blaming_copies(info: VideoInfo, stitch: StitchConfig) -> Iterator[None]:
    """Raises MediaError for streams that the container does not take: the source is to blame, not the encoder."""
    kept = split_streams(info.streams, stitch)[0]
    try:
        yield
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        if isinstance(error, OSError) or not kept:
            raise
        streams = ", ".join(f"{stream.kind} {stream.codec}" for stream in kept)
        raise MediaError(
            f"{info.path}: a stream beside its video ({streams}) cannot be copied into"
            f" {CONTAINERS[stitch.codec]} ({plain(error)}); set stitch.sound=convert, or remove that stream"
        ) from error


def try_copies(info: VideoInfo, stitch: StitchConfig) -> list[str]:
    """Bring the streams beside the video into an output that goes nowhere; return what had to be done to them.

    Raises MediaError as the writer would, before any work is spent on the video.
    """
    if stitch.codec == Codec.png or info.is_folder or not split_streams(info.streams, stitch)[0]:
        return []
    with blaming_copies(info, stitch):
        output = av.open(_Nowhere(), "w", format=CONTAINERS[stitch.codec])
        try:
            copies = CopiedStreams(info, stitch, output)
            try:
                output.start_encoding()
                copies.mux_until(math.inf)
                return copies.remarks
            finally:
                copies.close()
        finally:
            output.close()


class _Nowhere(io.RawIOBase):
    """A file that forgets what is written into it."""

    def __init__(self) -> None:
        self._at, self._end = 0, 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def write(self, data: Any) -> int:
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)


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
