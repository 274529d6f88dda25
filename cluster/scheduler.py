"""Given what just happened, what is to be done next? Events in, instructions out; imports no Ray.

PLACING ─ Placed → WARMING ─ Ready → IDLE ⇄ BUSY        Gone ends any of them
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count

from cluster.resources import Layout, Pool
from pipelines.errors import WorkerLost
from pipelines.run_state import RunState
from pipelines.tasks import Failure, Receipt, Stage, Task

# A worker that dies while it starts may have had bad luck with its node; three in a row say that none will start.
START_ATTEMPTS = 3


@dataclass(frozen=True)
class Placed:
    """A worker's process runs; it loads what it needs now."""

    worker: str


@dataclass(frozen=True)
class Ready:
    """A worker is warm."""

    worker: str


@dataclass(frozen=True)
class Gone:
    """A worker died, with whatever it had in hand."""

    worker: str
    reason: str


@dataclass(frozen=True)
class Answered:
    """A task came back."""

    answer: Receipt | Failure


Event = Placed | Ready | Gone | Answered


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
    """Give the task to this worker, or, when it is None, to a process of its own."""

    task: Task
    worker: str | None


@dataclass(frozen=True)
class GiveUp:
    """No worker of this pool finds a place: stop the run and say what is missing."""

    pool: Pool
    waited_s: float


Instruction = Start | Stop | Run | GiveUp


class _Phase(Enum):
    PLACING = auto()
    WARMING = auto()
    IDLE = auto()
    BUSY = auto()


@dataclass
class _Worker:
    name: str
    pool: Pool
    started_at_s: float
    phase: _Phase = _Phase.PLACING
    task: Task | None = None
    item: str = ""
    """Of its last task."""
    last: dict[Stage, Task] = field(default_factory=dict)
    """What it did last of each stage."""

    @property
    def free(self) -> bool:
        return self.phase is _Phase.IDLE


