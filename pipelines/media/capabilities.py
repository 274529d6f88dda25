"""Capabilities of an output's container and codec, and the check of a written file.

`check_output` says before a run what will be lost, `verify_output` looks at what was written.
"""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from reelmend.pipelines.choices import Codec, Sound
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.colour import colour_of
from reelmend.pipelines.media.encoding import (
    CONTAINERS,
    encoder_available,
    is_halved,
    reason_against,
    storage_of,
    suffix_of,
)
from reelmend.pipelines.media.excerpt import Excerpt
from reelmend.pipelines.media.ffmpeg_words import plain
from reelmend.pipelines.media.fields import told_first_field
from reelmend.pipelines.media.records import StreamInfo, VideoHeader, VideoInfo
from reelmend.pipelines.media.side_data import LEFT
from reelmend.pipelines.media.source import codec_name, list_images, open_container, read_image, video_stream
from reelmend.pipelines.media.stream_copy import becomes, split_streams

__all__ = ["check_output", "encoder_available", "suffix_of", "verify_output"]

# Containers keep time in ticks of this many seconds at the coarsest; two roundings lie between source and output.
_TICK_S = {"matroska": Fraction(1, 1000), "mp4": Fraction(1, 10000), "mov": Fraction(1, 10000)}

_SYNC_S = Fraction(1, 10)
"""By how much sound and picture may move against each other; padding of a codec moves by less when it is copied."""


def check_output(info: VideoInfo | VideoHeader, stitch: StitchConfig) -> list[str]:
    """Return, a line each, what the chosen output cannot hold of this video; an empty list when nothing is lost."""
    lines = [
        f"{stream.kind} stream {stream.index} ({stream.codec}) is left out: {reason}" + _advice(stream, stitch)
        for stream, reason in split_streams(info.streams, stitch)[1]
    ]
    for stream in split_streams(info.streams, stitch)[0]:
        if stream.kind != "attachment" and (codec := becomes(stream, stitch)) != stream.codec:
            lost = "; position and fonts are lost" if stream.codec in ("ass", "ssa") else ""
            lines.append(f"{stream.kind} stream {stream.index} ({stream.codec}) is converted to {codec}{lost}")
    full_range = colour_of(info).full_range
    if reason := reason_against(info.width, stitch.codec):
        lines.append(reason)
    halved = is_halved(stitch.chroma, stitch.codec, info.is_folder)
    lines += storage_of(info.pixel_format, full_range, info.width, info.height, stitch.codec, halved).remarks
    if stitch.codec == Codec.png:
        if info.variable_rate:
            lines.append("a folder of images has no timestamps: the variable frame rate is lost; use stitch.codec=h264")
        if info.rotation or info.mirrored:
            how = " and ".join(
                ["mirrored"] * info.mirrored + [f"turned by {info.rotation} degrees"] * bool(info.rotation)
            )
            lines.append(f"a folder of images has no rotation tag: images stay {how}")
        if info.first_field:
            lines.append("a folder of images has no interlacing flag: interlaced frames are not marked")
        if info.sample_aspect != 1:
            lines.append(f"a folder of images has no sample aspect: {info.sample_aspect} is lost")
    if stitch.codec == Codec.ffv1 and info.variable_rate:
        lines.append("mkv keeps timestamps in milliseconds: those of the source are rounded")
    if info.mastering and stitch.codec not in (Codec.h264, Codec.h265):
        lines.append(f"HDR mastering metadata cannot be stored as {stitch.codec.value}; use stitch.codec=h265")
    if info.stereo and stitch.codec != Codec.h264:
        lines.append(f"frame-packed 3D cannot be tagged in {stitch.codec.value}; use stitch.codec=h264")
    if info.chroma_place > LEFT and stitch.codec in (Codec.ffv1, Codec.prores):
        lines.append(f"the chroma location cannot be stored as {stitch.codec.value}: players assume left")
    return [*lines, *info.notes]


def verify_output(
    path: Path | str, info: VideoInfo, stitch: StitchConfig, excerpt: Excerpt | None = None
) -> dict[str, str | int | float]:
    """Open what was written, read its packets without decoding them, and return facts about it.

    Raises MediaError naming the difference: frames, size, timestamps or streams that are not those of the source.
    """
    path = Path(path)
    return _verify_folder(path, info) if stitch.codec == Codec.png else _verify_file(path, info, stitch, excerpt)


def _advice(stream: StreamInfo, stitch: StitchConfig) -> str:
    others = [other for other in (Codec.ffv1, Codec.prores, Codec.h264) if other != stitch.codec]
    better = next((other for other in others if split_streams((stream,), replace(stitch, codec=other))[0]), None)
    keeps = f"; stitch.codec={better.value} keeps it" if better else ""
    converted = replace(stitch, sound=Sound.convert)
    return keeps + ("; stitch.sound=convert makes it AAC" if split_streams((stream,), converted)[0] else "")


def _verify_folder(path: Path, info: VideoInfo) -> dict[str, str | int | float]:
    images = list_images(path)
    _same(path, "images", len(images), info.frames)
    for image in (images[0], images[-1]):
        frame = read_image(image)
        _same(image, "size", f"{frame.width}x{frame.height}", f"{info.width}x{info.height}")
    size = sum(image.stat().st_size for image in images)
    return {
        "frames": len(images), "width": info.width, "height": info.height, "codec": "png", "container": "folder",
        "pixel_format": frame.format.name, "streams": "", "bytes": size,
    }  # fmt: skip


