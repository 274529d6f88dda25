"""A folder of images becomes a file that players play, at exactly its rate; scans of film are read."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelmend.pipelines.choices import Chroma, Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.media.capabilities import check_output, verify_output
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.rates import exact_rate
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.writer import VideoWriter
from tests.clips import scene, write_images


def written(info: VideoInfo, path: Path, **stitch: Any) -> Path:
    settings = StitchConfig(speed="ultrafast", **stitch)
    with VideoWriter(path, info, settings) as writer:
        for frame in read_frames(info, 0, info.frames):
            writer.write(frame)
    verify_output(path, info, settings)
    return path


@pytest.mark.parametrize("grey", [False, True])
def test_it_is_8_bit_420_by_default_and_says_so(tmp_path: Path, grey: bool) -> None:
    pictures = scene(3, (64, 48), speed=(0, 0))
    pictures = pictures[..., 0] if grey else pictures
    info = inspect_video(write_images(tmp_path / "scan", pictures))
    path = written(info, tmp_path / "out.mp4", crf=4)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.pix_fmt == "yuv420p"
        shown = next(container.decode(stream)).to_ndarray(format="rgb24").astype(int)
    source = np.repeat(pictures[0][..., None], 3, 2) if grey else pictures[0]
    assert np.abs(shown - source).mean() < 5  # as a player shows it: range and matrix are tagged
    told = " ".join(check_output(info, StitchConfig()))
    assert ("RGB is stored as 8-bit 4:2:0, which every player supports; stitch.chroma=source" in told) == (not grey)


@pytest.mark.parametrize(
    ("size", "stitch", "pixel_format"),
    [
        ((64, 48), {"chroma": Chroma.source}, "yuv444p"),
        ((64, 64), {"codec": Codec.h265, "speed": "medium"}, "yuv420p"),
        ((63, 47), {}, "yuv444p"),
    ],
)
def test_it_is_finer_when_asked_and_where_the_size_is_odd(
    tmp_path: Path, size: tuple[int, int], stitch: dict[str, Any], pixel_format: str
) -> None:
    info = inspect_video(write_images(tmp_path / "scan", scene(2, (64, 64))[:, : size[1], : size[0]]))
    settings = StitchConfig(**{"speed": "ultrafast"} | stitch)
    path = tmp_path / "out.mp4"
    with VideoWriter(path, info, settings) as writer:
        for frame in read_frames(info, 0, 2):
            writer.write(frame)
    assert verify_output(path, info, settings)["pixel_format"] == pixel_format


SCANS = [
    ("dpx", "dpx", "gbrp10le", "gbrp10le"), ("exr", "exr", "gbrpf32le", "gbrp16le"), ("tga", "targa", "bgr24", "rgb24"),
    ("tga", "targa", "bgra", "rgba"), ("jp2", "jpeg2000", "rgb24", "rgb24"), ("TIF", "tiff", "rgb48le", "gbrp16le"),
]  # fmt: skip


@pytest.mark.parametrize(("suffix", "codec", "pixel_format", "worked_on"), SCANS)
def test_scans_of_film_are_read(tmp_path: Path, suffix: str, codec: str, pixel_format: str, worked_on: str) -> None:
    picture = scene(1, (48, 32))[0]
    for index in range(2):
        context = av.CodecContext.create(codec, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt, context.time_base = 48, 32, pixel_format, Fraction(1, 24)
        frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixel_format)
        packets = [*context.encode(frame), *context.encode(None)]
        (tmp_path / f"{index:04d}.{suffix}").write_bytes(b"".join(map(bytes, packets)))
    info = inspect_video(tmp_path)
    assert (info.frames, info.codec, info.pixel_format) == (2, codec, worked_on)
    assert np.abs(to_rgb(next(read_frames(info, 1, 2)), info).astype(int) - picture).mean() < 3
    assert any("outside 0..1 are clipped" in note for note in info.notes) == (suffix == "exr")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("23.976", "24000/1001"), ("23.98", "24000/1001"), ("29.97", "30000/1001"), ("59.94", "60000/1001"),
        ("119.88", "120000/1001"), ("24000/1001", "24000/1001"), (24000 / 1001, "24000/1001"), (29.97, "30000/1001"),
        ("25", "25"), (24.0, "24"), ("12.5", "25/2"), ("0.5", "1/2"), ("16.67", "1667/100"),
    ],
)  # fmt: skip
def test_a_rate_means_what_television_means_by_it(given: float | str, meant: str) -> None:
    assert exact_rate(given) == Fraction(meant)


@pytest.mark.parametrize("given", ["25 fps", "1/0", "", "24:1"])
def test_what_is_no_rate_is_said(given: str) -> None:
    with pytest.raises(ValueError, match=r"is not a valid frame rate; use 25, 23\.976 or 24000/1001"):
        exact_rate(given)
