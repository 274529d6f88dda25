"""Life of one item from pending to its end: its tasks, its attempts, its row of the ledger."""

import shlex
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from reelmend.pipelines.errors import PROCESS_LOST, FailureKind
from reelmend.pipelines.run.gpu_recovery import DEFAULT_STEPS, GpuRecovery
from reelmend.pipelines.run.task_order import choose
from reelmend.pipelines.storage.flow_cache.usage import total
from reelmend.pipelines.storage.ledger import ItemFacts, ItemRow, ItemState
from reelmend.pipelines.tasks import (
    Chunk,
    Failure,
    FlowReceipt,
    FlowTask,
    InpaintReceipt,
    InpaintTask,
    Item,
    ItemPlan,
    ItemReceipt,
    ProbeReceipt,
    ProbeTask,
    Receipt,
    Stage,
    StitchReceipt,
    StitchTask,
    Task,
)

# Every move an item may make. Ended states have none: an item ends once.
MOVES: dict[ItemState, frozenset[ItemState]] = {
    ItemState.PENDING: frozenset({ItemState.PROBING}),
    ItemState.PROBING: frozenset(
        {ItemState.RUNNING, ItemState.RESTORED, ItemState.UNTOUCHED, ItemState.QUARANTINED, ItemState.FAILED}
    ),
    ItemState.RUNNING: frozenset({ItemState.STITCHING, ItemState.QUARANTINED, ItemState.FAILED}),
    ItemState.STITCHING: frozenset({ItemState.RESTORED, ItemState.QUARANTINED, ItemState.FAILED}),
    ItemState.RESTORED: frozenset(),
    ItemState.UNTOUCHED: frozenset(),
    ItemState.QUARANTINED: frozenset(),
    ItemState.FAILED: frozenset(),
}

# The states in which an item may still bring a task of this stage (an attempt that failed comes again). Flow ends
# earlier than its state: when no segment is missing.
_BEFORE: dict[Stage, frozenset[ItemState]] = {
    Stage.PROBE: frozenset({ItemState.PROBING}),
    Stage.FLOW: frozenset({ItemState.PROBING}),
    Stage.INPAINT: frozenset({ItemState.PROBING, ItemState.RUNNING}),
    Stage.STITCH: frozenset({ItemState.PROBING, ItemState.RUNNING, ItemState.STITCHING}),
}

_STORY_EVENTS = 20
"""Last events of an item that an error of ours quotes: a page of them, and millions of items keep no more."""


def add_work(work: dict[str, dict[str, float]], stage: Stage, receipt: Receipt) -> None:
    """Add what a task computed to the work of its stage, in a new map: the ledger compares it with the one before."""
    before = work.get(stage, {})
    more = {
        "frames": receipt.frames,
        "seconds": receipt.seconds,
        "cpu_seconds": receipt.cpu_seconds,
        "bytes": receipt.bytes_written,
    }
    work[stage] = {name: before.get(name, 0) + value for name, value in more.items()}


class IllegalMoveError(RuntimeError):
    """The state machine was asked for something that cannot happen: a mistake of ours. Carries the item's story."""


def new_row(item: Item) -> ItemRow:
    """Return the row of an item that nothing has been done for."""
    row = ItemRow(id=item.id, video=str(item.video), mask=item.mask_name, output=str(item.output))
    row.facts = ItemFacts(overrides=shlex.join(item.overrides) or None, fps=item.fps).to_map()
    return row


