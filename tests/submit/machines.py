"""How do machines of a cluster come and go? Each is `ray start` and all that it starts, in a session of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

SCRIPTS = Path(sys.executable).parent
PATIENCE_S = 120
AT_WORK = "ray::_RestoringWorker.perform"
"""How a worker calls itself while it has a task."""

Machine = subprocess.Popen[bytes]


class Head(NamedTuple):
    url: str
    """Of the Jobs API."""
    env: dict[str, str]
    """What whoever talks to it has in its environment."""
    exporter: str
    """Where Ray's agent shows Prometheus what drivers record."""
    machines: list[Machine]
    """With a CPU each; the head does no task."""

    def reelmend(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "reelmend.pipelines.cli", *words]
        return subprocess.run(command, env=self.env | more, capture_output=True, text=True, timeout=PATIENCE_S)


@contextmanager
def machine(words: str, folder: Path, env: dict[str, str]) -> Iterator[Machine]:
    """Join or begin a cluster, until the block is left, with a folder of its own as a machine has."""
    small = "--min-worker-port=0 --max-worker-port=0 --object-store-memory=100000000"
    command = [f"{SCRIPTS}/ray", "start", "--block", f"--temp-dir={folder}", *small.split(), *words.split()]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=env, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def lose_one_at_work(machines: Sequence[Machine]) -> None:
    """Cut the power of a machine whose worker has a task in hand."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for lost in machines:
            if any(_held_at_work(pid) for pid in _processes(lost)):
                for pid in _processes(lost):
                    _signal(pid, signal.SIGKILL)
                return
        time.sleep(0.05)
    raise AssertionError(f"no worker had a task within {PATIENCE_S} s")


def _processes(machine: Machine) -> list[int]:
    pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [pid for pid in pids if _session(pid) == machine.pid]


def _session(pid: int) -> int | None:
    with suppress(ProcessLookupError):
        return os.getsid(pid)
    return None


def _held_at_work(pid: int) -> bool:
    """Stop a worker in the middle of a task, so that it cannot end it; False when this is no worker at work."""
    if not _title(pid).startswith(AT_WORK):
        return False
    _signal(pid, signal.SIGSTOP)
    if _title(pid).startswith(AT_WORK):
        return True
    _signal(pid, signal.SIGCONT)
    return False


def _title(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    return ""


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
