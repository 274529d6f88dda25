"""A file with one key frame costs time in proportion to its length, whatever the tasks that read it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from reelmend.pipelines.media import reader, source, walk
from reelmend.pipelines.media.formats import planes_of
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.media.records import VideoInfo
from tests.clips import scene, write_clip

FRAMES = 360
ONE_KEY = {"g": "9999", "keyint_min": "9999", "sc_threshold": "0", "preset": "ultrafast"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = np.concatenate([scene(90, (48, 32))] * 4)
    return write_clip(tmp_path_factory.mktemp("long") / "a.mp4", pictures=pictures, audio=False, options=ONE_KEY)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How many frames were decoded, by the task that counts."""
    count: Counter[str] = Counter()

    def counted(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[VideoFrame]:
        for frame in source.frames_of(container, stream, path):
            count["frames"] += 1
            yield frame

    monkeypatch.setattr(reader, "frames_of", counted)
    yield count
    walk.close_walks()


def samples(info: VideoInfo, start: int, stop: int) -> list[NDArray[Any]]:
    return [planes_of(frame)[0].copy() for frame in read_frames(info, start, stop)]


def test_tasks_one_after_the_other_decode_each_frame_once(clip: Path, decoded: Counter[str]) -> None:
    info = inspect_video(clip)
    walk.close_walks()
    assert info.key_gap == FRAMES
    whole = samples(info, 0, FRAMES)
    walk.close_walks()
    decoded.clear()
    for start in range(0, FRAMES, 40):  # segments of flow share a frame, blocks of a chunk many
        stop = min(start + 60, FRAMES)
        assert all(map(np.array_equal, samples(info, start, stop), whole[start:stop]))
    assert decoded["frames"] == FRAMES


def test_two_readers_that_take_turns_have_a_walk_each(clip: Path, decoded: Counter[str]) -> None:
    info = inspect_video(clip)
    walk.close_walks()
    for start in range(0, 200, 40):
        samples(info, start + 100, start + 140)
        samples(info, start, start + 40)
    assert decoded["frames"] <= 2 * FRAMES


def test_the_inspection_leaves_the_last_frames_to_the_tasks(clip: Path, decoded: Counter[str]) -> None:
    info = inspect_video(clip)
    assert len(samples(info, 320, FRAMES)) == 40
    assert decoded["frames"] == 0


def test_a_file_that_is_written_anew_is_read_anew(clip: Path, tmp_path: Path, decoded: Counter[str]) -> None:
    copy = tmp_path / "a.mp4"
    copy.write_bytes(clip.read_bytes())
    info = inspect_video(copy)
    before = samples(info, 320, 325)
    other = np.concatenate([scene(90, (48, 32), seed=1)] * 4)
    write_clip(copy, pictures=other, audio=False, options=ONE_KEY)
    assert not np.array_equal(samples(info, 320, 325), before)


def test_what_a_walk_holds_is_bounded(monkeypatch: pytest.MonkeyPatch, clip: Path, decoded: Counter[str]) -> None:
    monkeypatch.setattr(reader, "HELD_BYTES", 20 * 64 * 32 * 2)
    info = inspect_video(clip)
    walk.close_walks()
    samples(info, 0, 200)
    (open_walk,) = walk._walks
    assert 10 < open_walk.last - open_walk.first < 60


def test_files_with_key_frames_leave_nothing_open(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 40, options={"g": "12"}))
    samples(info, 5, 9)
    assert walk._walks == []
