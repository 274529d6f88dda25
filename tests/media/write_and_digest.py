"""Writes a short clip of each kind that is named on the command line and prints the digest of the file."""

import hashlib
import json
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from reelmend.pipelines.choices import Chroma, Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.media.formats import planes_of, working_layout
from reelmend.pipelines.media.records import ColourTags, VideoInfo
from reelmend.pipelines.media.writer import VideoWriter, suffix_of


def digest(folder: str, codec: Codec, pixel_format: str, width: int, height: int) -> str:
    frames = 24 if codec == Codec.h264 else 4
    path = Path(folder) / f"out{suffix_of(codec)}"
    info = VideoInfo(
        Path("nothing"), True, "png", width, height, frames, tuple(range(frames)), Fraction(1, 25), Fraction(25), False,
        pixel_format, 0, Fraction(1), ColourTags(2, 2, 2, 0), (), "folder",
    )  # fmt: skip
    with VideoWriter(path, info, StitchConfig(codec=codec, chroma=Chroma.source)) as writer:
        for index in range(frames):
            writer.write(pan(index, av.VideoFrame(width, height, pixel_format)))
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def pan(index: int, frame: av.VideoFrame) -> av.VideoFrame:
    """Fill what is seen of a frame with moving blots, and nothing of what lies behind its lines."""
    top = working_layout(frame.format.name).maximum
    for place, plane in enumerate(planes_of(frame)):
        height, width = plane.shape[:2]
        blots = np.random.default_rng(place).integers(0, 256, (height + 48, width + 48, *plane.shape[2:]), np.int64)
        for step in (1, 2, 3):
            rolled = [np.roll(blots, (down, right), (0, 1)) for down in (0, step) for right in (0, step)]
            blots = np.sum(rolled, 0) // 4
        spread = np.clip((blots - 64) * 2, 0, 255)
        plane[...] = (spread * top // 255)[index : index + height, 2 * index : 2 * index + width]
    return frame


for kind, *picture in json.loads(sys.argv[1]):
    with tempfile.TemporaryDirectory() as place:
        print(digest(place, Codec(kind), *picture))
