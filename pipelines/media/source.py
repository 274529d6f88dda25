"""Opening of videos, and the messages if that fails.

The one place where errors of FFmpeg become `MediaError`. A file is all that FFmpeg may read: no address, and no other
file that this one names.
"""

import errno
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.alpha import alpha_decoder
from reelmend.pipelines.media.bare_image import BARE_IMAGES, read_bare_image
from reelmend.pipelines.media.ffmpeg_words import plain
from reelmend.pipelines.media.film_track import film_of
from reelmend.pipelines.media.limits import (
    most_pixels,
    refuse_duration,
    refuse_frames,
    refuse_overtime,
    refuse_pixels,
    seconds_left,
)
from reelmend.pipelines.storage.suffixes import IMAGE_SUFFIXES, is_image
from reelmend.pipelines.utils.system_errors import unreadable

THREADS = 2
"""Decoder threads: each holds frames, and many workers share a machine."""

FORMATS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "mxf", "flv", "asf", "ogg", "yuv4mpegpipe", "nut"),
    *("ivf", "dv", "gxf", "wtv", "gif", "apng", "h264", "hevc", "m4v", "obu", "av1", "mjpeg"),
    *("png_pipe", "jpeg_pipe", "bmp_pipe", "tiff_pipe", "webp_pipe", "dpx_pipe", "exr_pipe", "j2k_pipe"),
)
"""What a file may be, as FFmpeg names it: kinds that hold their own content. A playlist (hls, concat, dash, sdp) or a
pattern of names (image2) would read whatever files and addresses it names."""

NO_VIDEO = "is not a video that can be read"
"""Part of the message on a file of another kind; a video that is cut off or damaged has others."""
_ROUNDED_UP = 64 * 65_536
"""Pixels by which a decoder's picture may be larger than the frame: up to 64 a line."""
_PREFIX = "file:"  # without it, what stands before a colon in a name could be taken for a protocol


class _Nameless(BufferedReader):
    """An image: FFmpeg would take a name such as "take%02d.png" for that of many files."""

    name = ""


@contextmanager
def open_container(path: Path, content: BinaryIO | None = None) -> Iterator[InputContainer]:
    """Open a file, or `content` of that name, for reading.

    Raises MediaError when it is missing, empty or of no known kind, OverLimit when its header promises too much.
    """
    if content is None:
        _refuse_nothing(path)
    with ExitStack() as opened:
        try:
            file = opened.enter_context(_Nameless(FileIO(path))) if content is None and is_image(path) else content
            container = opened.enter_context(_open(path, file))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            refuse_overtime(path)
            raise MediaError(_why_not_open(path, content, error)) from error
        refuse_duration(path, (container.duration or 0) / av.time_base)
        yield container


def _refuse_nothing(path: Path) -> None:
    try:
        told = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MediaError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:  # a name that is too long, or none at all
        raise MediaError(f"{path}: cannot be opened ({plain(error)})") from error
    if not stat.S_ISREG(told.st_mode):  # opening a pipe waits for who writes to it, a device may have no end
        raise MediaError(f"{path}: not a regular file ({_kind_of(told.st_mode)}); copy its content to a file")
    if told.st_size == 0:
        raise MediaError(f"{path}: the file is empty (0 bytes)")


def _kind_of(mode: int) -> str:
    kinds = {"named pipe": stat.S_ISFIFO, "device": stat.S_ISCHR, "block device": stat.S_ISBLK, "socket": stat.S_ISSOCK}
    return next((name for name, is_it in kinds.items() if is_it(mode)), "a folder")


