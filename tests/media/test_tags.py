"""What a file says of its picture beside the samples is kept, or said to be lost before the run."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import JobConfig, StitchConfig
from reelmend.pipelines.forecast.headers import Headers
from reelmend.pipelines.forecast.item_estimate import look_at
from reelmend.pipelines.media.capabilities import check_output
from reelmend.pipelines.media.container_tags import container_remarks
from reelmend.pipelines.media.inspection import glance_video, inspect_video
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.media.writer import VideoWriter, suffix_of
from reelmend.pipelines.tasks import Item
from tests.clips import scene, write_clip, write_images, write_mask_image
from tests.media.dolby_vision import write_dolby_vision

DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
HDR10 = f"log-level=error:chromaloc=2:master-display={DISPLAY}:max-cll=1000,400"


def rewritten(info: VideoInfo, folder: Path, codec: Codec) -> VideoInfo:
    path = folder / f"out{suffix_of(codec)}"
    with VideoWriter(path, info, StitchConfig(codec=codec, speed="ultrafast")) as writer:
        for frame in read_frames(info, 0, info.frames):
            writer.write(frame)
    return inspect_video(path)


@pytest.mark.parametrize("codec", [Codec.h264, Codec.h265])
def test_mastering_data_and_the_place_of_chroma_survive(tmp_path: Path, codec: Codec) -> None:
    clip = write_clip(
        tmp_path / "a.mp4", 3, codec="libx265", pix_fmt="yuv420p10le", audio=False, options={"x265-params": HDR10}
    )
    info = inspect_video(clip)
    assert (info.mastering.display, info.mastering.light, info.chroma_place) == (DISPLAY, "1000,400", 3)  # top left
    written = rewritten(info, tmp_path, codec)
    assert (written.mastering, written.chroma_place) == (info.mastering, info.chroma_place)
    assert check_output(info, StitchConfig(codec=codec)) == []
    told = " ".join(check_output(glance_video(clip), StitchConfig(codec=Codec.ffv1)))
    assert "HDR mastering metadata cannot be stored as ffv1; use stitch.codec=h265" in told
    assert "the chroma location cannot be stored as ffv1" in told


@pytest.mark.parametrize("place", range(6))
def test_every_place_of_chroma_is_measured(tmp_path: Path, place: int) -> None:
    clip = write_clip(tmp_path / "a.mp4", 1, audio=False, options={"x264-params": f"chromaloc={place}"})
    assert inspect_video(clip).chroma_place == glance_video(clip).chroma_place == place + 1


def test_two_views_in_one_frame_stay_two_views(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", 3, audio=False, options={"x264-params": "frame-packing=3"})
    info = inspect_video(clip)
    assert info.stereo == rewritten(info, tmp_path, Codec.h264).stereo == "3"
    assert "frame-packed 3D cannot be tagged" in " ".join(check_output(info, StitchConfig(codec=Codec.prores)))


@pytest.mark.parametrize(
    ("profile", "lost"),
    [
        (8, "Dolby Vision metadata is not carried over (colour tags are)"),
        (5, "Dolby Vision of profile 5: its picture has wrong colours without its metadata, which is not carried over"),
    ],
)
def test_dolby_vision_is_said_to_be_lost(tmp_path: Path, profile: int, lost: str) -> None:
    clip = write_dolby_vision(tmp_path / "a.mkv", profile=profile)
    (said,) = inspect_video(clip).notes
    assert said.startswith(lost)
    assert said in " ".join(check_output(glance_video(clip), StitchConfig()))


def element(number: str, *content: bytes) -> bytes:
    joined = b"".join(content)
    return bytes.fromhex(number) + (0x10000000 | len(joined)).to_bytes(4, "big") + joined


def atom(kind: bytes, *content: bytes) -> bytes:
    joined = b"".join(content)
    return (8 + len(joined)).to_bytes(4, "big") + kind + joined


def test_the_crop_of_a_container_is_said_to_be_lost(tmp_path: Path) -> None:
    """PyAV does not pass it on, so it is read here: RFC 9559 for Matroska, ISO/IEC 14496-12 for MP4."""
    path = tmp_path / "a.mkv"
    size, crop = element("b0", b"\x60") + element("ba", b"\x40"), element("54cc", b"\x08") + element("54bb", b"\x04")
    video = element("e0", size, crop)
    path.write_bytes(element("1a45dfa3", b"") + element("18538067", element("1654ae6b", element("ae", video))))
    (told,) = container_remarks(path, (96, 64))
    assert told.startswith(
        "the container crops the picture (8 px at the left, 4 px at the top): that is not carried over"
    )

    aperture = struct.pack(">8I", 90, 1, 60, 1, 0, 1, 0, 1)
    path.write_bytes(atom(b"ftyp", b"qt  ") + atom(b"moov", atom(b"trak", atom(b"clap", aperture))))
    assert "(to 90x60 pixels)" in container_remarks(path, (96, 64))[0]
    assert container_remarks(path, (90, 60)) == ()


@pytest.mark.parametrize("cut", [0, 1, 13, 30])
def test_a_damaged_header_is_not_this_reader_s_to_judge(tmp_path: Path, cut: int) -> None:
    clip = write_clip(tmp_path / "a.mkv", 2, codec="ffv1", audio=False)
    clip.write_bytes(clip.read_bytes()[:cut])
    assert container_remarks(clip, (96, 64)) == ()


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_alpha_of_webm_is_read_kept_or_said_to_be_lost(tmp_path: Path, codec: str) -> None:
    clip = tmp_path / "a.webm"
    with av.open(str(clip), "w") as output:
        stream = output.add_stream(codec, rate=25, width=64, height=48, options={"auto-alt-ref": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = "yuva420p"
        stream.metadata["alpha_mode"] = "1"
        for index, picture in enumerate(scene(8, (64, 48))):
            alpha = np.full((48, 64, 1), 20 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.concatenate([picture, alpha], 2), "rgba").reformat(format="yuva420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    info = inspect_video(clip)
    assert info.pixel_format == "yuva420p"
    written = rewritten(info, tmp_path, Codec.ffv1)
    frame = next(read_frames(written, 5, 6))
    assert abs(np.frombuffer(memoryview(frame.planes[3]), np.uint8)[:64].mean() - 100) < 4
    assert "alpha channel cannot be stored as h264" in " ".join(check_output(glance_video(clip), StitchConfig()))


def test_the_film_is_restored_and_not_the_thumbnail_before_it(tmp_path: Path) -> None:
    clip = tmp_path / "a.mkv"
    with av.open(str(clip), "w") as output:
        small = output.add_stream("mjpeg", rate=25, width=32, height=16, options={"q:v": "3"})
        small.pix_fmt = "yuvj420p"
        film = output.add_stream("ffv1", rate=25, width=64, height=48)
        for index, picture in enumerate(scene(10, (64, 48))):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            if index == 0:
                output.mux(small.encode(frame.reformat(32, 16, format="yuvj420p")))
            output.mux(film.encode(frame.reformat(format="yuv420p")))
        for stream in (small, film):
            output.mux(stream.encode(None))
    info = inspect_video(clip)
    assert (info.width, info.height, info.frames) == (64, 48, 10)
    assert (
        "video stream 0 (mjpeg) is left out: only one picture track is restored"
        in check_output(info, StitchConfig())[0]
    )


def test_of_two_films_the_default_one_is_restored(tmp_path: Path) -> None:
    clip = tmp_path / "a.mkv"
    with av.open(str(clip), "w") as output:
        films = [output.add_stream("ffv1", rate=25, width=width, height=48) for width in (32, 64)]
        films[0].disposition, films[1].disposition = av.stream.Disposition(0), av.stream.Disposition.default
        for film in films:
            for picture in scene(10, (film.width, 48)):
                output.mux(film.encode(av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")))
        for film in films:
            output.mux(film.encode(None))
    assert inspect_video(clip).width == 64


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a1", "a2", "a3"], ""),
        (
            ["a1", "a2", "a5", "a6", "a8", "a9", "a10"],
            "the numbering of its images has gaps (3-4, 7; 3 missing in all)",
        ),
        (["a10", "a20", "a30"], ""),
        (["a1", "a1b"], ""),
    ],
)
def test_gaps_between_the_numbers_of_images_are_said(tmp_path: Path, names: list[str], said: str) -> None:
    folder = write_images(tmp_path / "scan", scene(len(names), (32, 32)), [f"{name}.png" for name in names])
    for notes in (inspect_video(folder).notes, glance_video(folder).notes):
        assert [said in note for note in notes] == ([True] if said else [])


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264"), ("a.webm", "libvpx")],
)
def test_a_glance_counts_the_frames_of_every_container(tmp_path: Path, name: str, codec: str) -> None:
    """By the length of the picture where no number is told: what a broadcast pads is a frame or two."""
    clip = write_clip(tmp_path / name, 50, (48, 32), codec=codec, audio=False)
    frames = glance_video(clip).frames
    assert frames is not None
    assert abs(frames - 50) <= 2


def test_a_recording_that_was_never_closed_says_that_its_frames_are_not_known(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "live.mkv", 5, (48, 32), codec="ffv1", audio=False, container_options={"live": "1"})
    mask = write_mask_image(tmp_path / "m.png", np.ones((32, 48), np.bool_))
    job = JobConfig()
    looked = look_at(Item("live", clip, mask, tmp_path / "out.mp4"), job, Headers(job))
    assert looked.notes == ("its number of frames is unknown until it is read; hours and price do not include it",)
