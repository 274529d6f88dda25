"""Workers start, answer, fail and die in any order: is no task done twice at once, none lost, and does the run end?"""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reelmend.cluster.resources import Layout, Pool
from reelmend.cluster.scheduler import Patience, Scheduler
from reelmend.cluster.scheduler_messages import Answered, Event, Gone, Placed, Ready, Run, Start, Stop
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import RECEIPTS, Failure, Stage, Task
from tests.cluster.toy_worker import toy_item, toy_plan

SHARED = Layout((Pool("restore", (Stage.INPAINT, Stage.FLOW), 2, 0.9, 1),), task_slots=1, task_cpus=0.1, busy_limit=2)
APART = Layout(
    (Pool("flow", (Stage.FLOW,), 1, 0.5, 1), Pool("inpaint", (Stage.INPAINT,), 2, 1.0, 1)), 2, 0.1, busy_limit=4
)
GPUS = Layout(
    (Pool("flow", (Stage.FLOW,), 2, 0.1, 1, gpus=0.5), Pool("inpaint", (Stage.INPAINT,), 3, 0.2, 1, gpus=1.0)),
    *(1, 0.1, 1),
)


@settings(deadline=None, max_examples=75)
@given(
    data=st.data(), layout=st.sampled_from([SHARED, APART, GPUS]), names=st.lists(st.sampled_from("abcde"), unique=True)
)
def test_every_run_comes_to_its_end(data: st.DataObject, layout: Layout, names: list[str]) -> None:
    items = [toy_item(name, Path("out")) for name in names]
    state = RunState(items, attempts=3, active_items=2)
    scheduler = Scheduler(state, layout, Patience(1e9, 1e9, 1e9))
    phases: dict[str, Event | None] = {}  # worker -> what it will say next; None: it waits for a task
    running: dict[str, tuple[Task, str | None]] = {}
    while not state.over:
        for step in scheduler.decide(0.0):
            match step:
                case Start(worker, _):
                    phases[worker] = Placed(worker)
                case Stop(worker):
                    del phases[worker]
                    assert worker not in {held for _, held in running.values()}
                case Run(task, worker):
                    assert task.id not in running
                    assert worker is None or phases[worker] is None
                    assert worker is None or worker not in {held for _, held in running.values()}
                    running[task.id] = (task, worker)
        on_cpus = sum(held is None or not _pool(held, layout).gpus for _, held in running.values())
        assert on_cpus <= layout.busy_limit
        resting = phases.keys() - {held for _, held in running.values()}
        for pool in (_pool(worker, layout) for worker in resting if phases[worker] is None):
            may_begin = bool(pool.gpus) or on_cpus < layout.busy_limit
            assert not (may_begin and any(state.ready(stage) for stage in pool.stages)), "a worker rests without need"
        assert sum(held is None for _, held in running.values()) <= layout.task_slots
        news = [event for event in phases.values() if event]
        assert news or running, "nothing is under way, and the run is not over"
        choice = data.draw(st.sampled_from([*news, *running]))
        for event in _what_happens(data, choice, phases, running):
            scheduler.handle(event)
    for row in state.rows.values():
        assert row.state.ended or (state.halted and row.state is ItemState.PENDING)
        assert row.attempts <= 3


def _pool(worker: str, layout: Layout) -> Pool:
    return next(pool for pool in layout.pools if worker.startswith(pool.name))


def _what_happens(
    data: st.DataObject,
    choice: Event | str,
    phases: dict[str, Event | None],
    running: dict[str, tuple[Task, str | None]],
) -> list[Event]:
    """Let a starting worker take its next step, or a task end; either may end in the worker's death."""
    dies = data.draw(st.integers(0, 5)) == 0
    if not isinstance(choice, str):
        assert isinstance(choice, Placed | Ready)
        worker = choice.worker
        phases[worker] = Ready(worker) if isinstance(choice, Placed) else None
        if dies:
            del phases[worker]
        return [Gone(worker, "killed")] if dies else [choice]
    task, held = running.pop(choice)
    if dies and held is not None:
        del phases[held]
        return [Gone(held, "killed")]
    kind = data.draw(st.sampled_from(["done", "done", "done", "bad", "shaky"]))
    if kind != "done":
        return [Answered(Failure(task.id, "Error", kind, transient=kind == "shaky"))]
    planned: dict[str, Any] = {"plan": toy_plan(chunks=2)} if task.stage is Stage.PROBE else {}
    return [Answered(RECEIPTS[task.stage](task.id, **planned))]
