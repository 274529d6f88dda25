"""A video or a mask that takes more than its share is refused, by what it says and by what it turns out to be."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reelmend.pipelines.config import LimitsConfig, MaskConfig
from reelmend.pipelines.errors import ItemError, MediaError, OverLimit
from reelmend.pipelines.media.digest import digest_source
from reelmend.pipelines.media.inspection import glance_video, inspect_video
from reelmend.pipelines.media.limits import held_to
from reelmend.pipelines.media.masks.reader import inspect_masks
from reelmend.pipelines.media.source import read_image
from tests.clips import scene, write_clip, write_images, write_mask_image
from tests.jobs import add_item, finish, lossless_job


def huge_png(path: Path) -> Path:
    """A header that promises 60000 x 60000 pixels, and a few bytes of them."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10)))
    return path


def patched(path: Path, after: bytes, skip: int, value: bytes) -> Path:
    """Overwrite what stands `skip` bytes behind the first `after`."""
    data = bytearray(path.read_bytes())
    at = data.index(after) + len(after) + skip
    data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def ten_million_frames(path: Path) -> Path:
    """An AVI whose stream header says that it has 10^7 frames."""
    clip = write_clip(path, frames=5, codec="mpeg4", audio=False)
    return patched(clip, b"strh", 4 + 32, struct.pack("<I", 10**7))


def a_billion_seconds(path: Path) -> Path:
    """A Matroska file whose header says that it lasts 10^9 s."""
    clip = write_clip(path, frames=5, codec="ffv1", audio=False)
    return patched(clip, b"\x44\x89\x88", 0, struct.pack(">d", 1e12))


def ten_million_samples(path: Path) -> Path:
    """An MP4 of a few kilobytes whose index says, in twelve bytes, that it has 10^7 samples of a byte each."""
    clip = write_clip(path, frames=5, audio=False)
    patched(clip, b"stsc", 12, struct.pack(">I", 10**7))
    return patched(clip, b"stsz", 4, struct.pack(">II", 1, 10**7))


def test_an_index_that_speaks_of_more_samples_than_the_file_has_bytes_is_refused(tmp_path: Path) -> None:
    clip = ten_million_samples(tmp_path / "a.mp4")
    for look in (glance_video, inspect_video):
        with pytest.raises(MediaError, match="its index lists 10000000 samples"):
            look(clip)
    with clip.open("rb") as content, pytest.raises(MediaError, match="its index lists 10000000 samples"):
        glance_video("s3://b/a.mp4", content)


def test_a_fragment_that_speaks_of_more_samples_than_the_file_has_bytes_is_refused(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov"}
    clip = write_clip(tmp_path / "a.mp4", frames=5, audio=False, container_options=options)
    assert inspect_video(clip).frames == 5
    with pytest.raises(MediaError, match="its index lists 1000000000 samples"):
        inspect_video(patched(clip, b"trun", 4, struct.pack(">I", 10**9)))


def test_a_mask_that_promises_huge_frames_is_refused(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", frames=5, size=(64, 64)))
    with pytest.raises(OverLimit, match=r"60000x60000 pixels is over limits\.pixels"):
        inspect_masks(huge_png(tmp_path / "mask.png"), info, MaskConfig())


@pytest.mark.parametrize("look", [glance_video, inspect_video])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: huge_png(folder / "frames/0.png").parent, "60000x60000 pixels is over"),
        (lambda folder: ten_million_frames(folder / "a.avi"), "has 10000000 frames or more, over limits.frames"),
        (lambda folder: a_billion_seconds(folder / "a.mkv"), "lasts 1000000000 s, over limits.duration_s"),
    ],
)
def test_a_header_that_promises_too_much_is_refused(
    look: Callable[[Path], object], make: Callable[[Path], Path], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(OverLimit, match=reason):
        look(make(tmp_path))


@pytest.mark.parametrize(
    "limits",
    [LimitsConfig(pixels=95 * 64), LimitsConfig(frames=9), LimitsConfig(duration_s=0.3)],
    ids=["pixels", "frames", "seconds"],
)
@pytest.mark.parametrize("kind", ["a.mp4", "a.ts", "frames"])
def test_what_the_file_turns_out_to_be_is_held_to_the_limits(kind: str, limits: LimitsConfig, tmp_path: Path) -> None:
    path = tmp_path / kind
    _ = write_images(path, scene(10)) if kind == "frames" else write_clip(path, frames=10, audio=False)
    with pytest.raises(OverLimit), held_to(limits):
        inspect_video(path)
    with held_to(LimitsConfig(pixels=96 * 64, frames=10, duration_s=0.4)):
        assert inspect_video(path).frames == 10


def test_a_stream_that_grows_on_the_way_is_refused_before_the_large_frames_are_decoded(tmp_path: Path) -> None:
    small = write_clip(tmp_path / "small.ts", frames=5, size=(64, 48), audio=False)
    large = write_clip(tmp_path / "large.ts", frames=5, size=(640, 480), audio=False)
    small.write_bytes(small.read_bytes() + large.read_bytes())
    with pytest.raises(ItemError), held_to(LimitsConfig(pixels=64 * 48)):
        inspect_video(small)


@pytest.mark.parametrize("read", [inspect_video, glance_video, digest_source])
def test_reading_ends_when_the_tasks_time_is_over(read: Callable[[Path], object], tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", frames=5)
    with pytest.raises(OverLimit, match=r"was not read in 1e-09 s; see limits\.probe_s"), held_to(LimitsConfig(), 1e-9):
        read(clip)


@pytest.mark.parametrize("path", ["pipe", "/dev/zero"])
def test_a_pipe_or_a_device_is_not_read(path: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (inspect_video, glance_video, digest_source):
        with pytest.raises(MediaError):
            read(tmp_path / path)


def test_an_image_whose_name_looks_like_a_pattern_is_that_image_alone(tmp_path: Path) -> None:
    pictures = scene(2, (16, 16))
    write_mask_image(tmp_path / "take00.png", pictures[0])
    write_mask_image(tmp_path / "take%02d.png", pictures[1])
    assert np.array_equal(read_image(tmp_path / "take%02d.png").to_ndarray(format="rgb24"), pictures[1])


def test_a_run_quarantines_what_is_over_its_limits_and_restores_the_rest(tmp_path: Path) -> None:
    add_item(tmp_path, "good", frames=6)
    add_item(tmp_path, "long", frames=12)
    huge_png(add_item(tmp_path, "masked", frames=6).with_name("masked_mask.png"))
    (tmp_path / "in/masked_mask.mkv").unlink()
    job = lossless_job(tmp_path)
    job.limits.frames = 10
    summary, rows = finish(job)
    assert summary.states == {"restored": 1, "quarantined": 2}
    assert {rows[name].kind for name in ("long", "masked")} == {"OverLimit"}
    assert "over limits.frames=10; cut it into several" in rows["long"].reason
    assert "60000x60000 pixels is over limits.pixels" in rows["masked"].reason
