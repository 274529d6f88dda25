"""What is written is the source's in everything but the restored pixels."""

import resource
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.errors import MediaError, SetupError, StoreError
from reelmend.pipelines.media.capabilities import check_output, verify_output
from reelmend.pipelines.media.formats import planes_of, working_layout
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.writer import VideoWriter, suffix_of
from tests.clips import scene, write_clip, write_images
from tests.media.packets import lasts, starts

FILES = [Codec.h264, Codec.h265, Codec.ffv1, Codec.prores]
VARIABLE = [0, 40, 95, 130, 300, 305, 410, 455, 500, 520]


def stitch(codec: Codec, **more: Any) -> StitchConfig:
    settings: dict[str, Any] = {"speed": "ultrafast", "crf": 8, **more}
    return StitchConfig(codec=codec, **settings)


def rewritten(info: VideoInfo, folder: Path, codec: Codec, **more: Any) -> tuple[Path, VideoInfo]:
    """Write the source's frames as they are; return (path, its record)."""
    path = folder / f"out{suffix_of(codec)}"
    with VideoWriter(path, info, stitch(codec, **more)) as writer:
        for frame in read_frames(info, 0, info.frames):
            writer.write(frame)
    verify_output(path, info, stitch(codec))
    return path, inspect_video(path)


def bits(info: VideoInfo) -> int:
    return working_layout(info.pixel_format).bits


def times_s(info: VideoInfo) -> list[float]:
    return [float((stamp - info.pts[0]) * info.time_base) for stamp in info.pts]


def worst_difference(one: VideoInfo, other: VideoInfo) -> float:
    """The largest mean difference of a frame's RGB."""
    pairs = zip(read_frames(one, 0, one.frames), read_frames(other, 0, other.frames), strict=True)
    return max(float(np.abs(to_rgb(a, one).astype(int) - to_rgb(b, other)).mean()) for a, b in pairs)


@pytest.mark.parametrize("codec", FILES)
@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p", "yuv420p10le", "yuv422p", "yuv444p10le", "gray", "yuva420p", "bgr0", "yuv420p12le"]
)
def test_size_depth_and_picture_survive(tmp_path: Path, codec: Codec, pix_fmt: str) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mkv", 6, codec="ffv1", pix_fmt=pix_fmt, colour=(1, 1, 1, 0)))
    _, back = rewritten(info, tmp_path, codec)
    assert (back.width, back.height, back.frames) == (96, 64, 6)
    told = " ".join(check_output(info, stitch(codec)))
    assert bits(back) >= bits(info) or f"{bits(info)}-bit" in told
    assert ("a" in info.pixel_format.split("p")[0][3:]) == (
        "a" in back.pixel_format.split("p")[0][3:]
    ) or "alpha" in told
    assert worst_difference(info, back) < 4


