"""What no output keeps of a picture's side data is said before the run. It is written here as its standard says."""

import gc
import re
import struct
import zlib
from pathlib import Path

import av
import pytest

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.media.capabilities import check_output
from reelmend.pipelines.media.inspection import glance_video, inspect_video
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.media.writer import VideoWriter
from tests.clips import scene, write_clip, write_images

CAPTIONS = b"\xb5\x00\x31GA94\x03\x41\xff\xfc\x80\x80\xff"
"""One pair of CEA-608 bytes (ATSC A/53 part 4, 6.2.3)."""
HDR10_PLUS = b"\xb5\x00\x3c\x00\x01\x04\x01" + int(f"01{1000:027b}0{'0' * 82}{10:010b}000".ljust(128, "0"), 2).to_bytes(
    16
)
"""One window without curves (SMPTE ST 2094-40, annex A)."""
SLICE = {"libx264": rb"\x00\x00\x01\x65", "libx265": rb"\x00\x00\x01[\x26\x28]\x01"}
"""How the first picture begins."""
SPHERICAL = bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + (
    b"<GSpherical:Spherical>true</GSpherical:Spherical><GSpherical:Stitched>true</GSpherical:Stitched>"
    b"<GSpherical:StitchingSoftware>x</GSpherical:StitchingSoftware><GSpherical:ProjectionType>equirectangular"
    b"</GSpherical:ProjectionType>"
)
"""Spherical video, version 1, as cameras write it."""


def registered(codec: str, payload: bytes) -> bytes:
    """Return a message registered by ITU-T T.35 as a unit of the stream."""
    head = b"\x06" if codec == "libx264" else b"\x4e\x01"
    unit = head + bytes([4, len(payload)]) + payload + b"\x80"
    return b"\x00\x00\x01" + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", unit)


def with_message(path: Path, codec: str, payload: bytes) -> Path:
    """Write two frames as a bare stream, with a message before the first."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25, width=64, height=48, options={"preset": "ultrafast"})
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = "yuv420p"
        for picture in scene(2, (64, 48)):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")))
        output.mux(stream.encode(None))
    content = path.read_bytes()
    found = re.search(SLICE[codec], content)
    assert found is not None
    at = found.start()
    path.write_bytes(content[:at] + registered(codec, payload) + content[at:])
    return path


@pytest.mark.parametrize(
    ("suffix", "codec", "payload", "said"),
    [
        pytest.param("h264", "libx264", CAPTIONS, "closed captions inside the picture stream", id="captions"),
        pytest.param("hevc", "libx265", HDR10_PLUS, "HDR10+ metadata", id="HDR10+"),
    ],
)
def test_messages_of_the_stream(tmp_path: Path, suffix: str, codec: str, payload: bytes, said: str) -> None:
    clip = with_message(tmp_path / f"a.{suffix}", codec, payload)
    for info in (inspect_video(clip), glance_video(clip)):
        assert f"{said} " in " ".join(check_output(info, StitchConfig()))


def grown(content: bytes, kinds: list[bytes], box: bytes) -> bytes:
    """Return an MP4 with a box at the end of the first track; its samples lie before its index."""
    at, end = 0, len(content)
    starts = []
    for kind in kinds:
        at = content.index(kind, at) - 4
        starts.append(at)
        end = at + struct.unpack_from(">I", content, at)[0]
    whole = bytearray(content[:end] + box + content[end:])
    for start in starts:
        struct.pack_into(">I", whole, start, struct.unpack_from(">I", content, start)[0] + len(box))
    return bytes(whole)


def test_a_picture_of_all_directions(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", 2, audio=False)
    box = struct.pack(">I4s", 8 + len(SPHERICAL), b"uuid") + SPHERICAL
    clip.write_bytes(grown(clip.read_bytes(), [b"moov", b"trak"], box))
    for info in (inspect_video(clip), glance_video(clip)):
        assert "spherical (360 degrees) picture is not carried over" in " ".join(check_output(info, StitchConfig()))


def test_a_colour_profile(tmp_path: Path) -> None:
    """A process that looked at one of a PNG, which has a name, ended when the frame was freed."""
    folder = write_images(tmp_path / "scan", scene(2, (32, 32)))
    for path in folder.iterdir():
        png = path.read_bytes()
        content = b"iCCPscanner\0\0" + zlib.compress(b"a profile")
        chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
        path.write_bytes(png[:33] + chunk + png[33:])  # behind the signature and the header
    for info in (inspect_video(folder), glance_video(folder)):
        assert "the ICC colour profile is not carried over" in " ".join(check_output(info, StitchConfig()))
        gc.collect()


def test_two_views_are_said_to_be_in_frames_that_were_painted(tmp_path: Path) -> None:
    """What is pasted into is a new frame, which has no side data of its own."""
    clip = write_clip(tmp_path / "a.mp4", 3, audio=False, options={"x264-params": "frame-packing=3"})
    info = inspect_video(clip)
    with VideoWriter(tmp_path / "out.mp4", info, StitchConfig(codec=Codec.h264, speed="ultrafast")) as writer:
        for frame in read_frames(info, 0, info.frames):
            painted = av.VideoFrame.from_ndarray(frame.to_ndarray(), frame.format.name)
            painted.pts, painted.time_base = frame.pts, frame.time_base
            writer.write(painted)
    assert inspect_video(tmp_path / "out.mp4").stereo == "3"
