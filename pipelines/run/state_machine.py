"""State of a run: which task is next, what an answer means, and when the run is over.

The run's state machine: it knows no Ray, thread, file or network. An executor takes tasks and hands answers back;
every decision about an item is made here, so that it is the same in one process and on forty machines.

    PENDING → PROBING → RUNNING → STITCHING → RESTORED
                 │         │          └→ FAILED, QUARANTINED
                 │         └→ FAILED, QUARANTINED
                 └→ UNTOUCHED, RESTORED (by an earlier run), FAILED, QUARANTINED
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from reelmend.pipelines.errors import ACCUSES_NOBODY, FailureKind
from reelmend.pipelines.observe.observer import NOBODY, Observers, RunObserver
from reelmend.pipelines.observe.run_metrics import RunMetrics
from reelmend.pipelines.observe.task_progress import Signs
from reelmend.pipelines.observe.utilization import UtilizationMeter
from reelmend.pipelines.run.gpu_recovery import DEFAULT_STEPS
from reelmend.pipelines.run.item_lifecycle import ItemWork, new_row
from reelmend.pipelines.run.outage import Outage
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.tasks import Failure, Item, ProbeReceipt, Receipt, Stage, Task
from reelmend.pipelines.utils.redaction import redact
from reelmend.pipelines.utils.units import readable_seconds

# Ten items failing in a row at one stage is not ten pieces of bad luck: it is a full disk, a lost mount, a driver that
# is gone. Fewer, and one node that dies with eight workers would stop a run that others could finish. Items, not tasks:
# one video that kills its workers has many, and ends by itself when its attempts are used up. What an item's own data
# may have caused does not count (`pipelines/stages/blame.py`): ten odd files may come in a row.
BREAKER_FAILURES = 10

# One being restored, one being stitched, two probed and waiting: enough that no worker waits for the next item.
ITEMS_PER_WORKER = 4

_URGENCY = (Stage.STITCH, Stage.INPAINT, Stage.FLOW, Stage.PROBE)


class RunState:
    """The items of one run, from pending to their end. Not thread-safe: one executor drives it from one thread."""

    def __init__(
        self,
        items: Iterable[Item],
        *,
        attempts: int,
        active_items: int,
        observer: RunObserver = NOBODY,
        active_bytes: int = 0,
        now: Callable[[], float] = time.time,
        outage: Outage | None = None,
        recovery: Sequence[int] = DEFAULT_STEPS,
    ) -> None:
        """Start with every item pending.

        `attempts`: tries of an item when the machine is at fault, >= 1. `active_items`: items in progress at once;
        0 leaves it to the executor (see `expect_workers`). `observer` is notified of what happens. `active_bytes`:
        estimated bytes of flow that the items in progress may still need, 0 for any; one item is always in progress,
        however large. `now` gives seconds since the epoch. `outage` knows whether stores answer; while they do not,
        nothing is assigned. Without it, a store that is away is a failure like any other. `recovery`: steps that a task
        goes through after an error of CUDA (`GpuRecovery`).
        """
        self._pending = deque(items)
        self.rows: dict[str, ItemRow] = {item.id: new_row(item) for item in self._pending}
        """The ledger's rows by item id, in the order of the items."""
        if len(self.rows) != len(self._pending):
            raise ValueError("item ids are not unique")
        self._attempts, self._recovery = attempts, recovery
        self._active: dict[str, ItemWork] = {}  # in the order in which they were started
        self._active_bytes = active_bytes
        self._usual_bytes = 0  # of the item that was probed last: what the next one is taken for
        self._active_items = active_items or ITEMS_PER_WORKER
        self._active_items_open = active_items == 0
        self._now = now
        self._breaker = BREAKER_FAILURES
        self._failed_in_a_row: dict[Stage, set[str]] = {stage: set() for stage in Stage}  # items
        self.in_work: dict[str, Task] = {}
        """Tasks taken and not answered, by id."""
        self.halted = ""
        """Why the run was stopped before its end; empty when it was not."""
        self.most_workers = 0
        """Warm workers at one time, at the most."""
        self.workers = 0
        self.workers_apart = False
        self.metrics = RunMetrics(self)
        self.load_meter = UtilizationMeter(self)
        self.signs = Signs()
        """How far the tasks in progress are."""
        # Who is outside may change a task as it is handed out: what follows its progress has to know that one.
        self._observer = Observers(self.load_meter, self.metrics, observer, self.signs)
        self._outage = outage
        self.halted_kind = ""
        """Kind of the failure that the run was stopped for; empty when it was not."""

    @property
    def over(self) -> bool:
        """Every item has ended, or the run was halted; nothing will be handed out any more."""
        return bool(self.halted) or not (self._pending or self._active)

    @property
    def open_items(self) -> int:
        """Items that have not ended."""
        return len(self._pending) + len(self._active)

    def expect_workers(self, count: int, *, apart: bool = False) -> None:
        """Let the breaker follow the number of workers, and the items in progress too, unless the job says how many.

        `apart`: they compute on GPUs, so that probes and stitches take nothing from them.
        """
        self.workers, self.workers_apart = count, apart
        self._breaker = max(BREAKER_FAILURES, 2 * count)  # a machine that dies takes all its workers' tasks with it
        if self._active_items_open:
            self._active_items = ITEMS_PER_WORKER * max(count, 1)

    def count_workers(self, warm: int) -> None:
        """Take note of how many workers are warm."""
        self.most_workers = max(self.most_workers, warm)

    def settle(self, finished: Mapping[str, ProbeReceipt]) -> None:
        """End pending items, by id, with the receipt of a probe that found their output finished."""
        pending, self._pending = self._pending, deque()
        for item in pending:
            if item.id not in finished:
                self._pending.append(item)
                continue
            work = self._begin(item)
            work.done(work.take(Stage.PROBE), finished[item.id])
            self._conclude(work, finished[item.id])

    @property
    def waits_for_store(self) -> bool:
        """Whether nothing is assigned now because a store does not answer; asks it every now and then."""
        if self._outage is None or not self._outage.lasts or self.over:
            return False
        self._outage.look()
        if self._outage.exhausted:
            waited = readable_seconds(self._outage.seconds)
            self.halt(f"the store did not answer for {waited}: {self._outage.reason}", kind=FailureKind.STORE_AWAY)
        return self._outage.lasts

    def ready(self, stage: Stage) -> int:
        """Tasks of this stage that `take` would hand out one after the other if nothing else happened."""
        if self.halted:
            return 0
        waiting = sum(len(work.ready[stage]) for work in [*self._active.values()])  # other threads ask too
        if stage is Stage.PROBE:
            waiting += self._admitted
        return waiting

    @property
    def _admitted(self) -> int:
        """How many pending items may be started now."""
        places = min(len(self._pending), max(0, self._active_items - len(self._active)))
        if not (places and self._active and self._active_bytes):
            return places
        needed = [work.flow_bytes for work in [*self._active.values()]]
        free = self._active_bytes - sum(self._usual_bytes if known is None else known for known in needed)
        if free <= 0:
            return 0
        return min(places, -(-free // self._usual_bytes)) if self._usual_bytes else places

    def may_come(self, stage: Stage) -> bool:
        """Whether a task of this stage can still become ready, now or later; False means never again."""
        if self.over:
            return False
        return bool(self._pending) or any(work.may_come(stage) for work in self._active.values())

    def take(
        self,
        stages: Collection[Stage] = _URGENCY,
        *,
        item: str | None = None,
        besides: Collection[str] = (),
        after: Task | None = None,
    ) -> Task | None:
        """Hand out the most urgent ready task of these stages, or None.

        Stitch comes before inpaint, flow and probe, and within a stage the item started first, so that videos are
        finished one by one and not all at the end. With `item`: of this item only; with `besides`: of none of these
        items. `after`: what the asking worker did last of the stage; it gets the next one of that item if it may.
        """
        if self.halted or self.waits_for_store:
            return None
        works = self._active.values() if item is None else [self._active[item]] if item in self._active else []
        for stage in _URGENCY:
            if stage not in stages:
                continue
            for work in works:
                if work.ready[stage] and work.item.id not in besides:
                    return self._hand_out(work, stage, after)
            if stage is Stage.PROBE and item is None and self._admitted:
                return self._start(self._pending.popleft())
        return None

    def handle(self, answer: Receipt | Failure) -> None:
        """Take note of what became of a task. An answer nobody waits for (late, twice, halted) changes nothing."""
        self._observer.before_change()
        task = self.in_work.pop(answer.task_id, None)
        self._observer.left(answer.task_id)
        work = self._active.get(task.item.id) if task else None
        if task is None or work is None or self.halted:
            return
        if isinstance(answer, Failure) and self._shows_outage(task, answer):
            work.put_back(task, answer.reason)
            self._note(task, answer, work)
            self._observer.change(work.row, answer)
            return
        if isinstance(answer, Receipt):
            self._failed_in_a_row[task.stage].clear()
            work.done(task, answer)
            if isinstance(answer, ProbeReceipt) and answer.plan:
                self._usual_bytes = answer.plan.flow_bytes
        else:
            work.failed(task, answer)
        self._note(task, answer, work)
        self._conclude(work, answer)
        if isinstance(answer, Failure) and _accuses_machine(answer):
            in_a_row = self._failed_in_a_row[task.stage]
            in_a_row.add(task.item.id)
            if len(in_a_row) >= self._breaker:
                what = f"{len(in_a_row)} items in a row failed at {task.stage}"
                self.halt(f"{what}, the last: {answer.reason}", kind=answer.kind)

    def put_back(self, failure: Failure) -> None:
        """A task was lost, and not by a fault of its item or its own: it is ready again and no attempt is used up."""
        task = self.in_work.pop(failure.task_id, None)
        self._observer.left(failure.task_id)
        work = self._active.get(task.item.id) if task else None
        if task is None or work is None or self.halted:
            return
        work.put_back(task, failure.reason)
        self._note(task, failure, work)
        self._observer.change(work.row, failure)

    def _shows_outage(self, task: Task, failure: Failure) -> bool:
        away = failure.kind == FailureKind.STORE_AWAY
        return away and self._outage is not None and self._outage.suspect(failure.reason, task.item)

    def halt(self, reason: str, *, kind: str = FailureKind.SETUP) -> None:
        """Stop the run: items in progress fail with this reason, others stay pending. Halting twice is once."""
        if self.over:
            return
        self.halted, self.halted_kind = reason, kind = redact(reason), kind
        for task_id in self.in_work:
            self._observer.left(task_id)
        self.in_work.clear()
        for work in list(self._active.values()):
            work.give_up(ItemState.FAILED, kind=kind, reason=f"the run was stopped: {reason}")
            self._conclude(work, None)

    def _start(self, item: Item) -> Task:
        work = self._begin(item)
        task = self._hand_out(work, Stage.PROBE)
        self._observer.change(work.row, None)
        return task

    def _begin(self, item: Item) -> ItemWork:
        work = self._active[item.id] = ItemWork(item, self.rows[item.id], self._attempts, self._recovery)
        work.start(self._now())
        return work

    def _hand_out(self, work: ItemWork, stage: Stage, after: Task | None = None) -> Task:
        self._observer.before_change()
        task = work.take(stage, after)
        if task.id in self.in_work:
            raise RuntimeError(f"task {task.id} was handed out twice\n{work.story}")
        task = self._observer.handed_out(task)
        self.in_work[task.id] = task
        return task

    def _note(self, task: Task, answer: Receipt | Failure, work: ItemWork) -> None:
        again = isinstance(answer, Failure) and not work.row.state.ended
        self._observer.answered(task, answer, again=again)

    def _conclude(self, work: ItemWork, answer: Receipt | Failure | None) -> None:
        if work.row.state.ended:
            work.row.ended_at = self._now()
            del self._active[work.item.id]
        self._observer.change(work.row, answer)


def _accuses_machine(failure: Failure) -> bool:
    """Whether many of these in a row say that the run cannot succeed."""
    return failure.transient and not failure.by_item and failure.kind not in ACCUSES_NOBODY