@pytest.mark.parametrize("codec", FILES)
@pytest.mark.parametrize("size", [(97, 55), (96, 55), (97, 64), (66, 34)])
def test_odd_sizes_keep_size_and_picture(tmp_path: Path, codec: Codec, size: tuple[int, int]) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mkv", 4, size, codec="ffv1"))
    _, back = rewritten(info, tmp_path, codec)
    assert (back.width, back.height) == size
    source, stored = next(read_frames(info, 0, 1)), next(read_frames(back, 0, 1))
    for plane, other in zip(planes_of(source), planes_of(stored), strict=True):
        finer = other[:: -(-other.shape[0] // plane.shape[0]), :: -(-other.shape[1] // plane.shape[1])]
        assert np.abs(plane.astype(int) - (finer >> (bits(back) - 8))).mean() < 3
    odd = size[0] % 2 or size[1] % 2
    assert ("halved chroma" in " ".join(check_output(info, stitch(codec)))) == bool(
        odd and codec in (Codec.h264, Codec.h265)
    )


@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p", "yuv411p", "yuv422p10le", "yuva444p12le", "gray10le", "gbrp14le", "bgra", "rgb48le"]
)
def test_the_lossless_codec_keeps_every_sample(tmp_path: Path, pix_fmt: str) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mkv", 5, (49, 37), codec="ffv1", pix_fmt=pix_fmt))
    _, back = rewritten(info, tmp_path, Codec.ffv1)
    assert check_output(info, stitch(Codec.ffv1)) == []
    for one, other in zip(read_frames(info, 0, 5), read_frames(back, 0, 5), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(planes_of(one), planes_of(other), strict=True))


@pytest.mark.parametrize("codec", FILES)
def test_variable_rate_keeps_its_timestamps(tmp_path: Path, codec: Codec) -> None:
    clip = write_clip(tmp_path / "a.mp4", 10, pts=VARIABLE, time_base=Fraction(1, 1000))
    info = inspect_video(clip)
    _, back = rewritten(info, tmp_path, codec)
    assert info.variable_rate
    assert back.variable_rate
    assert times_s(back) == pytest.approx(times_s(info), abs=0.001 if codec == Codec.ffv1 else 1e-4)


@pytest.mark.parametrize("codec", FILES)
def test_every_frame_of_a_variable_rate_is_shown_as_long_and_the_last_one_as_long_as_the_one_before(
    tmp_path: Path, codec: Codec
) -> None:
    stamps = [0, 40, 80, 200, 240, 440]
    info = inspect_video(write_clip(tmp_path / "a.mkv", 6, pts=stamps, time_base=Fraction(1, 1000), audio=False))
    path, _ = rewritten(info, tmp_path, codec)
    with av.open(str(path)) as container:
        packets = sorted((packet for packet in container.demux(video=0) if packet.size), key=starts)
        durations = [float(lasts(packet)) for packet in packets]
    assert durations[-1] == pytest.approx(0.2, abs=1e-4)
    if codec != Codec.h265:  # which decodes them in another order, and MP4 counts the time until the next is decoded
        assert durations == pytest.approx([0.04, 0.04, 0.12, 0.04, 0.2, 0.2], abs=1e-4)


@pytest.mark.parametrize("codec", FILES)
@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(12)])
def test_constant_rate_stays_constant(tmp_path: Path, codec: Codec, rate: Fraction) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 12, rate=rate))
    _, back = rewritten(info, tmp_path, codec)
    assert (back.rate, back.variable_rate) == (rate, False)
    assert back.duration_s == pytest.approx(info.duration_s, abs=0.002)


@pytest.mark.parametrize("codec", FILES)
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_and_aspect_and_colour_tags_survive(tmp_path: Path, codec: Codec, rotation: int) -> None:
    clip = write_clip(
        tmp_path / "a.mp4",
        4,
        pix_fmt="yuv420p10le",
        rotation=rotation,
        sample_aspect=Fraction(4, 3),
        colour=(9, 16, 9, 1),
    )
    info = inspect_video(clip)
    _, back = rewritten(info, tmp_path, codec)
    assert (back.rotation, back.display_matrix) == (rotation, info.display_matrix)
    assert (back.sample_aspect, back.colour, bits(back)) == (Fraction(4, 3), info.colour, 10)


@pytest.mark.parametrize("codec", [Codec.h264, Codec.h265, Codec.ffv1])
def test_full_range_stays_full_range(tmp_path: Path, codec: Codec) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mkv", 4, codec="mjpeg", pix_fmt="yuvj420p", options={"q:v": "1"}))
    _, back = rewritten(info, tmp_path, codec)
    assert (info.colour.range, back.colour.range) == (2, 2)
    assert worst_difference(info, back) < 4


