"""One run at a time writes to an output folder; a run that was killed does not block the next one."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.open import lease_on

HOLD = """
import pathlib, sys, time
from reelmend.pipelines.storage.leases.open import lease_on
from reelmend.pipelines.storage.files import Files
with lease_on(pathlib.Path(sys.argv[1]), "other", Files()):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "_reelmend" / "lease.json"


def test_a_second_run_is_told_who_holds_the_folder(path: Path) -> None:
    with (
        lease_on(path, "first", Files()),
        pytest.raises(SetupError, match=f"writes to .*/out: run first, process {os.getpid()} on"),
        lease_on(path, "second", Files()),
    ):
        pass


def test_the_folder_is_free_after_the_run(path: Path) -> None:
    for run in ("first", "second"):
        with lease_on(path, run, Files()):
            assert run in path.read_text()


def test_a_killed_run_does_not_block_the_next(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SetupError, match=f"run other, process {other.pid}"), lease_on(path, "next", Files()):
            pass
        other.kill()
    with lease_on(path, "next", Files()):
        pass


def test_a_file_system_that_knows_no_locks_is_named_with_what_to_do(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: int, kind: int) -> None:  # as the kernel does, for a folder that is mounted so
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    line = rf"cannot lock {path}: No locks available; choose another --out, or mount this one with locking"
    with pytest.raises(SetupError, match=f"^{line}$"), lease_on(path, "first", Files()):
        pass
