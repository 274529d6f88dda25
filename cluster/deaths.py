"""Causes of lost processes: a machine that went away, or memory that ran out."""

from contextlib import suppress
from pathlib import Path

from ray.exceptions import ActorUnavailableError, NodeDiedError, OutOfMemoryError, RayError, RayTaskError

_COUNTERS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))


def with_its_machine(error: RayError) -> bool:
    """Whether the whole machine went away, or cannot be reached: of a process alone its machine would tell."""
    return isinstance(error, NodeDiedError | ActorUnavailableError) or "its node has died" in str(error)


def for_want_of_memory(error: RayError, *, kernel_killed: bool) -> bool:
    """Whether memory ran out: Ray says so of what it ended itself; `kernel_killed`: the system ended something."""
    text = str(error)
    said = isinstance(error, OutOfMemoryError) or "memory pressure" in text or "low on memory" in text
    return said or (kernel_killed and _vanished(text))


class KernelKills:
    """Whether the system has ended processes of this machine for lack of memory since the last call."""

    def __init__(self) -> None:
        self._seen = _kernel_kills()

    def new(self) -> bool:
        before, self._seen = self._seen, _kernel_kills()
        return self._seen > before


def _kernel_kills() -> int:
    count = 0
    for place in _COUNTERS:
        with suppress(OSError):
            words = (line.split() for line in place.read_text().splitlines())
            count += sum(int(value) for name, value in words if name == "oom_kill")
    return count


def _vanished(text: str) -> bool:
    return "connection error code 2" in text or "unexpectedly while executing" in text


def one_line(error: RayError) -> str:
    """Return what became of the process, from Ray's paragraphs."""
    if isinstance(error, OutOfMemoryError):
        return "its machine ran out of memory, and Ray ended it; lower run.workers"
    if isinstance(error, RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}".splitlines()[0]
    if with_its_machine(error):
        return "its machine went away, or cannot be reached"
    text = str(error)
    if _vanished(text):
        return "its process vanished: killed (by the system when memory runs out), or a crash in native code"
    lines = text.split("Worker exit detail:")[-1].strip().splitlines()
    return lines[0] if lines else type(error).__name__  # a task that was cancelled says nothing more
