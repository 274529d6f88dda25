"""Two stamps of a source agree where nothing was written in between, and nowhere else."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.stamp import NO_STAMP, Stamp, stamp_of


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(b"content")
    return path


def stamp(path: Path) -> Stamp:
    parts = Files().parts_of(path)
    assert parts is not None
    return stamp_of(parts)


def rewritten(path: Path) -> None:
    path.write_bytes(b"CONTENT")


def put_back(path: Path) -> None:
    told = path.stat()
    path.write_bytes(b"CONTENT")
    path.write_bytes(b"content")
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))


def replaced(path: Path) -> None:
    told = path.stat()
    other = path.with_suffix(".other")
    other.write_bytes(b"content")
    os.utime(other, ns=(told.st_atime_ns, told.st_mtime_ns))
    other.replace(path)


def moved_times(path: Path) -> None:
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("change", [rewritten, put_back, replaced, moved_times])
def test_whatever_is_done_to_a_file_shows(source: Path, change: Callable[[Path], None]) -> None:
    before = stamp(source)
    change(source)
    assert not stamp(source).agrees(before)


def test_a_file_that_is_read_is_the_same(source: Path) -> None:
    before = stamp(source)
    source.read_bytes()
    assert stamp(source).agrees(before)
    assert stamp(source).known
    assert not NO_STAMP.known


@pytest.mark.parametrize("ingredient", ["mark", "changed", "inodes"])
def test_each_part_of_a_stamp_counts_and_inodes_where_both_looks_were_had_from_one_place(
    source: Path, ingredient: str
) -> None:
    one = stamp(source)
    other = replace(one, **{ingredient: "another"})
    assert not one.agrees(other)
    assert one.agrees(replace(other, seen_on="elsewhere")) == (ingredient == "inodes")
