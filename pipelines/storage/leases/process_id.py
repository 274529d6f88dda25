"""Liveness of a recorded process; known for sure only on the same machine."""

import os
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_STATE, _START = 0, 19
"""Fields of /proc/PID/stat behind the name; proc(5) calls them (3) state and (22) starttime."""


def this_process() -> str:
    """Name this process as no other one ever is: by machine start, namespace of process ids, id, and time of start.

    Empty where the system does not tell (no Linux).
    """
    told = _stat(os.getpid())
    return f"{_machine()}/{os.getpid()}/{told[_START]}" if told and _machine() else ""


def is_dead(process: str) -> bool:
    """Whether a process that `this_process` named is gone; False where this machine cannot know."""
    machine, _, rest = process.rpartition("/")[0].rpartition("/")
    if not machine or machine != _machine() or not rest.isdigit():
        return False
    told = _stat(int(rest))
    return told is None or told[_STATE] in "ZX" or told[_START] != process.rpartition("/")[2]


def is_alive(process: str) -> bool:
    """Whether a process that `this_process` named runs on this machine."""
    return bool(process) and process.rsplit("/", 2)[0] == _machine() and not is_dead(process)


def _machine() -> str:
    """Two containers that call themselves alike count processes apart."""
    with suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    return ""


def _stat(pid: int) -> list[str] | None:
    with suppress(OSError):
        # The name is in brackets, and may hold spaces and brackets itself.
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return None
