"""Properties of a video file, and whether it is complete.

Two answers: `glance_video` reads the header only, `inspect_video` decodes every frame once and so finds out about a
damaged file before any work is spent on it. Both take a container file or a folder of images.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media import formats, timing
from reelmend.pipelines.media.colour_profile import without_profile
from reelmend.pipelines.media.container_tags import container_remarks
from reelmend.pipelines.media.ffmpeg_words import plain
from reelmend.pipelines.media.fields import PROGRESSIVE, FirstField, first_field_of
from reelmend.pipelines.media.frame_count import count_frames
from reelmend.pipelines.media.image_sequence import gaps_between
from reelmend.pipelines.media.integrity import refuse_cut_off
from reelmend.pipelines.media.limits import refuse_duration, refuse_frames, refuse_overtime, refuse_pixels
from reelmend.pipelines.media.mp4 import refuse_lying_index
from reelmend.pipelines.media.records import ColourTags, StreamInfo, VideoHeader, VideoInfo
from reelmend.pipelines.media.rotation import turn_of
from reelmend.pipelines.media.side_data import (
    Mastering,
    chroma_place,
    display_matrix,
    lost_with,
    mastering_of,
    stereo_of,
)
from reelmend.pipelines.media.source import (
    codec_name,
    frames_of,
    is_cover,
    list_images,
    open_container,
    read_image,
    video_stream,
)
from reelmend.pipelines.media.walk import HELD_BYTES, LONG_GAP, FileMark, Walk, leave_open

__all__ = ["FOLDER_RATE", "ColourTags", "StreamInfo", "VideoHeader", "VideoInfo", "glance_video", "inspect_video"]

FOLDER_RATE = Fraction(25)
"""Frames per second of a folder of images, which has no rate of its own."""

_LOOKED_AT = 8
"""Frames whose side data is looked at. PyAV ties a frame to its side data in a cycle, which keeps its samples alive."""

_TIMES_TOLD, _TIMES_READ = 10_000, 48
"""Frames whose times are looked at without decoding: where an index lists them, and where packets have to be read."""
_BYTES_READ = 4 << 20

_CODECS_OF_IMAGES = {
    "jpg": "mjpeg", "jpeg": "mjpeg", "tif": "tiff", "tga": "targa", "jp2": "jpeg2000", "j2k": "jpeg2000",
}  # fmt: skip

OnFrame = Callable[[int, av.VideoFrame], None]


def glance_video(path: Path | str, content: BinaryIO | None = None) -> VideoHeader:
    """Read the header, the first frame and the times of some others.

    They are read from `content` if that is given, and then `path` is but its name.
    Raises MediaError where even that is impossible.
    """
    path = Path(path)
    if content is None and path.is_dir():
        images = list_images(path)
        gaps = tuple(gaps_between(images))
        return _header(path, read_image(images[0]), codec_of_image(images[0]), len(images), FOLDER_RATE, remarks=gaps)
    _refuse_lying_index(path, content)
    with open_container(path, content) as container:
        stream = video_stream(container, path)
        first = next(_decoded(container, stream, path), None)
        if first is None:
            raise MediaError(f"{path}: its video stream holds no frames")
        rate = _rate(stream) or FOLDER_RATE
        first_field = first_field_of(stream, int(first.interlaced_frame), 1)
        remarks = first_field.remarks + (
            container_remarks(path, (first.width, first.height)) if content is None else ()
        )
        return _header(
            path, first, codec_name(stream), count_frames(container, stream), rate, _others(container, stream),
            container.format.name, _aspect(stream), _seems_to_vary(container, stream), first_field, remarks,
        )  # fmt: skip


def inspect_video(path: Path | str, on_frame: OnFrame | None = None, folder_rate: Fraction = FOLDER_RATE) -> VideoInfo:
    """Decode the whole video once and return what it holds; `on_frame(index, frame)` sees each frame in order.

    Frames come in the file's own pixel format, or its nearest working one (`VideoInfo.pixel_format`).
    Raises MediaError, naming reason and frame: not a video, cut off, corrupt, no frames; OverLimit where it is too
    large, too long, or takes too long.
    """
    path = Path(path)
    return _inspect_folder(path, on_frame, folder_rate) if path.is_dir() else _inspect_file(path, on_frame)


def codec_of_image(path: Path) -> str:
    """Return the codec of an image as its suffix names it."""
    suffix = path.suffix.lower()[1:]
    return _CODECS_OF_IMAGES.get(suffix, suffix)


@dataclass
class _Picture:
    """What frames say about themselves; all frames of a video have to agree on the size."""

    width: int
    height: int
    own_format: str
    colour: ColourTags
    matrix: tuple[int, ...] | None
    mastering: Mastering
    stereo: str
    interlaced: int = 0
    """Frames so far that are."""
    chroma_place: int = 0
    remarks: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "_Picture":
        name = frame.format.name
        full = name.startswith("yuvj")
        tags = ColourTags(
            int(frame.color_primaries),
            int(frame.color_trc),
            int(frame.colorspace),
            2 if full else int(frame.color_range),
        )
        looked_at, _ = without_profile(frame)
        beside = display_matrix(looked_at), mastering_of(looked_at), stereo_of(looked_at)
        return cls(frame.width, frame.height, name, tags, *beside)

    @property
    def format(self) -> str:
        return formats.working_format(self.own_format)

    def note(self, frame: av.VideoFrame, index: int) -> None:
        """Remember what of this frame the output will not keep."""
        kept = formats.keeps_samples(frame.format.name)
        if not kept:
            name = frame.format.name
            clipped = "; values outside 0..1 are clipped" if re.search(r"f(16|32)", name) else ""
            self.remarks[f"pixel format {name} is processed and stored as {self.format}{clipped}"] = None
        self.interlaced += frame.interlaced_frame
        if index < _LOOKED_AT:
            self.remarks |= dict.fromkeys(lost_with(frame))

    def told(self) -> dict[str, Any]:
        """Return what header and record both say of the picture."""
        rotation, mirrored = turn_of(self.matrix)
        return {
            "width": self.width, "height": self.height, "pixel_format": self.format, "colour": self.colour,
            "rotation": rotation, "mirrored": mirrored, "mastering": self.mastering,
            "chroma_place": self.chroma_place, "stereo": self.stereo,
        }  # fmt: skip


def _inspect_file(path: Path, on_frame: OnFrame | None) -> VideoInfo:
    _refuse_lying_index(path, None)
    with open_container(path) as container:
        stream = video_stream(container, path)
        picture: _Picture | None = None
        stamps: list[int | None] = []
        end, key, key_gap = 0, 0, 0
        passed = Walk(FileMark.of(path), iter(()), ExitStack(), HELD_BYTES)
        for frame in _decoded(container, stream, path):
            picture = picture or _Picture.of(frame)
            _refuse_unlike(path, picture, frame, len(stamps))
            picture.note(frame, len(stamps))
            if on_frame is not None:
                on_frame(len(stamps), formats.to_working(frame, picture.format))
            key = len(stamps) if frame.key_frame else key
            key_gap = max(key_gap, len(stamps) + 1 - key)
            if len(stamps) - key > LONG_GAP:
                passed.hold(len(stamps), frame)
            else:
                passed.close()
            stamps.append(frame.pts)
            end = max(end, (frame.pts or 0) + frame.duration)
            if len(stamps) == 1:
                picture.chroma_place = chroma_place(frame, codec_name(stream))
        time_base = stream.time_base or Fraction(1, 1000)
        told = _rate(stream)
        refuse_cut_off(path, container, stream, stamps, end)
        if picture is None:
            raise MediaError(f"{path}: its video stream holds no frames")
        container_name = container.format.name
        times = timing.mended(
            stamps, 1 / ((told or FOLDER_RATE) * time_base), timing.leap_of(container_name, time_base)
        )
        pts, seekable = times.pts, list(times.pts) == stamps
        time_base /= times.finer
        refuse_duration(path, float((pts[-1] - pts[0]) * time_base))
        rate, varies = timing.rate_of(pts, time_base, told)
        leave_open(passed)
        first_field = first_field_of(stream, picture.interlaced, len(pts))
        remarks = (
            *picture.remarks,
            *times.remarks,
            *container_remarks(path, (picture.width, picture.height)),
            *first_field.remarks,
        )
        return VideoInfo(
            path=path, is_folder=False, codec=codec_name(stream), frames=len(pts), pts=pts, time_base=time_base,
            rate=rate, variable_rate=varies, sample_aspect=_aspect(stream), streams=_others(container, stream),
            container=container_name, display_matrix=picture.matrix, seekable=seekable, first_field=first_field.name,
            joints=tuple((joint.frame, joint.shift * times.finer) for joint in times.joints), key_gap=key_gap,
            notes=remarks, **picture.told(),
        )  # fmt: skip


def _inspect_folder(path: Path, on_frame: OnFrame | None, rate: Fraction) -> VideoInfo:
    images = list_images(path)
    refuse_frames(path, len(images))
    refuse_duration(path, float(len(images) / rate))
    picture: _Picture | None = None
    others: dict[str, str] = {}  # format: the first image that has it
    for index, image in enumerate(images):
        frame = read_image(image)
        picture = picture or _Picture.of(frame)
        _refuse_unlike(image, picture, frame, index)
        picture.note(frame, index)
        if frame.format.name != picture.own_format:
            others.setdefault(frame.format.name, image.name)
        if on_frame is not None:
            on_frame(index, formats.to_working(frame, picture.format))
        if index == 0:
            picture.chroma_place = chroma_place(frame, codec_of_image(image))
    assert picture is not None
    for remark in gaps_between(images):
        picture.remarks[remark] = None
    for name, first in others.items():
        picture.remarks[f"pixel format {name} ({first} and maybe others) is processed as {picture.format}"] = None
    return VideoInfo(
        path=path, is_folder=True, codec=codec_of_image(images[0]), frames=len(images), pts=tuple(range(len(images))),
        time_base=1 / rate, rate=rate, variable_rate=False, sample_aspect=Fraction(1), streams=(), container="folder",
        display_matrix=picture.matrix, notes=tuple(picture.remarks), **picture.told(),
    )  # fmt: skip


def _decoded(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[av.VideoFrame]:
    """Yield every frame; raise MediaError at the first damaged one.

    A stream cut out of a longer one may open with frames that lack their references: those before the first key frame
    are left out, here and by the reader.
    """
    count, opened = 0, False
    try:
        for frame in frames_of(container, stream, path):
            refuse_frames(path, count + 1)
            opened = opened or frame.key_frame
            if frame.is_corrupt:
                if opened:
                    raise MediaError(f"{path}: frame {count} (at {frame.time or 0:.2f} s) is corrupt; copy it again")
                continue
            yield frame
            count += 1
    except (av.error.FFmpegError, ValueError) as error:
        refuse_overtime(path)
        raise MediaError(f"{path}: cannot be decoded after frame {count - 1} ({plain(error)})") from error


def _refuse_unlike(path: Path, picture: _Picture, frame: av.VideoFrame, index: int) -> None:
    """Raise when a frame has another size than the first one, or colour or alpha where that one has none."""
    refuse_pixels(path, frame.width, frame.height)
    if (frame.width, frame.height) != (picture.width, picture.height):
        raise MediaError(
            f"{path}: frame {index} has {frame.width}x{frame.height} pixels, the first one {picture.width}x"
            f"{picture.height}; split the video where its size changes"
        )
    if lost := formats.lost_channels(frame.format.name, picture.format):
        raise MediaError(
            f"{path}: frame {index} ({frame.format.name}) has {lost}, the first one ({picture.own_format}) has none; "
            "store all in one format"
        )


def _header(
    path: Path, first: av.VideoFrame, codec: str, frames: int | None, rate: Fraction,
    streams: tuple[StreamInfo, ...] = (), container: str = "folder", aspect: Fraction = Fraction(1),
    variable_rate: bool = False, first_field: FirstField = PROGRESSIVE, remarks: tuple[str, ...] = (),
) -> VideoHeader:  # fmt: skip
    picture = _Picture.of(first)
    picture.note(first, 0)
    picture.chroma_place = chroma_place(first, codec)
    return VideoHeader(
        path=path, is_folder=path.is_dir(), codec=codec, frames=frames, rate=rate, sample_aspect=aspect,
        streams=streams, container=container, notes=(*picture.remarks, *remarks), variable_rate=variable_rate,
        first_field=first_field.name, **picture.told(),
    )  # fmt: skip


def _seems_to_vary(container: InputContainer, stream: VideoStream) -> bool:
    """Return whether the index of an MP4, or else the packets that come next, are not timed at a constant rate."""
    stamps: list[int] = []
    if "mp4" in container.format.name:
        stamps += [entry.timestamp for entry in islice(stream.index_entries, _TIMES_TOLD)]
    else:
        size = 0
        with suppress(av.error.FFmpegError, ValueError):  # damage is for the inspection to find
            for packet in islice(container.demux(stream), _TIMES_READ):
                size += packet.size
                if packet.dts is None or size > _BYTES_READ:
                    break
                stamps.append(packet.dts)
    time_base = stream.time_base or Fraction(1, 1000)
    return timing.is_ascending(stamps) and timing.rate_of(stamps, time_base, _rate(stream))[1]


def _others(container: InputContainer, restored: VideoStream) -> tuple[StreamInfo, ...]:
    return tuple(
        StreamInfo(
            stream.index,
            "cover" if isinstance(stream, VideoStream) and is_cover(stream) else str(stream.type),
            codec_name(stream),
            "" if stream.language in (None, "und") else str(stream.language),
        )
        for stream in container.streams
        if stream.index != restored.index
    )


def _refuse_lying_index(path: Path, content: BinaryIO | None) -> None:
    """Of a file elsewhere only the index is looked at: each fragment would be a request."""
    if content is not None:
        refuse_lying_index(path, content, fragments=False)
    elif path.is_file():
        with path.open("rb") as file:
            refuse_lying_index(path, file, fragments=True)


def _rate(stream: VideoStream) -> Fraction | None:
    """Return the frames per second that the header speaks of; some say 0 or less."""
    return next((rate for rate in (stream.average_rate, stream.guessed_rate) if rate and rate > 0), None)


def _aspect(stream: VideoStream) -> Fraction:
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and aspect > 0 else Fraction(1)  # 0 stands for unknown