def _open(path: Path, file: BinaryIO | None) -> InputContainer:
    limits = {"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS), "max_pixels": _decoded_pixels()}
    place = file or f"{_PREFIX}{path.absolute()}"
    return av.open(place, "r", options=limits, metadata_errors="replace", timeout=seconds_left())


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the stream to restore: the picture track that is the film (`film_of`).

    Raises MediaError when there is none, or no decoder for it, OverLimit when its frames are too large or too many.
    Decodes on few threads.
    """
    pictures = [stream for stream in container.streams.video if not is_cover(stream)]
    if not pictures:
        kinds = sorted({f"{stream.type} ({codec_name(stream)})" for stream in container.streams})
        holds = ", ".join(kinds) if kinds else "no streams at all"
        raise MediaError(f"{path}: has no video stream, it holds {holds}")
    stream = film_of(container, pictures)
    if stream.codec_context is None:
        raise MediaError(f"{path}: no decoder for its video codec; convert it first, for example to H.264")
    refuse_pixels(path, stream.codec_context.width, stream.codec_context.height)
    refuse_frames(path, stream.frames)
    stream.codec_context.options = {"max_pixels": _decoded_pixels()}  # for a stream that grows on the way
    stream.codec_context.thread_count = THREADS
    stream.codec_context.thread_type = "AUTO"
    return stream


def _decoded_pixels() -> str:
    """What a decoder takes memory for: it rounds widths up, and the limit itself is for the frames that come out."""
    return str(most_pixels() + _ROUNDED_UP)


def frames_of(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[av.VideoFrame]:
    """Yield every frame in the order of showing. Raises OverLimit when the task's time is over."""
    with_alpha = alpha_decoder(stream, _decoded_pixels(), THREADS)
    for packet in container.demux(stream):
        refuse_overtime(path)
        PROGRESS.sign()
        if with_alpha is None:
            yield from packet.decode()
        else:
            yield from with_alpha.decode(packet if packet.size else None)


def is_cover(stream: VideoStream) -> bool:
    """True for a picture that is not a video: cover art, thumbnails."""
    disposition = av.stream.Disposition
    return bool(stream.disposition & (disposition.attached_pic | disposition.timed_thumbnails))


def codec_name(stream: av.stream.Stream) -> str:
    """Return the name of a stream's codec, `unknown` when this machine has no decoder for it."""
    context = getattr(stream, "codec_context", None)
    return str(context.codec.canonical_name) if context is not None else "unknown"


def list_images(folder: Path) -> list[Path]:
    """Return the images of a folder in natural order of their names (frame2 before frame10).

    Raises MediaError when there is none, or the folder may not be read, SourceUnreadable when it cannot be read now.
    """
    try:
        images = [path for path in folder.iterdir() if is_image(path) and path.is_file()]
    except OSError as error:
        raise unreadable(folder, error) from error
    if not images:
        raise MediaError(f"{folder}: the folder holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return sorted(images, key=lambda path: _natural(path.name))


def image_size(path: Path) -> tuple[int, int]:
    """Return (width, height) of an image from its header. Raises as `read_image`."""
    size = _promised_size(path)
    if size == (0, 0):
        with open_container(path) as container:
            context = video_stream(container, path).codec_context
            size = (context.width, context.height)
    refuse_pixels(path, *size)
    return size


def read_image(path: Path) -> av.VideoFrame:
    """Decode one image in its own pixel format. Raises MediaError naming the file, OverLimit when it is too large."""
    refuse_pixels(path, *_promised_size(path))
    if path.suffix.lower() in BARE_IMAGES:
        return read_bare_image(path, _decoded_pixels())
    with open_container(path) as container:
        stream = video_stream(container, path)
        stream.codec_context.thread_count = 1
        try:
            frame = next(frames_of(container, stream, path), None)
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(f"{path}: the image is damaged ({plain(error)})") from error
        if frame is None:
            raise MediaError(f"{path}: the image is damaged (nothing in it could be decoded)")
        return frame


def _promised_size(path: Path) -> tuple[int, int]:
    """Return what a PNG's header says, (0, 0) for others: FFmpeg refuses what is too large, but not in these words."""
    _refuse_nothing(path)
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError as error:
        raise unreadable(path, error) from error
    return struct.unpack(">II", head[16:]) if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) == 24 else (0, 0)


def _natural(name: str) -> tuple[list[str | int], str]:
    parts = re.split(r"(\d+)", name)
    return [int(part) if index % 2 else part.lower() for index, part in enumerate(parts)], name


def _why_not_open(path: Path, content: BinaryIO | None, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"{path}: cannot be read (permission denied)"
    try:
        with content or path.open("rb") as file:
            file.seek(0)
            head = file.read(12)
    except OSError as unread:
        return f"{path}: cannot be read ({plain(unread)})"
    if head[4:8] == b"ftyp":
        return f"{path}: cut off or still being written, its index (moov) is missing; copy or record it again"
    if getattr(error, "errno", None) == errno.EINVAL:
        return f"{path}: {NO_VIDEO} (no container known here; playlists are not followed)"
    return f"{path}: {NO_VIDEO} ({plain(error)})"
