"""What is promised of files, wherever they lie: every test runs on a disk, an object store over HTTP, and fsspec."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.storage.artifacts import Store, get_or_make
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Entry, Location, RemotePath


def put(files: Files, folder: Location, *names: str) -> None:
    for name in names:
        files.write(folder / name, name.encode())


def names_of(entries: Iterable[Entry], folder: Location) -> list[str]:
    return [str(entry.place).removeprefix(f"{folder}/") for entry in entries]


def test_a_file_is_written_looked_at_read_and_deleted(files: Files, folder: Location) -> None:
    place = folder / "deep/a.bin"
    assert (files.read(place), files.look(place), files.mark(place)) == (None, None, None)
    files.write(place, b"value")
    entry = files.look(place)
    assert entry is not None
    assert (files.read(place), entry.size, entry.place) == (b"value", 5, place)
    files.delete(place)
    files.delete(place)
    assert not files.exists(place)


def test_what_cannot_be_looked_at_is_not_called_absent(files: Files, tmp_path: Path) -> None:
    """As with a folder that may not be entered, or a mount that is gone: not the file's doing, and it may pass."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot look at .*loop/a.mp4: Too many levels"):
        files.mark(tmp_path / "loop/a.mp4")
    absent = [tmp_path / "no.mp4", tmp_path / "file/a.mp4", tmp_path / ("a" * 300)]
    assert [files.mark(place) for place in absent] == [None] * 3
    assert list(files.marks([tmp_path / "loop", tmp_path / "file"])) == [tmp_path / "file"]


def test_listings_tell_files_from_folders_and_agree_with_a_look(files: Files, folder: Location) -> None:
    put(files, folder, "b.mp4", "a/2.png", "a/1.png", "a.txt", "a/deep/3.png")
    direct = files.children(folder)
    assert sorted((entry.place.name, entry.is_folder) for entry in direct) == [
        ("a", True), ("a.txt", False), ("b.mp4", False)
    ]  # fmt: skip
    assert names_of(files.children(folder / "a"), folder) == ["a/1.png", "a/2.png", "a/deep"]
    assert sorted(names_of(files.walk(folder), folder)) == ["a.txt", "a/1.png", "a/2.png", "a/deep/3.png", "b.mp4"]
    assert all(files.look(entry.place) == entry for entry in files.walk(folder))
    assert (files.is_folder(folder / "a"), files.is_folder(folder / "a.txt"), files.is_folder(folder / "c")) == (
        True, False, False
    )  # fmt: skip


def test_a_folder_is_not_one_whose_name_begins_alike(files: Files, folder: Location) -> None:
    put(files, folder, "clip-2/1.png", "clip/1.png", "clip.mp4")
    assert names_of(files.children(folder / "clip"), folder) == ["clip/1.png"]
    assert names_of(files.walk(folder / "clip"), folder) == ["clip/1.png"]


def test_a_mark_changes_with_the_file_and_with_any_file_of_a_folder(files: Files, folder: Location) -> None:
    put(files, folder, "a.bin", "f/1.png", "f/2.png")
    before = [files.mark(folder / "a.bin"), files.mark(folder / "f")]
    assert before == [files.mark(folder / "a.bin"), files.mark(folder / "f")]
    files.write(folder / "a.bin", b"other")
    files.write(folder / "f/2.png", b"other")
    after = [files.mark(folder / "a.bin"), files.mark(folder / "f")]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_the_marks_of_many_are_those_of_each(files: Files, folder: Location) -> None:
    put(files, folder, *[f"{n:03d}.mp4" for n in range(0, 40, 3)], "frames/1.png", "frames/2.png")
    places = [folder / f"{n:03d}.mp4" for n in range(40)] + [folder / "frames", folder / "absent"]
    assert files.marks(places) == {place: mark for place in places if (mark := files.mark(place)) is not None}
    assert len(files.marks(places)) == 15


def test_a_bucket_itself_is_a_folder_as_any_other(files: Files, bucket: str) -> None:
    place = RemotePath(bucket, "")
    put(files, place, "1.png")
    assert files.marks([place]) == {place: files.mark(place)}


