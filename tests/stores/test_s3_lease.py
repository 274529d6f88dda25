"""One run at a time holds a prefix of a bucket, however its holder ended and whatever the machines' clocks say."""

import subprocess
import sys
import threading
import time

import pytest
from faulty_store import faults_before

from pipelines.config import S3Config
from pipelines.errors import SetupError
from pipelines.lease import Holder
from pipelines.s3_lease import S3Lease
from pipelines.stores.location import RemotePath
from pipelines.stores.s3_files import S3Files

PATIENCE_S = 30
HOLD = """
import sys, time
from pipelines.lease import lease_on
from pipelines.stores.files import Files
from pipelines.stores.location import location_of
with lease_on(location_of(sys.argv[1]), "other", Files()):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def place(bucket):
    return RemotePath(bucket, "out/_reelmend/lease.json")


def lease(place, run, **seconds):
    return S3Lease(place, Holder.this_process(run), S3Files(S3Config(attempts=2)), **seconds)


def taken_within_patience(place, run, silent_s):
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


def test_a_second_run_is_told_who_holds_it_and_comes_in_afterwards(place):
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


def test_a_lease_that_is_renewed_is_never_taken(place):
    with lease(place, "first", beat_s=0.05, silent_s=1.0) as first:
        other = threading.Event()
        for _ in range(12):
            with pytest.raises(SetupError, match="run first"):
                lease(place, "second", silent_s=1.0).__enter__()
            other.wait(0.2)
        assert not first.lost


def test_a_killed_run_is_taken_over_when_it_was_silent(place):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(place)], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SetupError, match=f"run other, process {other.pid}"), lease(place, "next"):
            pass
        other.kill()
    taken_within_patience(place, "next", silent_s=1.0).__exit__(None, None, None)


def test_a_run_that_was_silent_too_long_learns_that_it_lost(place):
    with lease(place, "first", beat_s=3.0) as first:
        second = taken_within_patience(place, "second", silent_s=1.0)
        with pytest.raises(SetupError, match="run second"):
            lease(place, "third").__enter__()
        waiting = threading.Event()
        deadline = time.monotonic() + PATIENCE_S
        while not first.lost:
            assert time.monotonic() < deadline
            waiting.wait(0.1)
        assert "taken while this run was silent: run second, process" in first.lost
    with pytest.raises(SetupError, match="run second"):
        lease(place, "third").__enter__()
    second.__exit__(None, None, None)


@pytest.mark.parametrize("clock", ["-100000", "100000"])
def test_the_clock_of_a_machine_does_not_matter(place, clock, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1.8e9 + float(clock))
    with lease(place, "first"), pytest.raises(SetupError, match="run first"), lease(place, "second"):
        pass


def test_a_write_whose_answer_was_lost_is_still_this_runs(place, s3_endpoint, monkeypatch):
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        store.lost_answers = 1
        with lease(place, "first", beat_s=0.05) as first:
            store.lost_answers = 1
            before = len(store.asked)
            renewed = threading.Event()
            while len(store.asked) < before + 6:
                assert not renewed.wait(0.05)
            assert not first.lost
