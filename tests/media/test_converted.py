"""What a container cannot hold as it is: text is converted, sound when asked; all of it is said before the run."""

import re
from pathlib import Path

import av
import pytest
from av.subtitles.subtitle import AssSubtitle

from reelmend.pipelines.choices import Codec, Sound
from reelmend.pipelines.config import StitchConfig
from reelmend.pipelines.errors import MediaError
from reelmend.pipelines.media.capabilities import check_output, verify_output
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.media.stream_copy import try_copies
from reelmend.pipelines.media.writer import VideoWriter, suffix_of
from tests.clips import write_clip
from tests.media.packets import ends, starts
from tests.media.test_streams import packets, with_sound

SCRIPT = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.10,0:00:00.30,Default,,0,0,0,,{\\an8\\b1}Hello{\\b0} there\\Nsecond line
Dialogue: 0,0:00:00.50,0:00:00.70,Default,,0,0,0,,W\xc3\xb6rld
"""
LINES = b"""1
00:00:00,100 --> 00:00:00,300
<i>Hello</i> there
second line

2
00:00:00,500 --> 00:00:00,700
W\xc3\xb6rld
"""


def with_text(folder: Path, content: bytes, suffix: str) -> Path:
    """A clip of 0.8 s in Matroska, with the text of an .srt or .ass file as its second stream."""
    picture, text = write_clip(folder / "picture.mp4", 20, audio=False), folder / f"text{suffix}"
    text.write_bytes(content)
    path = folder / "a.mkv"
    with av.open(str(picture)) as source, av.open(str(text)) as lines, av.open(str(path), "w") as output:
        picture_copy = output.add_stream_from_template(source.streams.video[0])
        text_copy = output.add_stream_from_template(lines.streams.subtitles[0])
        text_copy.metadata["language"] = "eng"
        for copy, container in ((picture_copy, source), (text_copy, lines)):
            for packet in container.demux():
                if packet.size:
                    packet.stream = copy
                    output.mux(packet)
    return path


def rewritten(clip: Path, stitch: StitchConfig) -> tuple[Path, list[str]]:
    info = inspect_video(clip)
    path = clip.with_name(f"out{suffix_of(stitch.codec)}")
    found = try_copies(info, stitch)
    with VideoWriter(path, info, stitch) as writer:
        for frame in read_frames(info, 0, info.frames):
            writer.write(frame)
    verify_output(path, info, stitch)
    assert writer.remarks == found
    return path, check_output(info, stitch)


def shown(path: Path) -> list[tuple[float, float, bytes]]:
    """(start, end, text) of every subtitle that shows something."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        assert stream.language == "eng"
        return [
            (round(float(starts(packet)), 2), round(float(ends(packet)), 2), part.dialogue)
            for packet in container.demux(stream)
            if packet.size
            for part in packet.decode()
            if isinstance(part, AssSubtitle)
        ]


@pytest.mark.parametrize(("content", "suffix", "name"), [(LINES, ".srt", "subrip"), (SCRIPT, ".ass", "ass")])
@pytest.mark.parametrize("codec", [Codec.h264, Codec.prores])
def test_text_survives_in_containers_that_have_only_their_own(
    tmp_path: Path, content: bytes, suffix: str, name: str, codec: Codec
) -> None:
    path, told = rewritten(with_text(tmp_path, content, suffix), StitchConfig(codec=codec, speed="ultrafast"))
    first, second = shown(path)
    assert first[:2] == (0.1, 0.3)
    assert re.sub(rb"{.*?}", b"", first[2]) == b"Hello there\nsecond line"
    assert second == (0.5, 0.7, "Wörld".encode())
    assert f"subtitle stream 1 ({name}) is converted to mov_text" in told[0]
    assert ("position and fonts are lost" in told[0]) == (name == "ass")


def test_text_of_mp4_survives_in_matroska(tmp_path: Path) -> None:
    mp4, _ = rewritten(with_text(tmp_path, LINES, ".srt"), StitchConfig(speed="ultrafast"))
    mkv, told = rewritten(mp4, StitchConfig(codec=Codec.ffv1))
    assert [line[:2] for line in shown(mkv)] == [(0.1, 0.3), (0.5, 0.7)]
    assert "(mov_text) is converted to subrip" in told[0]


@pytest.mark.parametrize(
    ("name", "sound", "codec", "layout"),
    [
        ("a.avi", "pcm_s16le", Codec.h264, "stereo"),
        ("a.mkv", "flac", Codec.prores, "stereo"),
        ("a.mkv", "libopus", Codec.prores, "stereo"),
        ("a.mkv", "pcm_s16le", Codec.h264, "5.1"),
    ],
)
def test_odd_sound_becomes_aac_when_asked(tmp_path: Path, name: str, sound: str, codec: Codec, layout: str) -> None:
    clip = with_sound(tmp_path / name, sound, layout)
    path, told = rewritten(clip, StitchConfig(codec=codec, sound=Sound.convert, speed="ultrafast"))
    assert f"audio stream 1 ({sound.removeprefix('lib')}) is converted to aac" in told[0]
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.codec_context.layout.nb_channels) == (
            "aac",
            6 if layout == "5.1" else 2,
        )
        samples = sum(frame.samples for frame in container.decode(stream))
    assert samples / 48000 == pytest.approx(0.2, abs=0.05)


def test_sound_that_every_player_plays_is_copied_even_then(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mkv", 10)
    path, told = rewritten(clip, StitchConfig(sound=Sound.convert, speed="ultrafast"))
    assert told == []
    assert [data for _, data in packets(path, "audio")] == [data for _, data in packets(clip, "audio")]


def test_what_a_container_refuses_is_found_before_the_work(tmp_path: Path) -> None:
    info = inspect_video(with_sound(tmp_path / "a.mkv", "pcm_s16le", "9C"))
    with pytest.raises(
        MediaError, match=r"a\.mkv: .*audio pcm_s16le.* cannot be copied into mp4.*stitch\.sound=convert"
    ):
        try_copies(info, StitchConfig())


def test_sound_that_is_left_out_says_how_it_could_be_kept(tmp_path: Path) -> None:
    info = inspect_video(with_sound(tmp_path / "a.mkv", "flac"))
    assert (
        "stitch.codec=ffv1 keeps it; stitch.sound=convert makes it AAC"
        in check_output(info, StitchConfig(Codec.prores))[0]
    )
