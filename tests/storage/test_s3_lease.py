"""One run at a time holds a prefix of a bucket, however its holder ended and whatever the machines' clocks say."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from reelmend.pipelines.config import S3Config
from reelmend.pipelines.errors import SetupError, StoreError
from reelmend.pipelines.observe.heartbeat import last_sign
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.lease import BEAT_S, SILENT_S, Holder
from reelmend.pipelines.storage.leases.lease_object import Found
from reelmend.pipelines.storage.leases.open import lease_on
from reelmend.pipelines.storage.leases.remote_lease import RemoteLease
from reelmend.pipelines.storage.leases.s3_lease import S3LeaseObject
from reelmend.pipelines.storage.location import RemotePath
from reelmend.pipelines.storage.s3_files import S3Files
from tests.storage.faulty_store import faults_before

PATIENCE_S = 30
HOLD = "tests.storage.hold_lease"


@pytest.fixture
def place(bucket: str) -> RemotePath:
    return RemotePath(bucket, "out/_reelmend/lease.json")


def object_at(place: RemotePath) -> S3LeaseObject:
    return S3LeaseObject(place, S3Files(S3Config(attempts=2)))


def found_at(place: RemotePath) -> Found:
    found = object_at(place).look()
    assert found is not None
    return found


def lease(place: RemotePath, run: str, **seconds: float) -> RemoteLease:
    return RemoteLease(place, Holder.this_process(run), object_at(place), **seconds)


def lease_elsewhere(place: RemotePath, beat_s: float) -> RemoteLease:
    """One whose holder's life this machine cannot tell."""
    return RemoteLease(place, Holder("first", "elsewhere", 1, "boot/pid:[1]/1/1"), object_at(place), beat_s)


def until(happened: Callable[[], object]) -> None:
    waiting = threading.Event()
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline
        waiting.wait(0.05)


def taken_within_patience(place: RemotePath, run: str, silent_s: float) -> RemoteLease:
    """Enter the lease as soon as its holder was silent for long enough."""
    given_up = threading.Event()
    timer = threading.Timer(PATIENCE_S, given_up.set)
    timer.start()
    try:
        while True:
            try:
                return lease(place, run, silent_s=silent_s).__enter__()
            except SetupError:
                assert not given_up.wait(0.2), "the lease of a dead run is never free"
    finally:
        timer.cancel()


def test_a_second_run_is_told_who_holds_it_and_comes_in_afterwards(place: RemotePath) -> None:
    with (
        lease(place, "first"),
        pytest.raises(
            SetupError, match=r"another run writes to s3://.*/out: run first, process \d+ on .*; wait for it"
        ),
        lease(place, "second"),
    ):
        pass
    for run in ("second", "third"):
        with lease(place, run) as held:
            assert not held.lost


def test_a_lease_that_is_renewed_is_never_taken(place: RemotePath) -> None:
    with lease(place, "first", beat_s=0.05, silent_s=1.0) as first:
        other = threading.Event()
        for _ in range(12):
            with pytest.raises(SetupError, match="run first"):
                lease(place, "second", silent_s=1.0).__enter__()
            other.wait(0.2)
        assert not first.lost


