"""Images that FFmpeg decodes but does not recognise by their content: their suffix says what they are."""

from fractions import Fraction
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext

from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.ffmpeg_words import plain

BARE_IMAGES = {".tga": "targa"}
"""Suffix: decoder."""
_MOST_BYTES = 1 << 30


def read_bare_image(path: Path, max_pixels: str) -> av.VideoFrame:
    """Decode one image whose whole file is one packet. Raises MediaError naming the file."""
    if path.stat().st_size > _MOST_BYTES:
        raise MediaError(f"{path}: too large for one image ({path.stat().st_size} bytes)")
    decoder = av.CodecContext.create(BARE_IMAGES[path.suffix.lower()], "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.options, decoder.thread_count = {"max_pixels": max_pixels}, 1
    try:
        frames = [*decoder.decode(av.Packet(path.read_bytes())), *decoder.decode(None)]
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path}: the image is damaged ({plain(error)})") from error
    if not frames:
        raise MediaError(f"{path}: the image is damaged (nothing in it could be decoded)")
    frames[0].pts, frames[0].time_base = 0, Fraction(1)
    return frames[0]
