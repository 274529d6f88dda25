"""A range of a video is restored as it would be in the whole, under its own name, with its own sound and subtitles."""

import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import InputConfig, JobConfig, StitchConfig
from reelmend.pipelines.errors import ConfigError, MediaError
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.media.frame_range import first_of, read_range
from tests.clips import Bool, moving_box, scene, write_clip, write_images, write_mask_image, write_mask_video
from tests.jobs import add_item, finish, lossless_job, planes

FRAMES = 70
"""Four blocks, each a chunk: 0-17, 17-35, 35-52, 52-70, kept for 3 frames more on either side."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose clip was restored whole, and a second one where nothing was done yet."""
    folder = tmp_path_factory.mktemp("range")
    add_item(folder, frames=FRAMES)
    _, rows = finish(whole_job(folder, "whole"))
    assert rows["clip"].frames == FRAMES
    return folder


def ranged(folder: Path, frames: str, out: str = "out") -> JobConfig:
    return replace(whole_job(folder, out), frames=frames)


def whole_job(folder: Path, out: str = "out") -> JobConfig:
    return lossless_job(folder, out, chunk_length=1)


def seconds(ticks: int | None, time_base: Fraction | None) -> Fraction:
    assert ticks is not None
    assert time_base is not None
    return ticks * time_base


