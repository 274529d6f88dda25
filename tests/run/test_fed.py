"""An engine that leaves cores free is fed: the next block is read while it computes, and the last part is packed.

The engine `propagation` is said to be one here, so that all that is read ahead is used: frames, masks and flow.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmend.core_model.engine import Restored, Shot
from reelmend.core_model.propagation.engine import PropagationEngine
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.propagation import Propagation
from reelmend.pipelines.stages import flow, read_ahead, shot_reader
from reelmend.pipelines.stages import parts as parts_module
from reelmend.pipelines.storage.ledger import ItemState
from tests.clips import moving_box, scene, write_clip
from tests.jobs import add_item, finish, lossless_job

FRAMES = 30
PICTURE = 96 * 64 * 3
Feeds = Callable[[bool], None]


@pytest.fixture
def feeds(monkeypatch: pytest.MonkeyPatch) -> Feeds:
    def switch(on: bool) -> None:
        monkeypatch.setattr(Propagation, "leaves_cores_free", lambda self, job: on)

    return switch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a clip of two shots, whose hole moves."""
    made = tmp_path_factory.mktemp("clip")
    add_item(made, frames=FRAMES)
    pictures = np.concatenate([scene(18), 255 - scene(FRAMES - 18, seed=5) // 3])
    pictures[moving_box(FRAMES)] = 255
    write_clip(made / "in/clip.mp4", frames=FRAMES, pictures=pictures, audio=False)
    return made


@pytest.fixture(scope="module")
def plain(folder: Path) -> bytes:
    """Its result without any feeding."""
    return bytes_of(job_of(folder, folder / "plain"))


def job_of(folder: Path, out: Path, **plan: Any) -> JobConfig:
    job = lossless_job(folder, **{"block_length": 8, "chunk_length": 16, "overlap": 2, "shots": True} | plan)
    job.out = str(out)
    job.flow.segment_length = 6
    return job


def bytes_of(job: JobConfig) -> bytes:
    _, rows = finish(job)
    assert rows["clip"].state is ItemState.RESTORED
    (path,) = (path for path in Path(job.out).glob("clip*"))
    return path.read_bytes()


def test_what_is_fed_is_the_same_to_the_byte(folder: Path, plain: bytes, tmp_path: Path, feeds: Feeds) -> None:
    feeds(True)
    assert bytes_of(job_of(folder, tmp_path)) == plain


class Watched:
    """What threads of a run read, and who did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by_main = self.ahead = self.flows_ahead = self.most_ahead = 0
        self.engine_waits_for: Callable[[], None] = lambda: None
        read, restore, load = shot_reader.Clip._read, PropagationEngine.restore, flow.load_ahead
        self.clip: shot_reader.Clip | None = None

        def counted(clip: shot_reader.Clip, index: int, *regions: Any) -> None:
            read(clip, index, *regions)
            self.clip = clip
            self.most_ahead = max(self.most_ahead, clip.bytes_ahead())
            if threading.current_thread() is threading.main_thread():
                self.by_main += 1
            else:
                self.ahead += 1

        def restored(engine: PropagationEngine, shot: Shot, start: int, stop: int) -> Restored:
            made = restore(engine, shot, start, stop)
            self.engine_waits_for()
            return made

        def loaded(*given: Any) -> Any:
            self.flows_ahead += 1
            return load(*given)

        monkeypatch.setattr(shot_reader.Clip, "_read", counted)
        monkeypatch.setattr(PropagationEngine, "restore", restored)
        monkeypatch.setattr("reelmend.pipelines.stages.shot.load_ahead", loaded)


def reader() -> threading.Thread | None:
    return next((thread for thread in threading.enumerate() if thread.name == "read-ahead"), None)


def test_a_reader_faster_than_the_engine_has_read_the_next_block_and_no_more(
    folder: Path, plain: bytes, tmp_path: Path, feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine ends only when the reader has no more to do: from the second block on all is there already."""
    feeds(True)
    watched = Watched(monkeypatch)

    def until_all_is_read() -> None:
        running = reader()
        if running is not None:
            running.join(30)
            assert not running.is_alive()

    watched.engine_waits_for = until_all_is_read
    assert bytes_of(job_of(folder, tmp_path)) == plain
    assert watched.by_main + watched.ahead == FRAMES  # each is decoded once
    assert watched.by_main <= 8 + 2 + 10  # the first block, what it keeps of its neighbour, and its halo
    assert watched.flows_ahead > 0
    assert 0 < watched.most_ahead <= (8 + 2 * 2 + 2 * 10) * PICTURE


def test_what_is_read_ahead_is_bounded_in_bytes(
    folder: Path, plain: bytes, tmp_path: Path, feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that may hold two pictures waits with the third, and the run takes it from there."""
    feeds(True)
    monkeypatch.setattr(read_ahead, "MOST_BYTES", 2 * PICTURE)
    watched = Watched(monkeypatch)
    assert bytes_of(job_of(folder, tmp_path)) == plain
    assert 0 < watched.most_ahead <= 2 * PICTURE


def test_a_reader_slower_than_the_engine_is_overtaken(
    folder: Path, plain: bytes, tmp_path: Path, feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped when the engine is done with a block; what it has not read is read when it is asked for."""
    feeds(True)
    one_ahead, started = shot_reader.Clip.read_one_ahead, []

    def slow(clip: shot_reader.Clip, wanted: Any, room: Any, stopped: Callable[[], bool]) -> int | None:
        started.append(1)
        while not stopped():
            threading.Event().wait(0.001)
        return one_ahead(clip, wanted, room, stopped)

    monkeypatch.setattr(shot_reader.Clip, "read_one_ahead", slow)
    watched = Watched(monkeypatch)
    assert bytes_of(job_of(folder, tmp_path)) == plain
    assert started
    assert (watched.by_main, watched.ahead) == (FRAMES, 0)


def test_no_thread_is_left_by_a_run_that_fails(
    folder: Path, tmp_path: Path, feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds(True)

    def broken(engine: PropagationEngine, shot: Shot, start: int, stop: int) -> Restored:
        raise FloatingPointError("numbers are not finite")

    monkeypatch.setattr(PropagationEngine, "restore", broken)
    _, rows = finish(job_of(folder, tmp_path))
    assert rows["clip"].state is not ItemState.RESTORED
    assert [thread.name for thread in threading.enumerate() if thread.name in ("read-ahead", "pack-behind")] == []


def test_an_error_of_a_part_that_is_packed_behind_fails_its_item(
    folder: Path, plain: bytes, tmp_path: Path, feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds(True)

    def broken(*given: Any) -> bytes:
        raise ValueError(f"no room in {threading.current_thread().name}")

    with monkeypatch.context() as patch:
        patch.setattr("reelmend.pipelines.stages.inpaint.encode_part", broken)
        _, rows = finish(job_of(folder, tmp_path))
    assert "no room in pack-behind" in rows["clip"].reason
    assert bytes_of(job_of(folder, tmp_path)) == plain


def test_a_frame_that_cannot_be_read_ahead_is_an_error_of_the_block_that_needs_it(
    folder: Path, tmp_path: Path, feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader meets it first. Blocks before that one are published all the same, and the message is the same."""
    picture, encode, parts = shot_reader._picture, parts_module.encode_part, []

    def torn(frame: Any, *given: Any) -> Any:
        if round(float(frame.pts * frame.time_base) * 25) == FRAMES - 2:
            raise ValueError("a frame is torn")
        return picture(frame, *given)

    def counted(*given: Any) -> bytes:
        parts.append(given)
        return encode(*given)

    monkeypatch.setattr(shot_reader, "_picture", torn)
    monkeypatch.setattr("reelmend.pipelines.stages.inpaint.encode_part", counted)
    found = {}
    for on in (False, True):
        feeds(on)
        parts.clear()
        _, rows = finish(job_of(folder, tmp_path / str(on), chunk_length=64))
        found[on] = (len(parts), rows["clip"].reason)
    assert found[True] == found[False]
    assert found[True][0] > 0
    assert "a frame is torn" in found[True][1]