def test_prores_takes_full_range_as_limited_and_says_so(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mkv", 4, codec="mjpeg", pix_fmt="yuvj420p", options={"q:v": "1"}))
    _, back = rewritten(info, tmp_path, Codec.prores)
    assert worst_difference(info, back) < 4
    assert "limited range" in " ".join(check_output(info, stitch(Codec.prores)))


def test_a_recording_that_starts_late_starts_in_the_first_second(tmp_path: Path) -> None:
    late = [900_000 + 3600 * index for index in range(12)]
    info = inspect_video(write_clip(tmp_path / "a.ts", 12, pts=late, time_base=Fraction(1, 90000), audio=False))
    _, back = rewritten(info, tmp_path, Codec.h264)
    assert info.pts[0] * info.time_base >= 10
    assert 0 <= back.pts[0] * back.time_base < 1
    assert times_s(back) == pytest.approx(times_s(info), abs=1e-4)


def test_png_folder_holds_the_frames(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mkv", 3, codec="ffv1", pix_fmt="bgra", audio=False))
    path, back = rewritten(info, tmp_path, Codec.png)
    assert sorted(image.name for image in path.iterdir()) == ["000000.png", "000001.png", "000002.png"]
    assert (back.frames, back.pixel_format) == (3, "rgba")
    assert worst_difference(info, back) == 0


def test_png_folder_has_16_bits_for_deep_sources(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mkv", 2, codec="ffv1", pix_fmt="yuv444p10le", audio=False))
    path, back = rewritten(info, tmp_path, Codec.png)
    image = cv2.imread(str(path / "000001.png"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert (image.dtype, image.shape) == (np.dtype(np.uint16), (64, 96, 3))
    assert worst_difference(info, back) < 1


def test_folder_of_images_becomes_a_video(tmp_path: Path) -> None:
    pictures = scene(6, (50, 38))
    info = inspect_video(write_images(tmp_path / "frames", pictures), folder_rate=Fraction(24))
    _, back = rewritten(info, tmp_path, Codec.h264)
    assert (back.frames, back.rate, back.width, back.height) == (6, Fraction(24), 50, 38)
    assert worst_difference(info, back) < 4


def write_part(path: Path, info: VideoInfo, codec: Codec, count: int, then: RuntimeError | None = None) -> None:
    with VideoWriter(path, info, stitch(codec)) as writer:
        for frame in read_frames(info, 0, count):
            writer.write(frame)
        if then is not None:
            raise then


@pytest.mark.parametrize("codec", [*FILES, Codec.png])
def test_an_exception_leaves_nothing_behind(tmp_path: Path, codec: Codec) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 6))
    with pytest.raises(RuntimeError, match="inside"):
        write_part(tmp_path / "out", info, codec, 3, RuntimeError("inside"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("codec", [Codec.h264, Codec.png])
def test_too_few_frames_leave_nothing_behind(tmp_path: Path, codec: Codec) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 6))
    with pytest.raises(ValueError, match="3 of 6"):
        write_part(tmp_path / "out", info, codec, 3)
    assert not (tmp_path / "out").exists()


def test_frames_too_narrow_for_x265_are_refused_and_that_is_said_before(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 3, (48, 32)))
    assert "narrower" in " ".join(check_output(info, stitch(Codec.h265)))
    with pytest.raises(MediaError, match="narrower than 64"):
        write_part(tmp_path / "out.mp4", info, Codec.h265, 3)


@pytest.mark.parametrize("codec", [Codec.h264, Codec.png])
def test_an_output_that_cannot_be_written_is_a_store_error(tmp_path: Path, codec: Codec) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 3))
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="file"), VideoWriter(tmp_path / "file" / "out", info, stitch(codec)):
        pass


@pytest.mark.parametrize("codec", [*FILES, Codec.png])
def test_a_disk_that_fills_up_is_a_store_error_and_leaves_nothing_behind(tmp_path: Path, codec: Codec) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 30, (320, 240), audio=False))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        with pytest.raises(StoreError, match=r"out.*cannot be written"):
            write_part(tmp_path / "out", info, codec, 30)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_not_written_into(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 3))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(SetupError, match="not empty"), VideoWriter(tmp_path / "out", info, stitch(Codec.png)):
        pass
    assert (tmp_path / "out" / "mine.txt").exists()


def test_verifying_names_what_differs(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 10))
    shorter = write_clip(tmp_path / "shorter.mp4", 9)
    smaller = write_clip(tmp_path / "smaller.mp4", 10, (48, 32))
    silent = write_clip(tmp_path / "silent.mp4", 10, audio=False)
    slower = write_clip(tmp_path / "slower.mp4", 10, rate=20)
    for path, words in [
        (shorter, "frames.*9.*10"),
        (smaller, "size.*48x32"),
        (silent, "streams.*none"),
        (slower, "frame 1 "),
    ]:
        with pytest.raises(MediaError, match=words):
            verify_output(path, info, stitch(Codec.h264))


def test_mp4_can_be_played_while_it_loads(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 5))
    path, _ = rewritten(info, tmp_path, Codec.h264)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_h265_in_mp4_has_the_tag_that_players_ask_for(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 5))
    path, _ = rewritten(info, tmp_path, Codec.h265)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"