def sound_of(path: Path) -> list[tuple[Fraction, bytes]]:
    """(start in seconds, bytes) of every packet of sound."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[0])
        return [(seconds(packet.pts, packet.time_base), bytes(packet)) for packet in packets if packet.size]


def test_a_range_is_the_same_frames_as_of_the_whole_and_finishing_the_whole_computes_only_the_rest(whole: Path) -> None:
    _, rows = finish(ranged(whole, "20:40"))
    assert [*rows] == ["clip_20-40"]
    row = rows["clip_20-40"]
    assert (row.state, row.frames, row.facts["frame_range"], row.chunks_planned) == (
        "restored",
        20,
        "20:40",
        2,
        # Of blocks kept from 14 to 38 and from 32 to 55.
    )
    restored = planes(whole / "out/clip_20-40.mkv")
    assert all(np.array_equal(a, b) for a, b in zip(restored, planes(whole / "whole/clip.mkv")[20:40], strict=True))

    summary, rows = finish(whole_job(whole))
    assert (summary.chunks_computed, summary.chunks_reused) == (2, 2)
    assert (whole / "out/clip.mkv").read_bytes() == (whole / "whole/clip.mkv").read_bytes()
    again, _ = finish(ranged(whole, "20:40"))
    assert (again.finished_earlier, again.tasks_computed) == (1, 0)


def test_sound_of_a_range_is_the_packets_that_start_in_it_on_its_own_clock(whole: Path) -> None:
    finish(ranged(whole, "1s:2s"))
    before, after = sound_of(whole / "in/clip.mp4"), sound_of(whole / "out/clip_1s-2s.mkv")
    inside = [(start, data) for start, data in before if 1 <= start < 2]
    assert [data for _, data in after] == [data for _, data in inside]
    assert [float(start) for start, _ in after] == pytest.approx([float(start - 1) for start, _ in inside], abs=0.002)
    with av.open(str(whole / "out/clip_1s-2s.mkv")) as container:
        assert [frame.time for frame in container.decode(video=0)] == [index / 25 for index in range(25)]


def test_uncompressed_sound_is_cut_to_the_sample(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in/clip.mov", 30, sound="pcm_s16le", container="mov")
    write_mask_image(tmp_path / "in/clip_mask.png", moving_box(1)[0])
    job = ranged(tmp_path, "10:20")
    finish(replace(job, stitch=StitchConfig(codec=Codec.prores)))
    samples = b"".join(data for _, data in sound_of(tmp_path / "in/clip.mov"))
    # Ten frames at 25 fps from 0.4 s on: 48000 / 25 = 1920 samples each, of 2 channels x 2 bytes.
    cut = b"".join(data for _, data in sound_of(tmp_path / "out/clip_10-20.mov"))
    assert cut == samples[10 * 1920 * 4 : 20 * 1920 * 4]


def test_a_subtitle_and_a_chapter_that_reach_into_a_range_are_shown_for_as_long_as_they_are_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "plain.mkv", 30, subtitle="subrip")  # its line is shown from 0 to 0.5 s
    with_chapters(tmp_path / "plain.mkv", tmp_path / "in/clip.mkv", [(0, 500), (500, 1000), (1000, 1200)])
    write_mask_image(tmp_path / "in/clip_mask.png", moving_box(1)[0])
    finish(ranged(tmp_path, "10:20"))  # 0.4 to 0.8 s
    with av.open(str(tmp_path / "out/clip_10-20.mkv")) as container:
        [line] = [packet for packet in container.demux(subtitles=0) if packet.size]
        shown = seconds(line.pts, line.time_base), seconds(line.duration, line.time_base)
        assert shown == (Fraction(0), Fraction(1, 10))
        tick = Fraction(1, 1000)
        chapters = [
            (seconds(one["start"], one["time_base"]), seconds(one["end"], one["time_base"]))
            for one in container.chapters()
        ]
        assert chapters == [(0 * tick, 100 * tick), (100 * tick, 400 * tick)]


@pytest.mark.parametrize("codec", [Codec.h264, Codec.ffv1, Codec.prores])
def test_a_stream_that_has_nothing_in_a_range_does_not_keep_it_from_being_written(tmp_path: Path, codec: Codec) -> None:
    (tmp_path / "in").mkdir()
    # Twelve seconds of pictures, and sound and a subtitle in the first one only.
    write_clip(tmp_path / "in/clip.mkv", 30, subtitle="subrip", pts=[index * 10 for index in range(30)])
    write_mask_image(tmp_path / "in/clip_mask.png", moving_box(1)[0])
    _, rows = finish(replace(ranged(tmp_path, "20:23"), stitch=StitchConfig(codec=codec)))
    assert rows["clip_20-23"].state == "restored", rows["clip_20-23"].reason


def with_chapters(source: Path, target: Path, spans_ms: list[tuple[int, int]]) -> None:
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        copies = {stream.index: after.add_stream_from_template(stream) for stream in before.streams}
        names = enumerate(spans_ms)
        after.set_chapters(
            [
                {"id": n, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": f"{n}"}}
                for n, (start, end) in names
            ]
        )
        for packet in before.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                after.mux(packet)


def test_times_of_a_variable_rate_choose_frames_by_when_they_are_shown(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pts = [0, 100, 200, 900, 1000, 1100, 1900, 2000]  # ms
    write_clip(tmp_path / "in/clip.mkv", 8, codec="ffv1", audio=False, pts=pts, time_base=Fraction(1, 1000))
    write_mask_image(tmp_path / "in/clip_mask.png", moving_box(1)[0])
    _, rows = finish(ranged(tmp_path, "500ms:1.9s"))
    assert rows["clip_0.5s-1.9s"].facts["frame_range"] == "3:6"
    with av.open(str(tmp_path / "out/clip_0.5s-1.9s.mkv")) as container:
        assert [round(frame.time * 1000) for frame in container.decode(video=0)] == [0, 100, 200]


def test_masks_belong_to_their_frames(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pictures, holes = scene(12), moving_box(12)
    holes[:6] = False  # nothing is missing in the first half
    write_images(tmp_path / "in/clip", pictures)
    write_mask_video(tmp_path / "in/clip_mask.mkv", holes, codec="ffv1")
    job = replace(ranged(tmp_path, "4:8"), stitch=StitchConfig(codec=Codec.png))
    finish(job)
    restored = write_read(tmp_path / "out/clip_4-8")
    changed = [np.any(a != b, axis=-1) for a, b in zip(restored, pictures[4:8], strict=True)]
    assert [bool(one.any()) for one in changed] == [False, False, True, True]
    grown = [np.any(changed[index][~dilated(holes[4 + index])]) for index in (2, 3)]
    assert grown == [False, False]


def write_read(folder: Path) -> list[NDArray[Any]]:
    import cv2

    def read(path: Path) -> NDArray[Any]:
        picture = cv2.imread(str(path))
        assert picture is not None, path
        return picture[..., ::-1]

    return [read(path) for path in sorted(folder.iterdir())]


def dilated(hole: Bool) -> Bool:
    import cv2

    return cv2.dilate(hole.astype(np.uint8), np.ones((33, 33), np.uint8)) > 0


def test_a_range_in_which_nothing_is_missing_is_written_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    holes = moving_box(12)
    holes[:6] = False
    write_clip(tmp_path / "in/clip.mp4", 12)
    write_mask_video(tmp_path / "in/clip_mask.mkv", holes, codec="ffv1")
    _, rows = finish(ranged(tmp_path, "1:5"))
    row = rows["clip_1-5"]
    assert (row.state, row.frames) == ("untouched", 4)
    assert "the mask is empty in frames 1:5" in row.reason
    written, source = planes(tmp_path / "out/clip_1-5.mkv"), planes(tmp_path / "in/clip.mp4")[1:5]
    assert all(np.array_equal(a, b) for a, b in zip(written, source, strict=True))
    again, _ = finish(ranged(tmp_path, "1:5"))
    assert again.finished_earlier == 1


def test_a_range_ends_with_the_video_and_one_behind_it_is_quarantined_with_advice(tmp_path: Path) -> None:
    add_item(tmp_path, frames=10)
    _, rows = finish(ranged(tmp_path, "8:99"))
    assert rows["clip_8-99"].frames == 2
    summary, rows = finish(ranged(tmp_path, "99:120"))
    assert (summary.exit_status, rows["clip_99-120"].state) == (3, "quarantined")
    said = (
        "frames=99:120 starts after the end of the video, which has frames 0 to 9, the last one at 0.360 s; choose an"
        " earlier start"
    )
    assert rows["clip_99-120"].reason.endswith(said)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0:250", "0:250"),
        (":250", "0:250"),
        ("0s:250", "0:250"),
        (":3s", "0:3s"),
        ("1.5min:2min", "90s:120s"),
        ("250ms:1h", "0.25s:3600s"),
        ("40:", "40:"),
    ],
)
def test_equal_ranges_are_written_alike(text: str, written: str) -> None:
    assert str(read_range(text)) == written == str(read_range(written))


def test_the_first_frames_or_seconds_are_a_range_too() -> None:
    assert (first_of("250"), first_of("3s")) == ("0:250", "0:3s")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a range of frames; use START:STOP in frames or times, such as 0:250, :3s or 1min:90s"),
        (":", "is not a range of frames"),
        ("650", "in YAML, put it in quotes"),  # what YAML makes of 10:50
        ("-5:9", "is not a range of frames"),
        ("3 days:", "is not a range of frames"),
        ("9:9", "'9:9' contains no frame: the end is not included; choose a later end"),
        ("2s:1s", "contains no frame"),
        ("1:0s", "contains no frame"),
        (f"{'9' * 400}:", "is not a range of frames"),
    ],
)
def test_a_wrong_range_says_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_range(text)
    assert said in str(error.value)


def test_a_range_of_frames_and_times_that_holds_none_is_found_with_the_video() -> None:
    with pytest.raises(MediaError, match="contains no frame"):
        read_range("50:1s").of(range(100), Fraction(1, 25), "clip.mp4")


def test_a_row_of_a_manifest_has_its_own_range_and_may_name_it(tmp_path: Path) -> None:
    rows = [
        {"video": "a.mp4", "mask": "m.png", "range": "0:10"},
        {"video": "a.mp4", "mask": "m.png", "range": "10:20", "output": "second"},
        {"video": "a.mp4", "mask": "m.png", "output": "rest"},
    ]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))
    job = replace(lossless_job(tmp_path), frames="20:", input=InputConfig(manifest=str(tmp_path / "list.jsonl")))
    items = discover(job)
    assert [item.id for item in items] == ["a_0-10", "second", "rest_20-end"]
    assert [item.overrides for item in items] == [("frames=0:10",), ("frames=10:20",), ()]


def test_the_command_line_takes_a_range_and_the_plan_counts_it(tmp_path: Path) -> None:
    add_item(tmp_path, frames=30, audio=False)
    words = ["--videos", str(tmp_path / "in/*.mp4"), "--out", str(tmp_path / "out"), "--first", "0.4s", "--json"]
    plan = subprocess.run(
        [sys.executable, "-P", "-m", "reelmend.pipelines.cli", "plan", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(plan.stdout)["totals"]["frames"] == 10