def test_a_listing_goes_through_folders_by_name_and_holds_no_more_than_one_of_them(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(files, tmp_path, "a/2.bin", "a/1/deep.bin", "a.bin", "b/3.bin", ".hidden/4.bin", "a/.5.bin")
    (tmp_path / "linked").symlink_to(tmp_path / "b")
    read: list[str] = []
    scandir = os.scandir

    def look(path: str | Path) -> Any:
        read.append(Path(path).name)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", look)
    listing = files.walk(tmp_path)
    assert names_of([next(listing), next(listing)], tmp_path) == [".hidden/4.bin", "a/1/deep.bin"]
    assert "b" not in read
    assert names_of(listing, tmp_path) == ["a/2.bin", "a.bin", "b/3.bin"]
    assert list(files.walk(tmp_path / "absent")) == list(files.walk(tmp_path / "a.bin")) == []


def test_a_published_file_or_folder_is_there_whole_and_replaces_the_old(
    files: Files, folder: Location, tmp_path: Path
) -> None:
    put(files, folder, "png/0.png", "png/1.png", "clip.mkv")
    for name, content in {"png/0.png": b"new", "clip.mkv": b"new clip"}.items():
        (tmp_path / "staged" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "staged" / name).write_bytes(content)
    for name in ("png", "clip.mkv"):
        files.of(folder).publish(tmp_path / "staged" / name, folder / name)
    assert {name: files.read(folder / name) for name in ("png/0.png", "png/1.png", "clip.mkv")} == {
        "png/0.png": b"new", "png/1.png": None, "clip.mkv": b"new clip"
    }  # fmt: skip


@pytest.mark.parametrize("other", ["a.mp4", "deeper/0.png", "a.png/0.png", "labels.json", ".git/HEAD", ".hidden"])
def test_a_folder_that_holds_anything_but_images_is_not_replaced(files: Files, tmp_path: Path, other: str) -> None:
    put(files, tmp_path / "shot", "0.png", other)
    put(files, tmp_path / "staged", "0.png")
    with pytest.raises(StoreError, match=f"shot contains {Path(other).parts[0]}, which is not part of an output"):
        files.of(tmp_path).publish(tmp_path / "staged", tmp_path / "shot")
    assert files.exists(tmp_path / "shot" / other)


def test_what_a_file_manager_left_among_images_does_not_keep_them_from_being_replaced(
    files: Files, tmp_path: Path
) -> None:
    put(files, tmp_path / "shot", "0.png", "1.jpg", ".DS_Store", "Thumbs.db")
    put(files, tmp_path / "staged", "0.png")
    files.of(tmp_path).publish(tmp_path / "staged", tmp_path / "shot")
    assert names_of(files.children(tmp_path / "shot"), tmp_path) == ["shot/0.png"]


def test_what_is_no_image_stays_where_images_come_into_a_bucket(files: Files, bucket: str, tmp_path: Path) -> None:
    shot = RemotePath(bucket, "shot")
    put(files, shot, "0.png", "1.png", "labels.json")
    put(files, tmp_path / "staged", "0.png")
    files.of(shot).publish(tmp_path / "staged", shot)
    assert names_of(files.children(shot), shot) == ["0.png", "labels.json"]


def test_a_fetched_file_is_the_one_that_was_looked_at(files: Files, folder: Location, tmp_path: Path) -> None:
    put(files, folder, "a.bin")
    entry = files.look(folder / "a.bin")
    assert entry is not None
    files.of(folder).fetch(entry, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"a.bin"
    if isinstance(folder, RemotePath):
        files.write(folder / "a.bin", b"another")
        with pytest.raises(StoreError, match="has changed"):
            files.of(folder).fetch(entry, tmp_path / "copy")


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:40] + b"x" + b[41:]])
def test_a_damaged_artefact_is_deleted_and_made_again(
    files: Files, folder: Location, damage: Callable[[bytes], bytes]
) -> None:
    store = Store(folder, files)
    store.put("flow/ab/one", b"some value that is long enough")
    place = folder / "flow/ab/one"
    whole = files.read(place)
    assert whole is not None
    files.write(place, damage(whole))
    assert store.get("flow/ab/one") is None
    assert not store.exists("flow/ab/one")
    assert get_or_make(store, "flow/ab/one", lambda: b"new") == (b"new", False)
    assert get_or_make(store, "flow/ab/one", lambda: b"newer") == (b"new", True)


def test_a_store_lists_its_keys_with_what_is_known_of_each(files: Files, folder: Location) -> None:
    store = Store(folder, files)
    for key in ("flow/ab/one", "flow/cd/two", "parts/x"):
        store.put(key, b"value")
    assert [key for key, _ in store.list("flow")] == ["flow/ab/one", "flow/cd/two"]
    assert {entry.size for _, entry in store.list("")} == {len(b"value") + 38}
