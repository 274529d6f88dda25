"""A lock keeps another process out until its holder lets go; readers share one. On POSIX, and as Windows does it.

`msvcrt` is stood in for by `fcntl`'s locks on ranges of bytes, which are the process's: so each holder is a process.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HOLD = """
import fcntl, os, sys, types
from pathlib import Path
from reelmend.pipelines.utils import locks
if sys.argv[1] == "windows":
    def locking(handle, mode, count):
        kind = fcntl.LOCK_UN if mode == "unlock" else fcntl.LOCK_EX | fcntl.LOCK_NB
        fcntl.lockf(handle, kind, count, 0, os.SEEK_CUR)
    locks.msvcrt = types.SimpleNamespace(locking=locking, LK_NBLCK="lock", LK_UNLCK="unlock")
    locks.fcntl = None
for line in sys.stdin:
    if line.strip() == "drop":
        os.close(handle)
        print("dropped", flush=True)
        continue
    handle = locks.open_folder(Path(sys.argv[2]))
    assert locks.is_of(handle, Path(sys.argv[2]))
    try:
        locks.lock(handle, shared=line.strip() == "share", wait=False)
        print("held", flush=True)
    except BlockingIOError:
        print("busy", flush=True)
"""


@pytest.fixture(params=["posix", "windows"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[int, str], str]]:
    """Two processes that are told what to do, and say how it went."""
    command = [sys.executable, "-P", "-c", HOLD, request.param, str(tmp_path)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ})
        for _ in range(2)
    ]

    def ask(which: int, what: str) -> str:
        words, answers = started[which].stdin, started[which].stdout
        assert words is not None
        assert answers is not None
        words.write(f"{what}\n")
        words.flush()
        return answers.readline().strip()

    yield ask
    for process in started:
        process.communicate(timeout=60)


def test_readers_share_a_lock_and_a_writer_has_it_alone(two: Callable[[int, str], str]) -> None:
    assert (two(0, "share"), two(1, "share")) == ("held", "held")
    assert two(1, "drop") == "dropped"
    assert two(1, "write") == "busy"
    assert two(0, "drop") == "dropped"
    assert two(1, "write") == "held"
    assert two(0, "share") == "busy"
