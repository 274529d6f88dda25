"""Sound, subtitles and labels of the source reach the output as they are."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.capabilities import check_output, verify_output
from reelmend.pipelines.media.inspection import glance_video, inspect_video
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.media.writer import VideoWriter, suffix_of
from tests.clips import write_clip
from tests.media.packets import starts

if TYPE_CHECKING:
    from av.container.core import Chapter

FILES = [Codec.h264, Codec.h265, Codec.ffv1, Codec.prores]


def rewritten(clip: Path, folder: Path, codec: Codec) -> tuple[Path, list[str]]:
    info, stitch = inspect_video(clip), StitchConfig(codec=codec, speed="ultrafast")
    path = folder / f"out{suffix_of(codec)}"
    with VideoWriter(path, info, stitch) as writer:
        for frame in read_frames(info, 0, info.frames):
            writer.write(frame)
    verify_output(path, info, stitch)
    return path, check_output(info, stitch)


def packets(path: Path, kind: str) -> list[tuple[float, bytes]]:
    """(seconds, bytes) of every packet of the streams of a kind."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [
            (float(starts(packet)), bytes(packet))
            for packet in (container.demux(streams) if streams else ())
            if packet.size
        ]


def with_sound(path: Path, codec: str, layout: str = "stereo") -> Path:
    """A clip with a fifth of a second of silence of a codec."""
    still = write_clip(path.with_name("still.mkv"), 5, codec="ffv1", audio=False)
    with av.open(str(still)) as source, av.open(str(path), "w") as output:
        pictures = output.add_stream_from_template(source.streams.video[0], opaque=True)
        sound = output.add_stream(codec, rate=48000, layout=layout)
        assert isinstance(sound, av.AudioStream)
        silence = np.zeros((1, 9600 * sound.layout.nb_channels), np.int16)
        frame = av.AudioFrame.from_ndarray(silence, "s16", layout)
        frame.rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        output.mux([*sound.encode(frame), *sound.encode(None)])
        for packet in source.demux():
            if packet.size:
                packet.stream = pictures
                output.mux(packet)
    return path


def first_frame_s(path: Path) -> float:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).time


@pytest.mark.parametrize("codec", FILES)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_sound_packets_are_the_sources_and_stay_in_step(tmp_path: Path, codec: Codec, name: str) -> None:
    clip = write_clip(tmp_path / name, 40)
    path, told = rewritten(clip, tmp_path, codec)
    before, after = packets(clip, "audio"), packets(path, "audio")
    assert told == []
    assert [data for _, data in after] == [data for _, data in before]
    lead = first_frame_s(path) - first_frame_s(clip)  # mkv has no negative times: it moves all streams alike
    assert [time - lead for time, _ in after] == pytest.approx([time for time, _ in before], abs=0.002)


@pytest.mark.parametrize(
    ("name", "sound", "codec"),
    [
        ("a.mkv", "mp2", Codec.h264),
        ("a.avi", "pcm_s16le", Codec.h264),  # AVI says how many channels, not which
        ("a.mkv", "flac", Codec.h264),
        ("a.mkv", "flac", Codec.ffv1),
    ],
)
def test_sound_that_a_container_stores_in_its_own_way_is_copied(
    tmp_path: Path, name: str, sound: str, codec: Codec
) -> None:
    clip = with_sound(tmp_path / name, sound)
    path, told = rewritten(clip, tmp_path, codec)
    assert told == []
    assert [data for _, data in packets(path, "audio")] == [data for _, data in packets(clip, "audio")] != []


@pytest.mark.parametrize("sound", ["flac", "libopus"])
def test_sound_that_mov_lists_but_does_not_write_is_said_to_be_lost(tmp_path: Path, sound: str) -> None:
    path, told = rewritten(with_sound(tmp_path / "a.mkv", sound), tmp_path, Codec.prores)
    assert packets(path, "audio") == []
    assert "left out: cannot be stored in mov; stitch.codec=ffv1 keeps it" in told[0]


def test_a_stream_that_the_container_refuses_is_named(tmp_path: Path) -> None:
    clip = with_sound(tmp_path / "a.mkv", "pcm_s16le", "9C")
    with pytest.raises(MediaError, match=r"a\.mkv: .*audio pcm_s16le.* cannot be copied into mp4"):
        rewritten(clip, tmp_path, Codec.h264)


@pytest.mark.parametrize("codec", [Codec.h264, Codec.ffv1])
@pytest.mark.parametrize("pts", [[15, 16, 16, 18, 19], [250, 251, 252, 252, 254]])
def test_sound_stays_in_step_where_a_timestamp_stands_twice(tmp_path: Path, codec: Codec, pts: list[int]) -> None:
    clip = write_clip(tmp_path / "a.mkv", 5, codec="ffv1", pts=pts)
    path, told = rewritten(clip, tmp_path, codec)
    assert "timestamps were missing" in told[0]
    leads = [packets(file, "audio")[0][0] - first_frame_s(file) for file in (clip, path)]
    assert leads[0] == pytest.approx(leads[1], abs=0.002)