def _verify_file(
    path: Path, info: VideoInfo, stitch: StitchConfig, excerpt: Excerpt | None
) -> dict[str, str | int | float]:
    container_name = CONTAINERS[stitch.codec]
    with open_container(path) as container:
        stream = video_stream(container, path)
        context = stream.codec_context
        _same(path, "size", f"{context.width}x{context.height}", f"{info.width}x{info.height}")
        _same_shape(path, stream, info)
        _same(path, "first field", told_first_field(stream), info.first_field)
        others = Counter(
            (str(other.type), _read_back(codec_name(other), container_name))
            for other in container.streams
            if other.type in ("audio", "subtitle", "attachment")  # chapters of mp4 show up as a data stream
        )
        kept_streams = split_streams(info.streams, stitch)[0]
        kept = _as_kept(kept_streams, stitch)
        if others != kept and excerpt is not None:  # MP4 and MOV leave out sound without packets
            kept -= (kept - others) & _as_kept(_silent(info, kept_streams, excerpt), stitch)
        _same(path, "streams beside the video", _told(others), _told(kept))
        time_base = stream.time_base or Fraction(1, 1000)
        try:
            stamps = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None and packet.size)
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(f"{path}: what was written cannot be read back ({plain(error)})") from error
        _same(path, "frames", len(stamps), info.frames)
        _same_times(path, stamps, time_base, info, container_name)
        _same_sync(path, stamps[0] * time_base, info, kept_streams, excerpt)
        return {
            "frames": len(stamps), "width": context.width, "height": context.height, "codec": codec_name(stream),
            "container": container_name, "pixel_format": str(context.pix_fmt),
            "rate": str(info.rate), "seconds": round(info.duration_s, 3),
            "streams": _told(others), "bytes": path.stat().st_size,
        }  # fmt: skip


def _as_kept(streams: list[StreamInfo], stitch: StitchConfig) -> Counter[tuple[str, str]]:
    container = CONTAINERS[stitch.codec]
    return Counter((kept.kind, _read_back(becomes(kept, stitch), container)) for kept in streams)


def _silent(info: VideoInfo, kept: list[StreamInfo], excerpt: Excerpt) -> list[StreamInfo]:
    """Return which of the kept streams have nothing in an excerpt."""
    silent = {stream.index: stream for stream in kept if stream.kind in ("audio", "subtitle")}
    with open_container(info.path) as container:
        for packet in container.demux([container.streams[index] for index in silent] or None):
            stream = silent.get(packet.stream_index)
            if packet.size and stream is not None and excerpt.cut(packet, stream) is not None:
                del silent[stream.index]
    return list(silent.values())


def _read_back(codec: str, container: str) -> str:
    """Return the codec as the container tells it: MP4 has one number for MPEG audio of layers 2 and 3."""
    return "mp3" if container == "mp4" and codec == "mp2" else codec


def _same_shape(path: Path, stream: VideoStream, info: VideoInfo) -> None:
    """Raise when a player would stretch the picture otherwise; Matroska rounds the shown width to whole pixels."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if abs(aspect / info.sample_aspect - 1) > max(Fraction(1, 1000), Fraction(1, info.width)):
        raise MediaError(f"{path}: sample aspect of the output: {aspect}, of the source: {info.sample_aspect}")


def _same_times(path: Path, stamps: list[int], time_base: Fraction, info: VideoInfo, container: str) -> None:
    slack_s = float(_TICK_S[container] + time_base)
    for index, (stamp, told) in enumerate(zip(stamps, info.pts, strict=True)):
        time_s = float((stamp - stamps[0]) * time_base)
        source_s = float((told - info.pts[0]) * info.time_base)
        if abs(time_s - source_s) > slack_s:
            raise MediaError(
                f"{path}: frame {index} is shown at {time_s:.4f} s in the output, {source_s:.4f} s in the source"
            )


def _same_sync(path: Path, first_s: Fraction, info: VideoInfo, kept: list[StreamInfo], excerpt: Excerpt | None) -> None:
    """Raise when the first kept sound starts earlier or later against the picture than in the source."""
    sound = next((stream for stream in kept if stream.kind == "audio"), None)
    if sound is None or (excerpt is not None and info.joints):  # clocks of the source that follow one another
        return
    source_s = _first_sound_s(info.path, sound, excerpt)
    if source_s is None:
        return
    output_s = _first_sound_s(path)
    lead_s, told_s = (output_s or 0) - first_s, source_s - info.pts[0] * info.time_base
    if output_s is None or abs(lead_s - told_s) > _SYNC_S:
        raise MediaError(
            f"{path}: the sound starts {float(lead_s):.3f} s after the picture in the output, {float(told_s):.3f} s in"
            " the source"
        )


def _first_sound_s(path: Path, info: StreamInfo | None = None, excerpt: Excerpt | None = None) -> Fraction | None:
    """Return when the sound of a stream (the first sound for None) starts; None when it has no packets.

    Of an excerpt, only what belongs to it counts.
    """
    with open_container(path) as container:
        sound = container.streams.audio[0] if info is None else container.streams[info.index]
        for whole in container.demux(sound):
            packet = whole
            if info is not None and excerpt is not None and whole.size:
                cut = excerpt.cut(whole, info)
                if cut is None:
                    continue
                packet = cut
            due = packet.pts if packet.pts is not None else packet.dts
            if packet.size and due is not None:
                return due * packet.time_base
    return None


def _told(streams: Counter[tuple[str, str]]) -> str:
    return ", ".join(
        f"{kind} {codec}" + (f" x{count}" if count > 1 else "") for (kind, codec), count in sorted(streams.items())
    )


def _same(path: Path, what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise MediaError(f"{path}: {what} of the output: {found or 'none'}, of the source: {wanted or 'none'}")
