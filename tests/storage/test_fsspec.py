"""A run in a store that fsspec reaches: the bytes of a local run, one run at a time, and a line where it cannot be."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelmend.pipelines.config import InputConfig, JobConfig, StoreConfig
from reelmend.pipelines.errors import SetupError, StoreError
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.observe.heartbeat import last_sign
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.fsspec_files import FsspecFiles, translated
from reelmend.pipelines.storage.leases.fsspec_lease import FsspecLeaseObject
from reelmend.pipelines.storage.leases.lease import Holder
from reelmend.pipelines.storage.leases.open import lease_on
from reelmend.pipelines.storage.leases.remote_lease import RemoteLease
from reelmend.pipelines.storage.location import RemotePath, location_of
from tests.jobs import add_item, lossless_job

PATIENCE_S = 30
HOLD = "tests.storage.hold_lease"


@pytest.fixture
def place(gs_bucket: RemotePath) -> RemotePath:
    return gs_bucket / "out/_reelmend/lease.json"


def lease(place: RemotePath, run: str, host: str = "here", **seconds: float) -> RemoteLease:
    """One whose holder's life no other process can tell."""
    return RemoteLease(
        place, Holder(run, host, 1, "boot/pid:[1]/1/1"), FsspecLeaseObject(place, FsspecFiles("gs")), **seconds
    )


def test_a_run_in_it_gives_the_bytes_of_a_local_run_and_a_second_one_does_nothing(
    gs_bucket: RemotePath, tmp_path: Path
) -> None:
    add_item(tmp_path, frames=8)
    here = lossless_job(tmp_path, block_length=4, overlap=1, chunk_length=4)
    run_job(here, SilentDisplay())
    (tmp_path / "gs/bucket").mkdir(parents=True)
    (tmp_path / "in").rename(tmp_path / "gs/bucket/in")
    there = replace(
        here,
        out="gs://bucket/out",
        input=InputConfig(videos=["gs://bucket/in/*"]),
        store=StoreConfig(cache_dir=str(tmp_path / "cache")),
    )
    assert run_job(there, SilentDisplay()).states == {"restored": 1}
    assert Files().read(gs_bucket / "out/clip.mkv") == (tmp_path / "out/clip.mkv").read_bytes()
    again = run_job(there, SilentDisplay())
    assert (again.finished_earlier, again.tasks_computed) == (1, 0)


def test_a_bracket_that_is_escaped_in_a_glob_is_a_letter_of_a_folders_name(gs_bucket: RemotePath) -> None:
    for name in ("p[1]/in/a.mp4", "p1/in/b.mp4"):
        Files().write(gs_bucket / name, b"")
    videos = ["gs://bucket/p[[]1]/**/*.mp4"]
    job = JobConfig(input=InputConfig(videos=videos, masks="gs://bucket/m.png"), out="gs://bucket/out")
    assert [item.id for item in discover(job)] == ["in/a"]


def test_names_with_wildcards_mean_themselves_alone(gs_bucket: RemotePath) -> None:
    files = Files()
    for name in ("in/a.bin", "in/b.bin", "in/[ab].bin", "in/*.bin"):
        files.write(gs_bucket / name, name.encode())
    files.delete_many([gs_bucket / "in/[ab].bin"])
    files.delete(gs_bucket / "in/*.bin")
    assert [entry.place.name for entry in files.walk(gs_bucket)] == ["a.bin", "b.bin"]


def test_a_second_run_is_told_who_writes_there_and_comes_in_afterwards(place: RemotePath) -> None:
    with (
        lease_on(place, "first", Files()),
        pytest.raises(SetupError, match=r"another run writes to gs://bucket/out: run first, process \d+ on"),
        lease_on(place, "second", Files()),
    ):
        pass
    with lease_on(place, "third", Files()) as held:
        assert not held.lost
        sign = last_sign(place, Files())
        assert sign is not None
        assert sign.alive


def test_a_run_that_was_killed_does_not_keep_the_next_one_waiting(place: RemotePath) -> None:
    with subprocess.Popen([sys.executable, "-m", HOLD, str(place)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        other.kill()
    with lease_on(place, "next", Files()) as held:
        assert not held.lost


def test_a_lease_is_watched_whatever_this_machines_clock_says(
    place: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease(place, "dead", beat_s=60.0).__enter__()
    monkeypatch.setattr("time.time", lambda: 4e9)
    with lease(place, "next", "there", beat_s=0.1, silent_s=0.5) as held:
        assert not held.lost
        with pytest.raises(SetupError, match="run next"), lease(place, "second", beat_s=0.2, silent_s=30.0):
            pass


def test_of_two_runs_that_come_in_at_once_one_learns_it_and_stops(place: RemotePath) -> None:
    with lease(place, "first", beat_s=0.1) as first:
        Files().write(place, b'{"run": "second", "host": "there", "pid": 2}')
        waiting, deadline = threading.Event(), PATIENCE_S / 0.1
        while not first.lost:
            deadline -= 1
            assert deadline > 0
            waiting.wait(0.1)
    assert first.lost.endswith("was taken while this run was silent: run second, process 2 on there")
    assert b"second" in (Files().read(place) or b"")


def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(SetupError, match=r'az:// needs adlfs: pip install "reelmend\[fsspec\]" adlfs'):
        Files().read(location_of("az://container/x"))


class _Answer(Exception):
    code = 403


@pytest.mark.parametrize(
    ("raised", "kind", "says"),
    [
        (FileNotFoundError("x"), SetupError, "gs://b/x: no such bucket"),
        (_Answer("no rights\nmore"), SetupError, r"gs://b/x: access denied \(no rights\); are the credentials"),
        (OSError("line went dead"), StoreError, "gs://b/x: line went dead"),
        (KeyError("odd"), StoreError, "gs://b/x: 'odd'"),
    ],
)
def test_what_a_package_raises_becomes_one_line_of_ours(
    raised: Any, kind: type[SetupError] | type[StoreError], says: str
) -> None:
    with pytest.raises(kind, match=says), translated("gs://b/x"):
        raise raised
