"""A file that cannot be restored is refused with its own reason, before any work is spent on it."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.media.writer import VideoWriter
from tests.clips import scene, write_clip, write_images


def refused(path: Path, *words: str) -> None:
    with pytest.raises(MediaError) as caught:
        inspect_video(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in (str(path), *words):
        assert word in message, message


def test_a_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.mp4", "no such file")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    refused(tmp_path / "a.mp4", "empty")


def test_text_with_the_name_of_a_video(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("this is no video\n" * 200)
    refused(tmp_path / "a.mp4", "not a video")


def test_sound_without_pictures(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "full.mp4", frames=5)
    with av.open(str(clip)) as source, av.open(str(tmp_path / "a.m4a"), "w", format="mp4") as target:
        copy = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = copy
                target.mux(packet)
    refused(tmp_path / "a.m4a", "no video stream", "audio (aac)")


def test_a_video_without_frames(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.avi", frames=1, audio=False, codec="mpeg4")
    data = clip.read_bytes()
    clip.write_bytes(data[: data.index(b"movi") + 4])
    refused(clip, "no frames")


def test_an_mp4_that_was_cut_off(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", frames=40, size=(64, 48), container_options={"movflags": "faststart"})
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 2 // 3])
    refused(clip, "cut off", "of 40 frames")


def test_an_mp4_whose_index_was_never_written(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", frames=40, size=(64, 48))
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 2 // 3])
    refused(clip, "cut off", "moov")


@pytest.mark.parametrize("name", ["a.mkv", "a.avi"])
def test_other_containers_that_were_cut_off(tmp_path: Path, name: str) -> None:
    clip = write_clip(tmp_path / name, frames=200, size=(64, 48), codec="mpeg4", audio=False)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    refused(clip, str(clip))


EVERY_THIRD = [3 * index for index in range(40)]
FROZEN = [index + 75 * (index > 20) for index in range(40)]


@pytest.mark.parametrize(
    ("name", "codec", "pts"),
    [
        ("a.mkv", "ffv1", EVERY_THIRD),
        ("a.mkv", "ffv1", FROZEN),
        ("a.webm", "libvpx-vp9", FROZEN),
        ("a.avi", "mpeg4", EVERY_THIRD),
        ("one_frame.mkv", "ffv1", [0]),
    ],
)
def test_a_file_with_fewer_frames_than_its_nominal_rate_is_whole(
    tmp_path: Path, name: str, codec: str, pts: list[int]
) -> None:
    clip = write_clip(tmp_path / name, len(pts), (32, 32), codec=codec, audio=False, pts=pts)
    assert inspect_video(clip).frames == len(pts)


def test_an_output_whose_last_frame_stays_for_long_is_whole(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mkv", 30, (32, 32), codec="ffv1", pts=[*range(29), 100]))
    with VideoWriter(tmp_path / "out.mkv", info, StitchConfig(codec=Codec.ffv1)) as writer:
        for frame in read_frames(info, 0, 30):
            writer.write(frame)
    assert inspect_video(tmp_path / "out.mkv").pts == info.pts


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "ffv1"), ("a.avi", "mpeg4")])
def test_a_file_of_variable_rate_that_was_cut_off(tmp_path: Path, name: str, codec: str) -> None:
    clip = write_clip(tmp_path / name, 40, (64, 48), codec=codec, audio=False, pts=EVERY_THIRD)
    with av.open(str(clip)) as container:
        end = [packet.pos for packet in container.demux(video=0)][25]
    clip.write_bytes(clip.read_bytes()[:end])
    refused(clip, "cut off", "of 4.72 s")


def test_a_file_of_few_frames_that_does_not_say_its_rate_is_whole(tmp_path: Path) -> None:
    told = write_clip(tmp_path / "told.mkv", frames=6, rate=Fraction(1, 8), codec="ffv1")
    with av.open(str(told)) as source, av.open(str(tmp_path / "a.mkv"), "w") as target:
        copies = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                target.mux(packet)
    assert inspect_video(tmp_path / "a.mkv").frames == 6


DAMAGED: dict[str, dict[str, Any]] = {
    "h264.mp4": {},
    "h265.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=error", "crf": "10"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"q:v": "2"}},
    "ffv1.mkv": {"codec": "ffv1", "options": {"level": "3", "slicecrc": "1"}},
    "mjpeg.mkv": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
}


@pytest.mark.parametrize("name", DAMAGED)
def test_bytes_destroyed_in_the_middle(tmp_path: Path, name: str) -> None:
    clip = write_clip(tmp_path / name, frames=40, size=(64, 48), audio=False, **DAMAGED[name])
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        first = packets[15]
    assert first.pos is not None
    data = bytearray(clip.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, max(first.size - 12, 200), np.uint8).tobytes()
    data[first.pos + 12 : first.pos + 12 + len(noise)] = noise
    clip.write_bytes(data)
    refused(clip)


def test_a_frame_that_claims_colours_of_no_standard(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", frames=2))
    info = replace(info, colour=replace(info.colour, matrix=6))
    frame = av.VideoFrame(info.width, info.height, "yuv422p10le")
    frame.colorspace = 127
    with pytest.raises(MediaError, match="a frame in yuv422p10le cannot be converted to RGB"):
        to_rgb(frame, info)


def test_a_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    refused(tmp_path / "frames", "no images")


def test_a_folder_whose_images_differ_in_size(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "frames", scene(3, (16, 16)))
    write_images(folder, scene(1, (20, 16)), ["00001.png"])
    with pytest.raises(MediaError, match=r"00001\.png.*20x16"):
        inspect_video(folder)


def test_a_folder_whose_first_image_is_grey_and_a_later_one_is_not(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "frames", scene(3, (16, 16)))
    write_images(folder, scene(1, (16, 16))[..., 0])
    with pytest.raises(MediaError, match=r"00001\.png.*rgb24. has colour .* the first one .gray"):
        inspect_video(folder)


def test_images_of_another_format_are_told_in_one_line(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "frames", scene(5, (16, 16)))
    write_images(folder, scene(2, (16, 16))[..., 0], ["00002.png", "00004.png"])
    assert inspect_video(folder).notes == ("pixel format gray (00002.png and maybe others) is processed as rgb24",)


def test_a_folder_with_a_damaged_image(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "frames", scene(3, (32, 32)))
    image = folder / "00001.png"
    image.write_bytes(image.read_bytes()[:200])
    with pytest.raises(MediaError, match=r"00001\.png"):
        inspect_video(folder)