def test_a_run_that_was_killed_on_this_machine_does_not_keep_the_next_one_waiting(
    place: RemotePath, caplog: pytest.LogCaptureFixture
) -> None:
    with subprocess.Popen([sys.executable, "-m", HOLD, str(place)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SetupError, match=f"run other, process {other.pid}"), lease(place, "next"):
            pass
        sign = last_sign(place, Files())
        assert sign is not None
        assert sign.alive
        other.kill()
    sign = last_sign(place, Files())
    assert sign is not None
    assert not sign.alive
    caplog.set_level("INFO")
    with lease(place, "next") as held:
        assert not held.lost
    assert "waiting up to" not in caplog.text


def test_a_run_that_died_on_another_machine_is_taken_over_when_it_was_silent(place: RemotePath) -> None:
    lease_elsewhere(place, beat_s=60.0).__enter__()
    with lease(place, "next", beat_s=0.2, silent_s=1.0) as held:
        assert not held.lost


def test_a_run_on_another_machine_is_left_alone_as_soon_as_it_shows_that_it_lives(place: RemotePath) -> None:
    with (
        lease_elsewhere(place, beat_s=0.2),
        pytest.raises(SetupError, match="run first, process 1 on elsewhere"),
        lease(place, "next", beat_s=0.4, silent_s=60.0),
    ):
        pass


@pytest.mark.parametrize("clock_s", [-1e6, 1e6])
def test_a_store_whose_clock_jumps_keeps_nobody_out_for_ever(
    place: RemotePath, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, clock_s: float
) -> None:
    lease_elsewhere(place, beat_s=60.0).__enter__()
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        store.clock_s = clock_s
        with lease(place, "next", beat_s=0.2, silent_s=1.0) as held:
            assert not held.lost


def test_a_store_that_ignores_conditions_is_named(
    place: RemotePath, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        with lease(place, "first"):
            assert caplog.messages == []
        store.ignores_conditions = True
        with lease(place, "second"):
            assert f"the store of bucket {place.bucket} ignores If-None-Match on PUT" in caplog.text
            assert "start one run at a time" in caplog.text


def test_a_run_that_was_silent_too_long_learns_that_it_lost(place: RemotePath) -> None:
    with lease(place, "first", beat_s=3.0) as first:
        second = taken_within_patience(place, "second", silent_s=1.0)
        with pytest.raises(SetupError, match="run second"):
            lease(place, "third").__enter__()
        until(lambda: first.lost)
        assert "taken while this run was silent: run second, process" in first.lost
    with pytest.raises(SetupError, match="run second"):
        lease(place, "third").__enter__()
    second.__exit__(None, None, None)


@pytest.mark.parametrize("clock", ["-100000", "100000"])
def test_the_clock_of_a_machine_does_not_matter(place: RemotePath, clock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1.8e9 + float(clock))
    with lease(place, "first"), pytest.raises(SetupError, match="run first"), lease(place, "second"):
        pass


def test_an_answer_that_breaks_off_is_asked_for_again(
    place: RemotePath, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        for run in ("first", "second"):  # none is there, then one
            store.cut_after = [20, 20]
            with lease(place, run) as held:
                assert not held.lost


def test_a_write_whose_answer_was_lost_is_still_this_runs(
    place: RemotePath, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        store.lost_answers = 1
        with lease(place, "first", beat_s=0.05) as first:
            store.lost_answers = 1
            before = len(store.asked)
            until(lambda: len(store.asked) >= before + 6)
            assert not first.lost


def test_a_renewal_that_arrived_unknown_to_the_run_costs_it_nothing(
    place: RemotePath, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        with lease(place, "first", beat_s=0.05) as first:
            store.lost_answers = 2  # of every try
            until(lambda: "the lease could not be renewed" in caplog.text)
            before = len(store.asked)
            until(lambda: len(store.asked) > before + 6 or first.lost)
            assert not first.lost
            caplog.clear()
            store.lost_answers = 2
            until(lambda: "the lease could not be renewed" in caplog.text)
        assert not first.lost
        assert found_at(place).content["released"]


def test_a_run_that_is_over_says_so_where_the_lease_is_anothers(
    place: RemotePath, caplog: pytest.LogCaptureFixture
) -> None:
    with lease(place, "first", beat_s=60.0):
        object_at(place).write('{"run": "other", "host": "elsewhere", "pid": 1}', found_at(place).tag)
    assert "was taken while this run was silent: run other, process 1 on elsewhere" in caplog.text


def test_a_sign_of_life_that_hangs_leaves_time_for_the_next_one(place: RemotePath) -> None:
    with lease_on(place, "first", Files()) as held:
        assert isinstance(held, RemoteLease)
        assert isinstance(held._object, S3LeaseObject)
        client = held._object._files.client.meta.config
    hangs_s = client.read_timeout * client.retries["total_max_attempts"]
    assert BEAT_S + hangs_s + BEAT_S < SILENT_S


def test_a_lease_is_asked_for_more_often_than_it_is_renewed(
    place: RemotePath, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        store.answers = [(500, "InternalError")] * 3
        store.lost_answers = 2
        with lease(place, "first") as held:
            assert not held.lost


def test_a_look_that_hangs_is_given_up_with_the_clients_own_tries(
    place: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(StoreError, match="timeout"):
            S3LeaseObject(place, S3Files(S3Config(attempts=2, timeout_s=0.2))).look()
        silent.setblocking(False)
        asked = [silent.accept()[0] for _ in range(2)]
        with pytest.raises(BlockingIOError):
            silent.accept()
        for line in asked:
            line.close()
