"""How is a video opened, and what is said when it cannot be?

The one place where errors of FFmpeg become `MediaError`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from pipelines.errors import MediaError
from pipelines.media.kinds import IMAGE_SUFFIXES, is_image

MAX_PIXELS = 1 << 26
"""Frames with more pixels than this (8192 x 8192) are refused: a hostile header must not take the machine's memory."""
THREADS = 2
"""Decoder threads: each holds frames, and many workers share a machine."""

# `file` only: a playlist that calls itself .mp4 must not make this machine open addresses.
_OPTIONS = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}


@contextmanager
def open_container(path: Path, content: BinaryIO | None = None) -> Iterator[InputContainer]:
    """Open a file, or `content` of that name, for reading.

    Raises MediaError when it is missing, empty or of no known kind.
    """
    if content is None and not path.exists():
        raise MediaError(f"{path}: no such file")
    if content is None and path.stat().st_size == 0:
        raise MediaError(f"{path}: the file is empty (0 bytes)")
    try:
        container = av.open(content or str(path), "r", options=dict(_OPTIONS), metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(_why_not_open(path, content, error)) from error
    with container:
        yield container


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the stream to restore: the first picture track that is not a cover.

    Raises MediaError when there is none, no decoder for it, or its frames are too large. Decodes on few threads.
    """
    pictures = [stream for stream in container.streams.video if not is_cover(stream)]
    if not pictures:
        kinds = sorted({f"{stream.type} ({codec_name(stream)})" for stream in container.streams})
        holds = ", ".join(kinds) if kinds else "no streams at all"
        raise MediaError(f"{path}: has no video stream, it holds {holds}")
    stream = pictures[0]
    if stream.codec_context is None:
        raise MediaError(f"{path}: no decoder for its video codec; convert it first, for example to H.264")
    refuse_huge(path, stream.codec_context.width, stream.codec_context.height)
    stream.codec_context.thread_count = THREADS
    stream.codec_context.thread_type = "AUTO"
    return stream


def refuse_huge(path: Path, width: int, height: int) -> None:
    """Raise MediaError for frames over MAX_PIXELS."""
    if width * height > MAX_PIXELS:
        raise MediaError(f"{path}: frames of {width}x{height} pixels are over the limit of {MAX_PIXELS} pixels")


def is_cover(stream: VideoStream) -> bool:
    """True for a picture that is no video: cover art, thumbnails."""
    disposition = av.stream.Disposition
    return bool(stream.disposition & (disposition.attached_pic | disposition.timed_thumbnails))


def codec_name(stream: av.stream.Stream) -> str:
    """Return the name of a stream's codec, `unknown` when this machine has no decoder for it."""
    context = getattr(stream, "codec_context", None)
    return str(context.codec.canonical_name) if context is not None else "unknown"


def list_images(folder: Path) -> list[Path]:
    """Return the images of a folder in natural order of their names (frame2 before frame10).

    Raises MediaError when there is none.
    """
    images = [path for path in folder.iterdir() if is_image(path) and path.is_file()]
    if not images:
        raise MediaError(f"{folder}: the folder holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return sorted(images, key=lambda path: _natural(path.name))


def read_image(path: Path) -> av.VideoFrame:
    """Decode one image in its own pixel format. Raises MediaError naming the file."""
    with open_container(path) as container:
        stream = video_stream(container, path)
        stream.codec_context.thread_count = 1
        try:
            frame = next(container.decode(stream), None)
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(f"{path}: the image is damaged ({plain(error)})") from error
        if frame is None:
            raise MediaError(f"{path}: the image is damaged (nothing in it could be decoded)")
        return frame


def plain(error: Exception) -> str:
    """Return what FFmpeg says, without number and path."""
    return str(getattr(error, "strerror", None) or error)


def _natural(name: str) -> tuple[list[str | int], str]:
    parts = re.split(r"(\d+)", name)
    return [int(part) if index % 2 else part.lower() for index, part in enumerate(parts)], name


def _why_not_open(path: Path, content: BinaryIO | None, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"{path}: may not be read (permission denied)"
    with content or path.open("rb") as file:
        file.seek(0)
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return f"{path}: cut off or still being written, its index (moov) is missing; copy or record it again"
    return f"{path}: is not a video that can be read ({plain(error)})"
