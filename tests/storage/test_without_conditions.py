"""A store that writes whatever the condition says: two runs on one output are told apart all the same, and one stops.

Once with s3rver, a server of others that is like that, and once with a server that forgets the conditions on the way.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from reelmend.pipelines.config import S3Config, StoreConfig
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.storage.leases.lease import Holder
from reelmend.pipelines.storage.leases.lease_object import Found
from reelmend.pipelines.storage.leases.remote_lease import RemoteLease
from reelmend.pipelines.storage.leases.s3_lease import S3LeaseObject
from reelmend.pipelines.storage.ledger.rows import ItemRow
from reelmend.pipelines.storage.location import RemotePath
from reelmend.pipelines.storage.s3_files import S3Files
from tests.jobs import add_item, lossless_job
from tests.servers import CREDENTIALS
from tests.storage import s3rver
from tests.storage.faulty_store import faults_before

PATIENCE_S = 30


@pytest.fixture(scope="module")
def s3rver_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        program = s3rver.installed(request.config.cache.mkdir(f"s3rver-{s3rver.VERSION}"))
        with s3rver.serving(program, tmp_path_factory.mktemp("s3rver")) as url:
            yield url
    except s3rver.NotHere as exc:
        pytest.skip(f"not tested against s3rver: {exc}")


@pytest.fixture(params=["s3rver", "moto without conditions"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemotePath]:
    """A run's lease in a new bucket."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    if request.param == "s3rver":
        monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3rver_url"))
        for name, value in s3rver.CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        yield _lease_in_new_bucket()
        return
    with faults_before(request.getfixturevalue("s3_endpoint")) as store:
        store.ignores_conditions = True
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        yield _lease_in_new_bucket()


def _lease_in_new_bucket() -> RemotePath:
    name = f"test-{uuid4().hex}"
    S3Files(S3Config()).client.create_bucket(Bucket=name)  # by the credentials of now: boto3 keeps those it found first
    return RemotePath(name, "out/_reelmend/lease.json")


def object_at(place: RemotePath) -> S3LeaseObject:
    return S3LeaseObject(place, S3Files(S3Config(attempts=2)))


def found_at(place: RemotePath) -> Found:
    found = object_at(place).look()
    assert found is not None
    return found


def lease(place: RemotePath, run: str, **seconds: float) -> RemoteLease:
    """Of a run on a machine of its own: nobody here can tell whether it lives."""
    return RemoteLease(place, Holder(run, run, 1, f"boot-{run}/pid:[1]/1/1"), object_at(place), **seconds)


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def test_a_run_that_was_taken_for_dead_and_wakes_finds_the_other_one_and_stops(
    place: RemotePath, caplog: pytest.LogCaptureFixture
) -> None:
    with lease(place, "sleeper", beat_s=0.4) as sleeper:
        assert f"the store of bucket {place.bucket} ignores If-None-Match on PUT" in caplog.text
        with sleeper._renewing:  # it stands still
            other = lease(place, "other", beat_s=0.4, silent_s=2.0).__enter__()
        until(lambda: sleeper.lost)
        assert (
            sleeper.lost == f"the lease on s3://{place.bucket}/out was taken while this run was silent: {other._holder}"
        )
        before = found_at(place).tag
        until(lambda: found_at(place).tag != before)
        assert not other.lost, "it goes on as if nothing had been"
        assert found_at(place).content["run"] == "other"
    other.__exit__(None, None, None)


def test_of_two_that_come_in_at_the_same_moment_one_is_told(place: RemotePath, monkeypatch: pytest.MonkeyPatch) -> None:
    early, late = lease(place, "early", beat_s=8.0), lease(place, "late", beat_s=8.0)
    write = late._object.write
    with ThreadPoolExecutor(1) as other:
        came_in: list[Future[RemoteLease]] = []

        def another_comes_first(text: str, tag: str) -> str | None:
            if not came_in:
                came_in.append(other.submit(early.__enter__))
                until(lambda: object_at(place).look())
            return write(text, tag)

        monkeypatch.setattr(late._object, "write", another_comes_first)
        try:
            with late:
                assert isinstance(came_in[0].exception(PATIENCE_S), SetupError)
                assert not late.lost
                assert found_at(place).content["run"] == "late"
        except SetupError:  # the one that came first wrote last: what it writes to find out whether conditions count
            assert came_in[0].exception(PATIENCE_S) is None
            assert not early.lost
            assert found_at(place).content["run"] == "early"
            early.__exit__(None, None, None)


def test_a_run_whose_folder_is_anothers_at_its_end_says_so_and_leaves_the_ledger_alone(
    tmp_path: Path, place: RemotePath, caplog: pytest.LogCaptureFixture
) -> None:
    add_item(tmp_path, frames=3)
    job = lossless_job(tmp_path)
    job.out, job.store = str(place.parent.parent), StoreConfig(cache_dir=str(tmp_path / "cache"))
    caplog.set_level(logging.ERROR)
    head = place.parent / "ledger/head.json"
    files = S3Files(S3Config(attempts=2))

    class AnotherTakesIt(SilentDisplay):
        """As one does that has taken this run for dead."""

        def change(self, row: ItemRow, answer: Any) -> None:
            if row.state.ended:
                files.write(place, json.dumps({"run": "other", "host": "there", "pid": 1}).encode())
                files.write(head, b"the other's")

    with pytest.raises(
        SetupError, match=r"was taken while this run was silent: run other, process 1 on there; nothing"
    ):
        run_job(job, AnotherTakesIt())
    assert files.read(head) == b"the other's"
    assert b"other" in (files.read(place) or b"")
