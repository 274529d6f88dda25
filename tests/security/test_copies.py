"""Copies of inputs lie in a folder of this user alone, and are what was fetched."""

import os
from pathlib import Path

import pytest

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.input_cache import InputCache
from reelmend.pipelines.storage.location import RemotePath
from reelmend.pipelines.storage.own_folder import own_folder

STRANGER = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes folders that are another user's")


def test_the_default_folder_is_another_one_for_each_user(monkeypatch: pytest.MonkeyPatch) -> None:
    context = RunContext("", JobConfig())
    mine = context.cache_dir
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    assert context.cache_dir != mine


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = own_folder(tmp_path / "cache", "inputs")
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o755)  # as an earlier version made it
    assert own_folder(tmp_path / "cache", "inputs").stat().st_mode & 0o077 == 0


@as_root
@pytest.mark.parametrize("made", ["cache", "cache/inputs"])
def test_a_folder_that_a_stranger_made_first_is_refused(tmp_path: Path, made: str) -> None:
    (tmp_path / "cache/inputs").mkdir(parents=True)
    os.chown(tmp_path / made, STRANGER, STRANGER)
    with pytest.raises(StoreError, match=f"belongs to user {STRANGER}.*store.cache_dir"):
        own_folder(tmp_path / "cache", "inputs")


@as_root
def test_a_strangers_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "mine")
    os.chown(tmp_path / "cache", STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(StoreError, match=r"another$"):
        own_folder(tmp_path / "cache", "inputs")


def test_a_link_in_place_of_the_folder_and_one_that_others_may_write_to_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "inputs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a link"):
        own_folder(tmp_path, "inputs")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(StoreError, match="other users can write to it"):
        own_folder(tmp_path, "open")


@pytest.mark.parametrize("damage", ["other bytes", "cut off", "one file more", "no record"])
def test_a_copy_that_is_not_what_was_fetched_is_made_anew(tmp_path: Path, bucket: str, damage: str) -> None:
    files, place = Files(), RemotePath(bucket, "in/a.mp4")
    files.write(place, b"x" * 1000)

    def fetched() -> Path:
        cache = InputCache(tmp_path / "cache", 10_000, files)
        path = cache.path_of(place)
        cache.release()
        assert path is not None
        return path

    path = fetched()
    made = path.stat().st_ino
    os.utime(path, ns=(1, 1))
    assert fetched().stat().st_ino == made, "the same bytes, touched: the copy stays"
    match damage:
        case "other bytes":
            path.write_bytes(b"y" * 1000)
        case "cut off":
            path.write_bytes(b"x" * 10)
        case "one file more":
            path.with_name("b.mp4").touch()
        case _:
            (path.parent.parent / "digests.json").unlink()
    assert fetched().read_bytes() == b"x" * 1000
    assert [entry.name for entry in fetched().parent.iterdir()] == ["a.mp4"]
