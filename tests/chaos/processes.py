"""Which processes does a campaign have? Those that carry its mark in their environment, wherever they were adopted."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from time import monotonic

MARK = "REELMEND_CHAOS"
WORKERS, TASKS = "ray::_RestoringWorker", "ray::_perform_alone"
"""How the processes of a run's workers, and of its probes and stitches, call themselves."""


def environment(mark: str) -> dict[str, str]:
    """What processes need to be found; the second keeps Ray from writing a process's name over its environment."""
    return {MARK: mark, "SPT_NOENV": "1"}


def marked(mark: str) -> Iterator[tuple[int, str]]:
    """Yield (id, command line) of the living ones but this process."""
    wanted = f"{MARK}={mark}\0".encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with suppress(OSError):
                if wanted in (folder / "environ").read_bytes() + b"\0":
                    yield int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()


def working(mark: str) -> list[tuple[int, str]]:
    """Processes that hold a worker or a task of a run."""
    return [(pid, line) for pid, line in marked(mark) if line.startswith((WORKERS, TASKS))]


def of_ray(mark: str) -> list[tuple[int, str]]:
    return [(pid, line) for pid, line in marked(mark) if line.startswith("ray::") or "/raylet" in line or "gcs" in line]


def kill(pid: int) -> bool:
    """Kill a process as the system does when memory runs out; False when it has just ended."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def none_left(look: Callable[[], list[tuple[int, str]]], patience_s: float) -> list[tuple[int, str]]:
    """Return what is still there when nothing should be; waits for it to end."""
    deadline, pause = monotonic() + patience_s, Event()
    while (left := look()) and monotonic() < deadline:
        pause.wait(0.2)
    return left