class ItemWork:
    """One started item of a run: where it stands and which of its tasks are ready."""

    def __init__(self, item: Item, row: ItemRow, attempts: int, recovery: Sequence[int] = DEFAULT_STEPS) -> None:
        """Start pending, as `row` says. `attempts`: times the item is tried when the machine is at fault.

        What is in hand when a task fails belongs to the same attempt, however many of these tasks fail, too. A machine
        that goes away uses up none of the item's, but one of the task's: it may be the task that takes machines down.
        An error of CUDA uses up none: the steps that follow it, `recovery`, have an end (see `GpuRecovery`).
        """
        self.item = item
        self.row = row
        self.ready: dict[Stage, deque[Task]] = {stage: deque() for stage in Stage}
        self._in_hand: dict[Stage, set[int]] = {stage: set() for stage in Stage}
        self._attempts = attempts
        self._plan: ItemPlan | None = None
        self._segments_missing: set[int] = set()
        self._chunks_waiting: list[Chunk] = []
        self._chunks_missing: set[int] = set()
        self._attempts_failed = 0
        self._workers_lost = 0  # in attempts that failed
        self._attempt_of: dict[str, int] = {}  # by id, of tasks in hand
        self._machines_lost: Counter[str] = Counter()  # by id of the task
        self._recovery = GpuRecovery(recovery)
        self._events: deque[str] = deque(maxlen=_STORY_EVENTS)

    @property
    def story(self) -> str:
        """The item's last events, one per line, oldest first."""
        return f"story of item {self.item.id} ({self.row.state}):\n" + "\n".join(f"  {event}" for event in self._events)

    @property
    def flow_bytes(self) -> int | None:
        """Bytes of flow that its chunks still need, estimated; None before the probe has said what there is."""
        if self._plan is None:
            return None
        return self._plan.flow_bytes * len(self._chunks_missing) // len(self._plan.chunks)

    @property
    def _known_plan(self) -> ItemPlan:
        if self._plan is None:
            raise IllegalMoveError(f"item {self.item.id} has no plan yet\n{self.story}")
        return self._plan

    def may_come(self, stage: Stage) -> bool:
        """Whether this started item can still bring a task of this stage."""
        return self.row.state in _BEFORE[stage] or (stage is Stage.FLOW and bool(self._segments_missing))

    def start(self, now: float) -> None:
        """Leave pending: the probe is ready."""
        self._move(ItemState.PROBING)
        self.row.started_at = now
        self.row.tasks_planned = 1
        self._offer(ProbeTask(self.item))

    def take(self, stage: Stage, after: Task | None = None) -> Task:
        """Take a ready task of this stage; there must be one. `after`: what the worker did last of this stage."""
        ready = self.ready[stage]
        known = after.index if after and (after.stage, after.item.id) == (stage, self.item.id) else None
        position = choose([task.index for task in ready], self._in_hand[stage], known)
        # One that CUDA failed on comes first: how it can be computed may save the others the same errors.
        position = next((place for place, task in enumerate(ready) if task.recovery), position)
        task = self._recovery.as_held(ready[position])
        del ready[position]
        self._in_hand[stage].add(task.index)
        self.row.attempts = self._attempt_of[task.id] = self._attempts_failed + 1
        self._events.append(f"{task.id} taken, attempt {self.row.attempts}")
        return task

    def done(self, task: Task, receipt: Receipt) -> None:
        """A task succeeded: count it and make ready what it allows."""
        self._events.append(f"{task.id} done" + (", reused" if receipt.reused else ""))
        self._in_hand[task.stage].discard(task.index)
        self._count(task, receipt)
        if not receipt.reused:
            self._recovery.done(task)
        match task, receipt:
            case ProbeTask(), ProbeReceipt():
                self._probed(receipt)
            case FlowTask(), FlowReceipt():
                self._segments_missing.discard(task.index)
                self._offer_chunks(self._known_plan)
            case InpaintTask(), InpaintReceipt():
                self._chunks_missing.discard(task.index)
                if not self._chunks_missing:
                    self._move(ItemState.STITCHING)
                    self._offer(StitchTask(self.item, self._known_plan, recovery=self._recovery.furthest))
            case StitchTask(), StitchReceipt():
                self._end(ItemState.RESTORED, receipt)
            case _:
                raise IllegalMoveError(f"receipt of {task.id} is of another stage\n{self.story}")

    def put_back(self, task: Task, reason: str) -> None:
        """A task could not be done, and not for its own fault: it is ready again, and has used up nothing."""
        self._in_hand[task.stage].discard(task.index)
        self._events.append(f"{task.id} put back: {reason}")
        self._offer(task)

    def failed(self, task: Task, failure: Failure) -> None:
        """A task failed: it is ready again, or the item ends."""
        attempt = self._attempt_of[task.id]
        self._in_hand[task.stage].discard(task.index)
        self._events.append(f"{task.id} failed, attempt {attempt}: {failure.kind}: {failure.reason}")
        self._spend(task.stage, failure.seconds)
        if failure.kind == FailureKind.CONTEXT_LOST:
            self._recover(task, failure)
            return
        if not failure.transient:
            self.give_up(ItemState.QUARANTINED, kind=failure.kind, reason=failure.reason, stage=task.stage)
            return
        if failure.kind == FailureKind.MACHINE_LOST:
            self._machines_lost[task.id] += 1
        elif attempt > self._attempts_failed:
            self._attempts_failed = attempt
            self._workers_lost += failure.kind in PROCESS_LOST
        if self._attempts > max(self._attempts_failed, self._machines_lost[task.id]):
            self._offer(task)  # behind the item's other tasks: what ails the machine may pass meanwhile
        else:
            self.give_up(ItemState.FAILED, kind=failure.kind, reason=self._last_reason(task, failure), stage=task.stage)

    def _recover(self, task: Task, failure: Failure) -> None:
        """CUDA failed: the task is ready again at its next step, or the item ends."""
        again = self._recovery.after_error(task)
        self.row.facts = self.row.facts | ItemFacts(cuda_errors=self._recovery.errors).to_map()
        if again is not None:
            self._offer(again)
            return
        reason = self._recovery.in_words(failure.reason)
        self.give_up(ItemState.QUARANTINED, kind=failure.kind, reason=reason, stage=task.stage)

    def give_up(self, state: ItemState, *, kind: str, reason: str, stage: str = "") -> None:
        """End as quarantined or failed; what was ready is dropped."""
        row = self.row
        row.kind, row.reason, row.stage = kind, reason, stage or _stage_of(row.state)
        self._move(state)
        for waiting in self.ready.values():
            waiting.clear()

    def _last_reason(self, task: Task, failure: Failure) -> str:
        if failure.kind == FailureKind.MACHINE_LOST:
            lost = _times(self._machines_lost[task.id])
            return f"the machine went away {lost} on this task ({task.id}), the last time: {failure.reason}"
        if self._workers_lost == self._attempts_failed:
            lost = _times(self._workers_lost)
            return f"the worker died {lost} on this item, the last time on {task.id}: {failure.reason}"
        return f"{failure.reason} (tried {_times(self._attempts_failed)})"

    def _probed(self, receipt: ProbeReceipt) -> None:
        if receipt.final:
            self.row.frames = receipt.frames
            self.row.width, self.row.height = ItemFacts.from_map(receipt.facts).size
            self.row.reused = receipt.reused
            self._end(ItemState(receipt.final), receipt)
            return
        plan = receipt.plan
        if plan is None or not plan.chunks:
            raise IllegalMoveError(f"the probe brought neither an end nor a plan with chunks\n{self.story}")
        self._plan = plan
        row = self.row
        row.frames, row.width, row.height = plan.frames, plan.width, plan.height
        row.chunks_planned = len(plan.chunks)
        measured = [segment for segment in plan.segments if not segment.on_demand]
        row.tasks_planned = 2 + len(measured) + len(plan.chunks)  # the probe and the stitch
        self._move(ItemState.RUNNING)
        self._segments_missing = {segment.index for segment in measured}
        self._chunks_missing = {chunk.index for chunk in plan.chunks}
        self._chunks_waiting = list(plan.chunks)
        nothing_else = replace(plan, segments=(), chunks=())
        for segment in measured:
            self._offer(FlowTask(self.item, nothing_else, segment))
        self._offer_chunks(plan)

    def _offer_chunks(self, plan: ItemPlan) -> None:
        waiting, without_chunks = [], replace(plan, chunks=())
        coming = {one.index: after.blocks[0] for one, after in pairwise(plan.chunks) if after.blocks}
        for chunk in self._chunks_waiting:
            if self._segments_missing.isdisjoint(chunk.segments):
                self._offer(InpaintTask(self.item, without_chunks, chunk, coming.get(chunk.index)))
            else:
                waiting.append(chunk)
        self._chunks_waiting = waiting

    def _offer(self, task: Task) -> None:
        self.ready[task.stage].append(task)

    def _end(self, state: ItemState, receipt: ItemReceipt) -> None:
        self._move(state)
        self.row.reason = receipt.note

    def _move(self, to: ItemState) -> None:
        if to not in MOVES[self.row.state]:
            raise IllegalMoveError(f"item {self.item.id} cannot go from {self.row.state} to {to}\n{self.story}")
        self._events.append(f"{self.row.state} -> {to}")
        self.row.state = to

    def _count(self, task: Task, receipt: Receipt) -> None:
        row = self.row
        row.tasks_reused += receipt.reused
        row.tasks_computed += not receipt.reused
        if isinstance(task, InpaintTask):
            row.chunks_reused += receipt.reused
            row.chunks_computed += not receipt.reused
            row.frames_done += task.chunk.frames
        row.flow = total([row.flow, receipt.flow.to_dict()])
        row.bytes_written += receipt.bytes_written
        if not receipt.reused:
            add_work(row.work, task.stage, receipt)
        row.peak_rss_mb = max(row.peak_rss_mb, receipt.peak_rss_mb)
        row.peak_device_mb = max(row.peak_device_mb, receipt.peak_device_mb)
        if isinstance(receipt, ItemReceipt):
            row.facts.update(receipt.facts)
        row.model_seconds += receipt.model_seconds
        self._spend(task.stage, receipt.seconds)

    def _spend(self, stage: Stage, seconds: float) -> None:
        self.row.seconds[stage] = self.row.seconds.get(stage, 0.0) + seconds


def _stage_of(state: ItemState) -> str:
    """Where an item stood that was ended from outside, not by its own task."""
    return {ItemState.PROBING: Stage.PROBE, ItemState.RUNNING: Stage.INPAINT, ItemState.STITCHING: Stage.STITCH}[state]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
