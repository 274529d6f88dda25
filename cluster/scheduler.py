"""Scheduler: events in, instructions out; imports no Ray.

PLACING ─ Placed → WARMING ─ Ready → IDLE ⇄ BUSY        Gone ends any of them, Stop all but BUSY
                                              └→ SPENT   Stop ends it: CUDA has failed in it
"""

import logging
import math
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count

from reelmend.cluster.resources import Layout, Pool
from reelmend.cluster.scheduler_messages import (
    Answered,
    End,
    Event,
    GiveUp,
    Gone,
    Instruction,
    Placed,
    Ready,
    Run,
    Start,
    Stop,
)
from reelmend.core_model.device.memory_ladder import FEWER_PROCESSES
from reelmend.pipelines.errors import FailureKind, kind_of_death
from reelmend.pipelines.observe.task_progress import OVERSTAY_S, Beat
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.tasks import Failure, Receipt, Stage, Task

log = logging.getLogger("reelmend")

# A worker that cannot load what it needs says why; three in a row say that none will start. One that vanishes while it
# starts may have had bad luck with its machine, and so may all that started there with it.
START_ATTEMPTS = 3

# A worker that waits for a place so long is kept from it by others, not by the time a process takes to start.
_IN_THE_WAY_S = 10.0


@dataclass(frozen=True)
class Patience:
    """How long a pool may want a worker and have none with a place, in seconds."""

    unplaceable_s: float = 45.0
    """While no machine could hold one."""
    crowded_s: float = 600.0
    """While others hold the places."""
    idle_s: float = 60.0
    """How long a worker above its pool's least may be idle."""
    probe_s: float = math.inf
    """How long a probe may take, the time until its process runs included."""
    task_s: float = math.inf
    """The same for any other task."""
    still_s: float = math.inf
    """How long a task may neither compute nor give a sign of work; see `reelmend.pipelines.observe.task_progress.Signs.hanging`."""


class _Phase(Enum):
    PLACING = auto()
    WARMING = auto()
    IDLE = auto()
    BUSY = auto()
    SPENT = auto()  # CUDA has failed in it: it cannot compute any more, and is to end


@dataclass
class _Worker:
    name: str
    pool: Pool
    since_s: float
    """When it was started, or, while it is idle, when that was first seen."""
    phase: _Phase = _Phase.PLACING
    seen_idle: bool = False
    task: Task | None = None
    item: str = ""
    """Of its last task."""
    last: dict[Stage, Task] = field(default_factory=dict)
    """What it did last of each stage."""

    @property
    def free(self) -> bool:
        return self.phase is _Phase.IDLE

    @property
    def warm(self) -> bool:
        return self.phase in (_Phase.IDLE, _Phase.BUSY)