def test_an_output_whose_sound_has_moved_is_refused(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mkv", 5, codec="ffv1", pts=[10, 11, 12, 13, 14])
    moved = write_clip(tmp_path / "moved.mkv", 5, codec="ffv1")
    with pytest.raises(MediaError, match=r"moved\.mkv: the sound starts -0\.021 s after the picture .* -0\.421 s in"):
        verify_output(moved, inspect_video(clip), StitchConfig(codec=Codec.ffv1))


@pytest.mark.parametrize(
    ("name", "subtitle", "codec", "kept"),
    [
        ("a.mp4", "mov_text", Codec.h264, True),
        ("a.mp4", "mov_text", Codec.prores, True),
        ("a.mkv", "subrip", Codec.ffv1, True),
        ("a.mkv", "hdmv_pgs_subtitle", Codec.h264, False),
    ],
)
def test_subtitles_are_copied_or_said_to_be_lost(
    tmp_path: Path, name: str, subtitle: str, codec: Codec, kept: bool
) -> None:
    clip = write_clip(tmp_path / name, 10, subtitle=subtitle)
    path, told = rewritten(clip, tmp_path, codec)
    copied = [data for _, data in packets(path, "subtitle")]
    if kept:
        assert told == []
        assert copied == [data for _, data in packets(clip, "subtitle")]
    else:
        assert copied == []
        assert len(told) == 1
        assert f"subtitle stream 2 ({subtitle}) is left out" in told[0]
        assert "keeps it" in told[0]


def test_a_png_folder_says_that_sound_is_lost(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", 3, rotation=90, pts=[0, 1, 4])
    for info in (glance_video(clip), inspect_video(clip)):
        told = "\n".join(check_output(info, StitchConfig(codec=Codec.png)))
        for words in ("audio stream 1 (aac) is left out", "timestamps", "turned by 90 degrees"):
            assert words in told


def labelled(path: Path, starts_ms: int = 0) -> Path:
    """A clip with a title, a language on its sound, and two chapters."""
    with av.open(str(write_clip(path.with_stem("plain"), 20))) as source, av.open(str(path), "w") as output:
        output.metadata["title"] = "A title"
        halves = [(starts_ms, starts_ms + 400), (starts_ms + 400, starts_ms + 800)]
        output.set_chapters(
            [
                {
                    "id": n,
                    "start": start,
                    "end": end,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": f"Part {n}"},
                }
                for n, (start, end) in enumerate(halves)
            ]
        )
        copies = [output.add_stream_from_template(stream, opaque=True) for stream in source.streams]
        copies[1].metadata["language"] = "nor"
        for packet in source.demux():
            if packet.size:
                later = round(Fraction(starts_ms, 1000) / packet.time_base)
                assert packet.pts is not None
                packet.pts, packet.dts = packet.pts + later, None if packet.dts is None else packet.dts + later
                packet.stream = copies[packet.stream_index]
                output.mux(packet)
    return path


@pytest.mark.parametrize("codec", FILES)
def test_title_language_and_chapters_are_kept(tmp_path: Path, codec: Codec) -> None:
    path, _ = rewritten(labelled(tmp_path / "a.mkv"), tmp_path, codec)
    with av.open(str(path)) as container:
        assert container.metadata["title"] == "A title"
        assert container.streams.audio[0].language == "nor"
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["Part 0", "Part 1"]


def ends_s(chapter: "Chapter") -> tuple[float, float]:
    tick = chapter["time_base"]
    assert tick is not None
    return float(chapter["start"] * tick), float(chapter["end"] * tick)


@pytest.mark.parametrize("codec", FILES)
@pytest.mark.parametrize("starts_ms", [0, 3200])
def test_chapters_stay_with_their_frames_also_where_whole_seconds_of_the_clock_are_left_out(
    tmp_path: Path, codec: Codec, starts_ms: int
) -> None:
    path, _ = rewritten(labelled(tmp_path / "a.mkv", starts_ms), tmp_path, codec)
    begin = first_frame_s(path)
    with av.open(str(path)) as container:
        ends = [end for chapter in container.chapters() for end in ends_s(chapter)]
    assert begin == pytest.approx(starts_ms % 1000 / 1000)
    assert ends[1:] == pytest.approx([begin + 0.4, begin + 0.4, begin + 0.8], abs=0.002)
    assert ends[0] == pytest.approx(begin if path.suffix == ".mkv" else 0, abs=0.002), (
        "MP4's first begins with the file"
    )
