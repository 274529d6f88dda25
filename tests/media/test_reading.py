"""Any run of frames is the same, whether the file was read from its start or from the middle."""

import gc
import json
import os
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av import VideoFrame
from numpy.typing import NDArray

from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.errors import MediaError, SourceUnreadable
from reelmend.pipelines.media.composite import paste_rgb
from reelmend.pipelines.media.digest import digest_source
from reelmend.pipelines.media.formats import planes_of
from reelmend.pipelines.media.inspection import VideoInfo, glance_video, inspect_video
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.media.writer import VideoWriter
from tests.clips import scene, write_clip, write_images

VARIABLE = [index * 40 + (index % 3) * 9 for index in range(40)]

KINDS: dict[str, dict[str, Any]] = {
    "b_frames.mp4": {"options": {"g": "12", "bf": "3"}},
    "open_gop.mp4": {"options": {"x264-params": "keyint=10:min-keyint=10:open-gop=1:bframes=3:scenecut=0"}},
    "open_gop_hevc.mkv": {
        "codec": "libx265",
        "size": (64, 48),
        "options": {"x265-params": "keyint=10:min-keyint=10:open-gop=1:bframes=3:scenecut=0:log-level=error"},
    },
    "intra_refresh.mkv": {"options": {"x264-params": "keyint=10:intra-refresh=1:bframes=0"}},
    "variable_rate.mkv": {"pts": VARIABLE, "time_base": Fraction(1, 1000), "options": {"g": "12"}},
    "variable_rate.mp4": {"pts": VARIABLE, "time_base": Fraction(1, 1000), "options": {"g": "12", "bf": "3"}},
    "variable_rate.avi": {"pts": [n + 9 * (n > 30) for n in range(40)], "codec": "mpeg4", "audio": False},
    "transport_stream.ts": {"options": {"g": "12", "bf": "3"}},
    "mpeg2_open_gop.mpg": {"codec": "mpeg2video", "audio": False, "options": {"g": "9", "bf": "2"}},
    "avi_with_b_frames.avi": {"audio": False, "options": {"g": "12", "bf": "3"}},
    "vp9.webm": {"codec": "libvpx-vp9", "audio": False, "options": {"g": "12", "deadline": "realtime"}},
    "odd_size.mkv": {"codec": "ffv1", "size": (49, 37)},
    "full_range_jpeg.mkv": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "ten_bit.mkv": {"codec": "ffv1", "pix_fmt": "yuv422p10le"},
    "rgb.mkv": {"codec": "ffv1", "pix_fmt": "bgra"},
}


def stored(frame: VideoFrame) -> list[NDArray[Any]]:
    return [plane.copy() for plane in planes_of(frame)]


@pytest.mark.parametrize("name", KINDS)
def test_frames_read_from_the_middle_equal_those_of_one_pass(tmp_path: Path, name: str) -> None:
    kind: dict[str, Any] = {"frames": 40, "size": (48, 32), **KINDS[name]}
    clip = write_clip(tmp_path / name, **kind)
    seen = []
    info = inspect_video(clip, lambda index, frame: seen.append(stored(frame)))
    assert info.frames == len(seen) == 40
    assert glance_video(clip).variable_rate == info.variable_rate
    for start, stop in [(0, 3), (7, 8), (9, 13), (11, 12), (19, 22), (33, 40), (39, 40)]:
        for index, frame in enumerate(read_frames(info, start, stop), start):
            assert (frame.pts, frame.time_base) == (info.pts[index], info.time_base)
            assert frame.format.name == info.pixel_format
            for plane, expected in zip(stored(frame), seen[index], strict=True):
                assert np.array_equal(plane, expected), f"frame {index} read from {start}"


def test_record_survives_json_exactly(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "turned.mp4", frames=5, rotation=90, sample_aspect=Fraction(4, 3))
    info = inspect_video(clip)
    assert VideoInfo.from_dict(json.loads(json.dumps(info.to_dict()))) == info