class Scheduler:
    """Which task goes to which worker, and when a worker is started, replaced or stopped.

    A worker has one task at a time: handing over the next one takes a millisecond against seconds of work, and a
    task that waited in the queue of a worker that dies would be blamed for it.
    """

    def __init__(self, state: RunState, layout: Layout, *, patience_s: float) -> None:
        """`patience_s`: how long a pool may be without a placed worker while one is wanted."""
        self._state = state
        self._layout = layout
        self._patience_s = patience_s
        self._workers: dict[str, _Worker] = {}
        self._own_process: set[str] = set()  # ids of tasks that run in a process of their own
        self._failed_starts: Counter[str] = Counter()
        self._numbers = count(1)

    def handle(self, event: Event) -> None:
        """Take note of what happened. Events of a worker or task that is gone already change nothing."""
        match event:
            case Answered(answer):
                self._answered(answer)
            case Gone(name, reason) if name in self._workers:
                self._gone(self._workers.pop(name), reason)
            case Placed(name) if name in self._workers:
                self._workers[name].phase = _Phase.WARMING
            case Ready(name) if name in self._workers:
                self._workers[name].phase = _Phase.IDLE
                self._failed_starts[self._workers[name].pool.name] = 0

    def decide(self, now_s: float) -> list[Instruction]:
        """Return what is to be done now; `now_s` is any steady clock."""
        return [*self._assign(), *self._start_workers(now_s), *self._stop_workers(), *self._give_up(now_s)]

    def _answered(self, answer: Receipt | Failure) -> None:
        self._own_process.discard(answer.task_id)
        for worker in self._workers.values():
            if worker.task and worker.task.id == answer.task_id:
                worker.phase, worker.task = _Phase.IDLE, None
        self._state.handle(answer)

    def _gone(self, worker: _Worker, reason: str) -> None:
        if worker.task:
            self._state.handle(Failure(worker.task.id, WorkerLost.__name__, reason, transient=True))
        elif worker.phase in (_Phase.PLACING, _Phase.WARMING):
            self._failed_starts[worker.pool.name] += 1
            if self._failed_starts[worker.pool.name] >= START_ATTEMPTS:
                self._state.halt(
                    f"{START_ATTEMPTS} {worker.pool.name} workers in a row could not start, the last: {reason}",
                    kind=WorkerLost.__name__,
                )

    def _assign(self) -> Iterator[Run]:
        yield from self._in_own_process(Stage.STITCH)
        # Who knows an item goes on with it. The others begin one that nobody has, and only then share one: a worker
        # keeps what the next chunk of its item needs, but none rests while there is work.
        for worker, stage in self._free():
            if worker.item:
                yield from self._to(worker, stage, item=worker.item)
        for worker, stage in self._free():
            yield from self._to(worker, stage, besides=self._held_by_others(worker))
        for worker, stage in self._free():
            yield from self._to(worker, stage)
        yield from self._in_own_process(Stage.PROBE)

    def _free(self) -> Iterator[tuple[_Worker, Stage]]:
        """Workers and what to ask for them; a worker that gets a task meanwhile is passed over."""
        for stage in (Stage.INPAINT, Stage.FLOW):
            yield from ((w, stage) for w in self._workers.values() if w.free and stage in w.pool.stages)

    def _held_by_others(self, worker: _Worker) -> set[str]:
        return {other.item for other in self._of(worker.pool) if other is not worker}

    def _in_own_process(self, stage: Stage) -> Iterator[Run]:
        while self._room > 0 and len(self._own_process) < self._layout.task_slots:
            task = self._state.take((stage,))
            if task is None:
                return
            self._own_process.add(task.id)
            yield Run(task, None)

    def _to(
        self, worker: _Worker, stage: Stage, *, item: str | None = None, besides: Collection[str] = ()
    ) -> Iterator[Run]:
        if self._room <= 0 and not worker.pool.gpus:
            return
        task = self._state.take((stage,), item=item, besides=besides, after=worker.last.get(stage))
        if task is not None:
            worker.phase, worker.task, worker.item = _Phase.BUSY, task, task.item.id
            worker.last[stage] = task
            yield Run(task, worker.name)

    @property
    def _room(self) -> int:
        """How many tasks that compute on CPUs may be begun."""
        busy = sum(worker.phase is _Phase.BUSY and not worker.pool.gpus for worker in self._workers.values())
        return self._layout.busy_limit - busy - len(self._own_process)

    def _start_workers(self, now_s: float) -> Iterator[Start]:
        """Workers are started when there is work for them, so that a run that has nothing to do loads nothing."""
        for pool in self._layout.pools:
            mine = self._of(pool)
            unbound = sum(worker.phase is not _Phase.BUSY for worker in mine)
            wanted = sum(self._state.ready(stage) for stage in pool.stages) - unbound
            for _ in range(min(wanted, pool.size - len(mine))):
                worker = _Worker(f"{pool.name}-{next(self._numbers)}", pool, now_s)
                self._workers[worker.name] = worker
                yield Start(worker.name, pool)

    def _stop_workers(self) -> Iterator[Stop]:
        for pool in self._layout.pools:
            if any(self._state.may_come(stage) for stage in pool.stages):
                continue
            for worker in self._of(pool):
                if worker.phase is not _Phase.BUSY:
                    del self._workers[worker.name]
                    yield Stop(worker.name)

    def _give_up(self, now_s: float) -> Iterator[GiveUp]:
        for pool in self._layout.pools:
            mine = self._of(pool)
            if mine and all(worker.phase is _Phase.PLACING for worker in mine):
                waited_s = now_s - min(worker.started_at_s for worker in mine)
                if waited_s > self._patience_s:
                    yield GiveUp(pool, waited_s)

    def _of(self, pool: Pool) -> list[_Worker]:
        return [worker for worker in self._workers.values() if worker.pool is pool]
