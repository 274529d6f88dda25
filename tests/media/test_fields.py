"""An interlaced source stays interlaced, with the same field first."""

from pathlib import Path

import av
import pytest

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.capabilities import check_output, verify_output
from reelmend.pipelines.media.fields import BOTTOM, TOP, field_marker, mark_interlaced
from reelmend.pipelines.media.inspection import glance_video, inspect_video
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.writer import VideoWriter, suffix_of
from tests.clips import scene

SOURCES = [
    ("libx264", "mp4", "yuv420p", TOP), ("libx264", "mp4", "yuv420p", BOTTOM), ("libx264", "ts", "yuv420p", BOTTOM),
    ("mpeg2video", "mpg", "yuv420p", TOP), ("mpeg2video", "ts", "yuv420p", BOTTOM),
    ("prores_ks", "mov", "yuv422p10le", BOTTOM), ("ffv1", "mkv", "yuv420p", TOP),
]  # fmt: skip


def interlaced(path: Path, codec: str, pixel_format: str, first_field: str) -> Path:
    words = {"x264-params": "tff=1" if first_field == TOP else "bff=1"} if first_field and codec == "libx264" else {}
    marked = field_marker(first_field, 64, 64, pixel_format)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25, width=64, height=64, options=words)
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = pixel_format
        mark_interlaced(stream.codec_context, first_field)
        for index, picture in enumerate(scene(6, (64, 64))):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = index, 1 / stream.codec_context.framerate
            output.mux(stream.encode(marked(frame)))
        output.mux(stream.encode(None))
    return path


def rewritten(info: VideoInfo, folder: Path, codec: Codec) -> Path:
    path = folder / f"out{suffix_of(codec)}"
    with VideoWriter(path, info, StitchConfig(codec=codec, speed="ultrafast")) as writer:
        for frame in read_frames(info, 0, info.frames):
            writer.write(frame)
    verify_output(path, info, StitchConfig(codec=codec))
    return path


@pytest.mark.parametrize(("source", "suffix", "pixel_format", "first_field"), SOURCES)
def test_the_source_says_which_field_comes_first(
    tmp_path: Path, source: str, suffix: str, pixel_format: str, first_field: str
) -> None:
    clip = interlaced(tmp_path / f"a.{suffix}", source, pixel_format, first_field)
    assert inspect_video(clip).first_field == glance_video(clip).first_field == first_field


@pytest.mark.parametrize("codec", [Codec.h264, Codec.h265, Codec.ffv1, Codec.prores])
@pytest.mark.parametrize("first_field", [TOP, BOTTOM])
def test_the_output_repeats_it_in_every_frame_and_in_its_header(tmp_path: Path, codec: Codec, first_field: str) -> None:
    info = inspect_video(interlaced(tmp_path / "a.mp4", "libx264", "yuv420p", first_field))
    path = rewritten(info, tmp_path, codec)
    assert inspect_video(path).first_field == first_field
    with av.open(str(path)) as container:
        assert all(frame.interlaced_frame for frame in container.decode(video=0))


def test_a_progressive_video_stays_progressive(tmp_path: Path) -> None:
    info = inspect_video(interlaced(tmp_path / "a.mp4", "libx264", "yuv420p", ""))
    assert info.first_field == inspect_video(rewritten(info, tmp_path, Codec.h264)).first_field == ""


def test_an_output_without_its_flag_is_refused_and_images_say_that_they_have_none(tmp_path: Path) -> None:
    info = inspect_video(interlaced(tmp_path / "a.mp4", "libx264", "yuv420p", TOP))
    plain = interlaced(tmp_path / "plain.mp4", "libx264", "yuv420p", "")
    with pytest.raises(MediaError, match="first field of the output: none, of the source: top"):
        verify_output(plain, info, StitchConfig(codec=Codec.h264))
    assert "no interlacing flag" in " ".join(check_output(info, StitchConfig(codec=Codec.png)))
