"""Machines and GPUs of a run, as its workers' receipts describe them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from reelmend.pipelines.observe.observer import RunObserver
from reelmend.pipelines.tasks import Failure, Receipt, Task

RECENT_S = 600.0
"""A worker that has answered within this time counts as one of its machine's; one that died stops counting then."""
MOST = 64
"""Machines that are named, those with most workers first."""


@dataclass
class Gpu:
    """One GPU after the last task there."""

    name: str
    """As the machine numbers it."""
    used_mb: float = 0.0
    """By all processes."""
    load: float | None = None
    """Share of that task's time in which it computed, 0..1; None where NVML does not say."""


@dataclass
class Machine:
    """One machine."""

    name: str
    workers: int = 0
    """Processes that did something lately."""
    tasks: int = 0
    """That they have answered since the run began."""
    rss_mb: float = 0.0
    """Main memory of those processes."""
    gpus: list[Gpu] = field(default_factory=list)

    @classmethod
    def from_dict(cls, told: dict[str, object]) -> "Machine":
        """Inverse of `dataclasses.asdict`. Raises TypeError for what is something else."""
        gpus = told.get("gpus") or []
        if not isinstance(gpus, list):
            raise TypeError("gpus is not a list")
        return cls(**told | {"gpus": [Gpu(**gpu) for gpu in gpus]})  # type: ignore[arg-type]


@dataclass
class _Process:
    answered_s: float
    rss_mb: float


class MachinesSeen(RunObserver):
    """Written by the run's thread, read by another."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._processes: dict[str, _Process] = {}
        self._tasks: dict[str, int] = {}
        self._gpus: dict[str, Gpu] = {}

    def answered(self, task: Task, answer: Receipt | Failure, *, again: bool) -> None:
        effort = answer.effort
        if not effort.worker:  # nobody answered: the worker is lost
            return
        machine = _machine(effort.worker)
        self._processes[effort.worker] = _Process(self._now(), effort.rss_mb)
        self._tasks[machine] = self._tasks.get(machine, 0) + 1
        if effort.device:
            known = self._gpus.setdefault(effort.device, Gpu(effort.device.rpartition(":")[2]))
            known.used_mb, known.load = round(effort.device_used_mb), effort.device_load

    def machines(self) -> list[Machine]:
        """Return the machines whose workers have answered lately, those with most workers first."""
        long_ago = self._now() - RECENT_S
        found: dict[str, Machine] = {}
        for worker, process in [*self._processes.items()]:
            if process.answered_s < long_ago:
                self._processes.pop(worker, None)
                continue
            name = _machine(worker)
            machine = found.setdefault(name, Machine(name, tasks=self._tasks.get(name, 0)))
            machine.workers += 1
            machine.rss_mb += round(process.rss_mb)
        for device, gpu in sorted(self._gpus.items()):
            if machine := found.get(_machine(device)):  # type: ignore[assignment]
                machine.gpus.append(Gpu(gpu.name, gpu.used_mb, gpu.load))
        return sorted(found.values(), key=lambda machine: (-machine.workers, machine.name))[:MOST]


def _machine(of_it: str) -> str:
    """Return the machine in `machine:process` or `machine:GPU`."""
    return of_it.rpartition(":")[0]
