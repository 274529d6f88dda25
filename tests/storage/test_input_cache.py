"""Copies of inputs: made once a machine, of the object as it is now, and never more of them than there is room for."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reelmend.pipelines.errors import MediaError, StoreError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.input_cache import InputCache
from reelmend.pipelines.storage.location import RemotePath

MakePlace = Callable[..., RemotePath]
MakeCache = Callable[..., InputCache]


@pytest.fixture
def place(bucket: str, files: Files) -> MakePlace:
    def make(name: str, size: int = 100, content: bytes = b"x") -> RemotePath:
        put = RemotePath(bucket, name)
        files.write(put, content * size)
        return put

    return make


@pytest.fixture
def cache(tmp_path: Path, files: Files) -> MakeCache:
    def make(limit: int = 250) -> InputCache:
        return InputCache(tmp_path / "cache", limit, files)

    return make


def copy_of(video: RemotePath, cache: InputCache) -> Path:
    path = cache.path_of(video)
    assert path is not None
    return path


def copies(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "cache/inputs").glob("*/content/*")}


def test_a_local_input_is_itself_and_an_absent_one_is_none(cache: MakeCache, tmp_path: Path, bucket: str) -> None:
    (tmp_path / "a.mp4").touch()
    assert cache().path_of(tmp_path / "a.mp4") == tmp_path / "a.mp4"
    assert cache().path_of(tmp_path / "b.mp4") is None
    assert cache().path_of(RemotePath(bucket, "b.mp4")) is None


def test_a_copy_keeps_its_name_and_is_made_once_for_all_workers(
    cache: MakeCache, place: MakePlace, files: Files
) -> None:
    video = place("in/a clip.mp4")
    one = copy_of(video, cache())
    assert (one.name, one.read_bytes()) == ("a clip.mp4", b"x" * 100)
    written = one.stat().st_mtime_ns
    assert cache().path_of(video) == one
    assert one.stat().st_mtime_ns == written


def test_a_folder_of_images_is_copied_whole(cache: MakeCache, place: MakePlace) -> None:
    for name in ("in/frames/1.png", "in/frames/2.png", "in/frames/deeper/3.png", "in/frames-2/1.png"):
        folder = place(name).parent
    path = copy_of(RemotePath(folder.bucket, "in/frames"), cache(1000))
    assert (path.name, sorted(image.name for image in path.iterdir())) == ("frames", ["1.png", "2.png"])


def test_an_object_that_changed_is_another_copy(cache: MakeCache, place: MakePlace) -> None:
    first = copy_of(place("a.mp4", content=b"x"), cache())
    second = copy_of(place("a.mp4", content=b"y"), cache())
    assert first != second
    assert second.read_bytes() == b"y" * 100


def test_the_least_recently_used_copies_go_first(cache: MakeCache, place: MakePlace, tmp_path: Path) -> None:
    worker = cache()
    places = [place(f"{name}.mp4") for name in "abc"]
    for used in (places[0], places[1], places[0], places[2]):
        worker.path_of(used)
        worker.release()
    assert copies(tmp_path) == {"a.mp4", "c.mp4"}


def test_what_is_being_read_stays_and_who_finds_no_room_is_told(
    cache: MakeCache, place: MakePlace, tmp_path: Path
) -> None:
    one, other = cache(), cache()
    paths = [copy_of(place(f"{name}.mp4"), one) for name in "ab"]
    third = place("c.mp4")
    with pytest.raises(StoreError, match=r"c\.mp4: no room for its copy, 200 B are in use; raise store\.cache_bytes"):
        other.path_of(third)
    assert all(path.exists() for path in paths)
    one.release()
    assert copy_of(third, other).exists()


def test_an_input_larger_than_the_cache_is_said_to_be(cache: MakeCache, place: MakePlace) -> None:
    with pytest.raises(MediaError, match=r"a\.mp4: has 300 B, more than the 250 B of store\.cache_bytes"):
        cache().path_of(place("a.mp4", size=300))


def test_what_a_killed_worker_left_is_cleared_away(cache: MakeCache, place: MakePlace, tmp_path: Path) -> None:
    left = tmp_path / "cache/inputs/left"
    (left / "partial").mkdir(parents=True)
    (left / "partial/a.mp4").write_bytes(b"x" * 90)
    (left / "bytes").write_text("200")
    assert copy_of(place("b.mp4"), cache()).exists()
    assert not left.exists()


def test_copies_are_looked_at_when_there_is_no_room_and_not_each_time(
    cache: MakeCache, place: MakePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str | Path] = []
    listdir = os.listdir

    def look(path: str | Path) -> list[str]:
        looks.append(path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", look)
    worker = cache(2450)
    for n in range(40):
        worker.path_of(place(f"{n:02d}.mp4"))
        worker.release()
    kept = copies(tmp_path)
    assert looks.count(tmp_path / "cache/inputs") <= 8, "once at first, then once for four new copies"
    assert len(kept) >= 20
    assert kept == {f"{n:02d}.mp4" for n in range(40 - len(kept), 40)}, "the last ones"


@pytest.mark.parametrize("left", ["", "12", "999999\n", "nonsense"], ids=["emptied", "cut", "too much", "nonsense"])
def test_a_total_that_a_killed_worker_left_wrong_is_put_right(
    cache: MakeCache, place: MakePlace, tmp_path: Path, left: str
) -> None:
    worker = cache()
    for name in "ab":
        worker.path_of(place(f"{name}.mp4"))
    worker.release()
    (tmp_path / "cache/inputs/room.lock").write_text(left)
    assert copy_of(place("c.mp4"), worker).exists()
    assert copies(tmp_path) == {"b.mp4", "c.mp4"}
    assert (tmp_path / "cache/inputs/room.lock").read_text() == "200\n"


def test_many_workers_that_want_few_copies_in_little_room_all_get_them(cache: MakeCache, place: MakePlace) -> None:
    places = [place(f"{n}.mp4", content=bytes([n])) for n in range(4)]
    wrong: list[object] = []

    def work(start: int) -> None:
        worker = cache(450)
        for n in range(24):
            wanted = (start + n) % 4
            path = worker.path_of(places[wanted])
            if path is None or path.read_bytes() != bytes([wanted]) * 100:
                wrong.append(path)
            worker.release()

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_messages_name_the_input_and_not_its_copy(cache: MakeCache, place: MakePlace) -> None:
    worker, video = cache(), place("a.mp4")
    path = worker.path_of(video)
    assert worker.named(f"{path}: cut off") == f"{video}: cut off"
    worker.release()
    assert worker.named(f"{path}: cut off") == f"{path}: cut off", "the names of a million inputs are not kept"
