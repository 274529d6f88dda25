"""Messages of the scheduler: events that it is told, and instructions that it gives."""

from dataclasses import dataclass

from reelmend.cluster.resources import Pool
from reelmend.pipelines.observe.task_progress import Beat
from reelmend.pipelines.tasks import Failure, Receipt, Task


@dataclass(frozen=True)
class Placed:
    """A worker's process runs; it loads what it needs now."""

    worker: str


@dataclass(frozen=True)
class Ready:
    """A worker is warm."""

    worker: str
    fit: int = 0
    """How many like it the memory of its GPU holds, as it measured; 0 where there is nothing to measure."""


@dataclass(frozen=True)
class Gone:
    """A worker died, with whatever it had in hand."""

    worker: str
    reason: str
    refused: bool = False
    """It could not load what it needs."""
    with_machine: bool = False
    """Its whole machine went away."""
    out_of_memory: bool = False
    """Its machine had too little memory."""


@dataclass(frozen=True)
class Answered:
    """A task came back."""

    answer: Receipt | Failure


Event = Placed | Ready | Gone | Answered | Beat


@dataclass(frozen=True)
class Start:
    """Start a worker of this pool under this name."""

    worker: str
    pool: Pool


@dataclass(frozen=True)
class Stop:
    """End this idle worker."""

    worker: str


@dataclass(frozen=True)
class Run:
    """Give the task to this worker, or, when it is None, to its own process."""

    task: Task
    worker: str | None
    extra: bool = False
    """Its process comes in addition to those that the machines have places for, while others stand still."""


@dataclass(frozen=True)
class End:
    """End the task's process: it hangs, or takes longer than the job allows; its failure is noted already."""

    task_id: str
    worker: str | None


@dataclass(frozen=True)
class GiveUp:
    """No worker of this pool finds a place: stop the run and say what is missing.

    Size 0 of the pool says that no machine could hold one, else others hold what exists.
    """

    pool: Pool
    waited_s: float


Instruction = Start | Stop | Run | End | GiveUp