class Scheduler:
    """Which task goes to which worker, and when a worker is started, replaced or stopped.

    A worker has one task at a time: handing over the next one takes a millisecond against seconds of work, and a
    task that waited in the queue of a worker that dies would be blamed for it.
    """

    def __init__(self, state: RunState, layout: Layout, patience: Patience) -> None:
        self._state = state
        self._layout = layout
        self._patience = patience
        self.draining = False
        """Nothing is started any more."""
        self._wanting_since_s: dict[str, float] = {}  # by pool
        self._workers: dict[str, _Worker] = {}
        self._own_process: set[str] = set()  # ids of tasks that run in separate processes
        self._begun_s: dict[str, float] = {}  # by id of the task in progress
        self._failed_starts: Counter[str] = Counter()
        self._seats: dict[str, int] = {}  # by pool: how many share a GPU, once one of them has measured its memory
        self._numbers = count(1)
        self._allowed: dict[str, int] = {}  # workers by pool, since memory ran out with more
        self._at_once = sys.maxsize  # tasks that compute on CPUs, likewise
        self._extra = 0  # tasks in separate processes that may be started beyond the places for them

    def handle(self, event: Event) -> None:
        """Take note of what happened. Events of a worker or task that is gone already change nothing."""
        match event:
            case Answered(answer):
                self._answered(answer)
            case Beat():
                self._state.signs.tell(event)
            case Gone(name) if name in self._workers:
                self._gone(self._workers.pop(name), event)
            case Placed(name) if name in self._workers:
                if self._workers[name].phase is _Phase.PLACING:  # the two answers of a worker may come in any order
                    self._workers[name].phase = _Phase.WARMING
            case Ready(name, fit) if name in self._workers:
                self._workers[name].phase = _Phase.IDLE
                pool = self._workers[name].pool
                self._failed_starts[pool.name] = 0
                self._seats[pool.name] = min(fit or pool.seats, self._seats.get(pool.name, pool.seats))
                self._state.count_workers(sum(worker.warm for worker in self._workers.values()))

    def resize(self, layout: Layout) -> None:
        """Go on with pools of other sizes: machines came or went."""
        self._layout = layout

    def drain(self) -> None:
        """Begin nothing any more: what is in progress may end."""
        self.draining = True

    def decide(self, now_s: float) -> list[Instruction]:
        """Return what is to be done now; `now_s` is any steady clock."""
        self._state.signs.look(now_s)
        ended: list[Instruction] = [*self._end_late(now_s), *self._end_hanging(now_s)]
        if self.draining:
            return ended
        ended += self._stop_spent()
        assigned = list(self._assign(self._overstaying(now_s)))
        self._state.signs.look(now_s)  # which begins to count for these
        self._begun_s |= {run.task.id: now_s for run in assigned}
        return [*ended, *assigned, *self._start_workers(now_s), *self._stop_workers(now_s), *self._give_up(now_s)]

    def _answered(self, answer: Receipt | Failure) -> None:
        if isinstance(answer, Failure) and answer.kind == FailureKind.MEMORY_LOST and self._shrink(None):
            self._own_process.discard(answer.task_id)
            self._state.put_back(answer)
            return
        self._own_process.discard(answer.task_id)
        for worker in self._workers.values():
            if worker.task and worker.task.id == answer.task_id:
                lost = isinstance(answer, Failure) and answer.kind == FailureKind.CONTEXT_LOST
                worker.phase, worker.task = _Phase.SPENT if lost else _Phase.IDLE, None
        self._state.handle(answer)

    def _gone(self, worker: _Worker, event: Gone) -> None:
        if worker.task:
            kind = kind_of_death(with_machine=event.with_machine, out_of_memory=event.out_of_memory)
            failure = Failure(worker.task.id, kind, event.reason, transient=True)
            if event.out_of_memory and self._shrink(worker.pool):
                self._state.put_back(failure)
            else:
                self._state.handle(failure)
        elif event.out_of_memory and self._shrink(worker.pool):
            return
        elif not worker.warm:
            pool = worker.pool
            self._failed_starts[pool.name] += 1
            allowed = START_ATTEMPTS if event.refused else START_ATTEMPTS + 2 * pool.size
            if (failed := self._failed_starts[pool.name]) >= allowed and (left := self._warm_in(pool)):
                self._failed_starts[pool.name], self._allowed[pool.name] = 0, left
                what = f"{failed} {pool.name} workers in a row could not start"
                log.warning("%s: continuing with %d, the last said: %s", what, left, event.reason)
            elif failed >= allowed:
                self._state.halt(
                    f"{failed} {pool.name} workers in a row could not start, the last: {event.reason}",
                    kind=FailureKind.WORKER_LOST,
                )

    def _warm_in(self, pool: Pool) -> int:
        """How many workers of the pool can work: one GPU that is gone must not stop those that are there."""
        return sum(worker.warm for worker in self._of(pool))

    def _shrink(self, pool: Pool | None) -> bool:
        """Continue with one process less, after one ran out of memory. False where it was alone already.

        `pool`: that of the worker that was lost; None: it was a task in its own process.
        """
        if pool is not None and (left := FEWER_PROCESSES.below(len(self._of(pool)) + 1)) is not None:
            self._allowed[pool.name] = min(left, self._allowed.get(pool.name, left))
            log.warning("out of memory: continuing with %d %s workers instead of %d", left, pool.name, left + 1)
            return True
        working = sum(worker.task is not None for worker in self._workers.values())
        at_once = working + len(self._own_process) + (pool is not None)
        fewer = FEWER_PROCESSES.below(at_once)
        if fewer is None:
            return False
        self._at_once = min(self._at_once, fewer)
        log.warning("out of memory: continuing with %d tasks at once instead of %d", self._at_once, at_once)
        return True

    def _size(self, pool: Pool) -> int:
        """How many workers the pool may have: as many as its machines hold, or fewer since memory ran out."""
        return min(pool.size, self._allowed.get(pool.name, pool.size))

    def _end_late(self, now_s: float) -> Iterator[End]:
        """What a decoder does in one call is not interrupted from inside: its process goes, and the item with it."""
        for task_id, task in [*self._state.in_work.items()]:
            allowed_s = self._patience.probe_s if task.stage is Stage.PROBE else self._patience.task_s
            if now_s - self._begun_s.get(task_id, now_s) <= allowed_s:
                continue
            reason = (
                f"{task.item.video}: its {task.stage} did not end within {allowed_s:.0f} s and was killed; see limits"
            )
            yield self._end(task, Failure(task_id, FailureKind.OVER_LIMIT, reason, transient=False))
        self._begun_s = {task_id: begun for task_id, begun in self._begun_s.items() if task_id in self._state.in_work}

    def _end_hanging(self, now_s: float) -> Iterator[End]:
        """A process that hangs says nothing: it goes, and the task is tried again in another one."""
        for one, allowed_s in [*self._state.signs.hanging(now_s, self._patience.still_s)]:
            task, done = one.task, f" after {one.frames:.0f} frames" if one.frames else ""
            reason = (
                f"{task.item.video}: its {task.stage} made no progress{done} for {allowed_s:.0f} s and its "
                "process was ended; see limits.still_s"
            )
            yield self._end(task, Failure(task.id, FailureKind.WORKER_LOST, reason, transient=True))

    def _end(self, task: Task, failure: Failure) -> End:
        name = next((worker.name for worker in self._workers.values() if worker.task is task), None)
        if name is not None:
            del self._workers[name]
        self._own_process.discard(task.id)
        self._state.handle(failure)
        return End(task.id, name)

    def _overstaying(self, now_s: float) -> set[str]:
        """Tasks in separate processes that stand still: as good as gone, until they are."""
        standing = self._state.signs.standing(now_s)
        return {one.task.id for one in standing if one.still_s > OVERSTAY_S} & self._own_process

    def _assign(self, overstaying: set[str]) -> Iterator[Run]:
        self._extra = min(len(overstaying), max(1, self._layout.task_slots))
        yield from self._in_own_process(Stage.STITCH)
        # Who knows an item continues with it. The others begin one that nobody has, and only then share one: a worker
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
        slots = self._layout.task_slots
        while self._room > 0 and len(self._own_process) < slots + self._extra:
            task = self._state.take((stage,))
            if task is None:
                return
            yield Run(task, None, extra=len(self._own_process) >= slots)
            self._own_process.add(task.id)

    def _to(
        self, worker: _Worker, stage: Stage, *, item: str | None = None, besides: Collection[str] = ()
    ) -> Iterator[Run]:
        if self._room <= 0 and not worker.pool.gpus:
            return
        task = self._state.take((stage,), item=item, besides=besides, after=worker.last.get(stage))
        if task is not None:
            worker.phase, worker.task, worker.item, worker.seen_idle = _Phase.BUSY, task, task.item.id, False
            worker.last[stage] = task
            yield Run(task, worker.name)

    @property
    def _room(self) -> int:
        """How many tasks that compute on CPUs may be started."""
        busy = sum(worker.phase is _Phase.BUSY and not worker.pool.gpus for worker in self._workers.values())
        return min(self._layout.busy_limit, self._at_once) - busy - len(self._own_process) + self._extra

    def _start_workers(self, now_s: float) -> Iterator[Start]:
        """Workers are started when there is work for them, so that a run that has nothing to do loads nothing.

        As many as their pool keeps are started before: they warm up while the first videos are probed. Where another
        pool has work and finds no place, what has none waits.
        """
        for pool in self._layout.pools:
            if not self._may_come(pool):
                continue
            mine = self._of(pool)
            unbound = sum(worker.phase is not _Phase.BUSY for worker in mine)
            kept = 0 if self._others_wait(pool, now_s) else pool.least
            wanted = max(self._ready(pool) - unbound, kept - len(mine))
            for _ in range(min(wanted, self._most(pool) - len(mine))):
                worker = _Worker(f"{pool.name}-{next(self._numbers)}", pool, now_s)
                self._workers[worker.name] = worker
                yield Start(worker.name, pool)

    def _stop_workers(self, now_s: float) -> Iterator[Stop]:
        for pool in self._layout.pools:
            mine = self._of(pool)
            kept = len(mine)
            # Those without a place first: they have nothing to lose.
            for worker in sorted(mine, key=lambda worker: worker.phase.value):
                if worker.phase is not _Phase.BUSY and self._superfluous(worker, pool, kept, now_s):
                    kept -= 1
                    del self._workers[worker.name]
                    yield Stop(worker.name)

    def _stop_spent(self) -> list[Instruction]:
        """End workers that can no longer use their GPU, before anything is assigned: others take their places."""
        spent = [name for name, worker in self._workers.items() if worker.phase is _Phase.SPENT]
        for name in spent:
            del self._workers[name]
        return [Stop(name) for name in spent]

    def _superfluous(self, worker: _Worker, pool: Pool, count: int, now_s: float) -> bool:
        """Whether a worker that has no task is to go, being one of `count` of its pool."""
        if not self._may_come(pool):
            return True
        if count > self._size(pool):
            return worker.phase is _Phase.PLACING or (worker.free and pool.size > 0)
        if not worker.free:
            return False
        if not worker.seen_idle:
            worker.seen_idle, worker.since_s = True, now_s
        if self._others_wait(pool, now_s):
            return True
        return count > pool.least and now_s - worker.since_s > self._patience.idle_s

    def _others_wait(self, pool: Pool, now_s: float) -> bool:
        """Whether a worker of another pool has work, and waits for a place that this pool's workers may hold."""
        return pool.gpus > 0 and any(
            other.phase is _Phase.PLACING
            and other.pool.name != pool.name
            and now_s - other.since_s > _IN_THE_WAY_S
            and self._ready(other.pool) > 0
            for other in self._workers.values()
        )

    def _give_up(self, now_s: float) -> Iterator[GiveUp]:
        placed = {worker.pool.name for worker in self._workers.values() if worker.phase is not _Phase.PLACING}
        for pool in self._layout.pools:
            # While another pool of this run works, it may be what is in the way, and will make room.
            if not self._ready(pool) or pool.name in placed or (pool.size > 0 and placed):
                self._wanting_since_s.pop(pool.name, None)
                continue
            waited_s = now_s - self._wanting_since_s.setdefault(pool.name, now_s)
            if waited_s > (self._patience.crowded_s if pool.size else self._patience.unplaceable_s):
                yield GiveUp(pool, waited_s)

    def _most(self, pool: Pool) -> int:
        """Of those that share a GPU one is started first, and tells how many its memory holds."""
        return math.ceil(self._size(pool) * min(pool.seats, self._seats.get(pool.name, 1)) / pool.seats)

    def _ready(self, pool: Pool) -> int:
        return sum(self._state.ready(stage) for stage in pool.stages)

    def _may_come(self, pool: Pool) -> bool:
        return any(self._state.may_come(stage) for stage in pool.stages)

    def _of(self, pool: Pool) -> list[_Worker]:
        return [worker for worker in self._workers.values() if worker.pool.name == pool.name]