def test_record_says_what_the_file_holds(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", frames=10, rate=Fraction(30000, 1001), rotation=90, colour=(1, 1, 1, 1))
    info, header = inspect_video(clip), glance_video(clip)
    assert (info.width, info.height, info.frames, info.rotation, info.display_size) == (96, 64, 10, 90, (64, 96))
    assert (info.rate, info.variable_rate) == (Fraction(30000, 1001), False)
    assert (info.colour.primaries, info.colour.transfer, info.colour.matrix, info.colour.range) == (1, 1, 1, 1)
    assert [(stream.kind, stream.codec) for stream in info.streams] == [("audio", "aac")]
    assert info.duration_s == pytest.approx(10 * 1001 / 30000)
    for name in ("width", "height", "frames", "rate", "rotation", "pixel_format", "colour", "streams", "codec"):
        assert getattr(header, name) == getattr(info, name), name


def test_rate_rounded_to_milliseconds_is_still_constant(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mkv", frames=40, rate=Fraction(24000, 1001), codec="ffv1")
    info = inspect_video(clip)
    assert (info.rate, info.variable_rate) == (Fraction(24000, 1001), False)


def test_a_dropped_frame_makes_the_rate_variable(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", frames=4, pts=[0, 1, 3, 4], audio=False)
    assert inspect_video(clip).variable_rate


def test_folder_of_images_is_read_in_natural_order(tmp_path: Path) -> None:
    pictures = scene(12, (33, 21))
    folder = write_images(tmp_path / "frames", pictures, [f"frame{index}.png" for index in range(12)])
    info = inspect_video(folder, folder_rate=Fraction(30))
    assert (info.frames, info.rate, info.pts, info.is_folder) == (12, Fraction(30), tuple(range(12)), True)
    for index, frame in enumerate(read_frames(info, 9, 12), 9):
        assert np.array_equal(to_rgb(frame, info), pictures[index])


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv444p10le", "yuv420p", "yuv420p12le"])
@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("full_range", [1, 2])
def test_rgb_comes_back_with_the_tagged_matrix_and_range(
    tmp_path: Path, pixel_format: str, matrix: int, full_range: int
) -> None:
    tags = (2, 2, matrix, full_range)
    assert flat_colour_error(tmp_path, codec="ffv1", pix_fmt=pixel_format, colour=tags) <= 2


@pytest.mark.parametrize("pixel_format", ["bgr0", "bgra", "gbrp10le", "rgb48le"])
def test_rgb_of_rgb_formats_is_their_own(tmp_path: Path, pixel_format: str) -> None:
    assert flat_colour_error(tmp_path, codec="ffv1", pix_fmt=pixel_format) <= 1


def test_rgb_of_jpeg_is_full_range_bt601(tmp_path: Path) -> None:
    assert (
        flat_colour_error(tmp_path, codec="mjpeg", pix_fmt="yuvj420p", options={"q:v": "1"}, colour=(2, 2, 5, 2)) <= 4
    )


def flat_colour_error(folder: Path, **kind: Any) -> int:
    """The largest difference of a flat colour after writing and reading it."""
    flat = np.empty((1, 32, 48, 3), np.uint8)
    flat[:] = (200, 90, 30)
    info = inspect_video(write_clip(folder / "a.mkv", pictures=flat, audio=False, **kind))
    return int(np.abs(to_rgb(next(read_frames(info, 0, 1)), info).astype(int) - flat[0]).max())


def test_frames_are_freed_as_soon_as_they_are_done_with(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", 60)
    alive, calls = [], count()

    def see(*_: VideoFrame | int) -> None:
        if next(calls) % 6 == 5:
            alive.append(sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects()))

    gc.collect()
    gc.disable()
    gc.freeze()  # what was alive before is not looked at: in a large process that takes a tenth of a second each time
    try:
        info = inspect_video(clip, see)
        with VideoWriter(tmp_path / "out.mp4", info, StitchConfig()) as writer:
            for frame in read_frames(info, 0, 60):
                patch = to_rgb(frame, info)[:20, :20]
                writer.write(paste_rgb(frame, patch, np.ones((20, 20), np.bool_), 3, 3, info))
                see()
    finally:
        gc.unfreeze()
        gc.enable()
    assert len(alive) == 20
    assert max(alive) < 20


def test_smaller_rgb_averages_areas(tmp_path: Path) -> None:
    pictures = np.zeros((1, 32, 48, 3), np.uint8)
    pictures[:, :, ::2] = 200
    clip = write_clip(tmp_path / "a.mkv", codec="ffv1", pix_fmt="bgr0", pictures=pictures)
    info = inspect_video(clip)
    small = to_rgb(next(read_frames(info, 0, 1)), info, (24, 16))
    assert small.shape == (16, 24, 3)
    assert np.abs(small.astype(int) - 100).max() <= 1


def test_digest_follows_content_not_path(tmp_path: Path) -> None:
    first = write_images(tmp_path / "a", scene(2, (16, 16)))
    same = write_images(tmp_path / "b", scene(2, (16, 16)))
    other = write_images(tmp_path / "c", scene(2, (16, 16), seed=1))
    assert digest_source(first) == digest_source(same) != digest_source(other)
    assert digest_source(first / "00000.png") == digest_source(same / "00000.png")


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """The superuser may read everything: what a user may not, this one may not either."""
    before = os.geteuid()
    os.seteuid(before or 65534)
    yield
    os.seteuid(before)


def test_a_file_that_may_not_be_read_is_said_to_be_one(as_nobody: None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        unreadable = Path(folder, "clip.mp4")
        unreadable.touch(mode=0)
        with pytest.raises(MediaError, match=r"cannot be read .Permission denied.; may this user read it"):
            digest_source(unreadable)


def test_a_read_that_fails_is_a_passing_error() -> None:
    with pytest.raises(SourceUnreadable, match=r"/proc/self/mem: cannot be read now .Input/output error"):
        digest_source("/proc/self/mem")  # its first page is nobody's: the kernel answers as a failing disk does
