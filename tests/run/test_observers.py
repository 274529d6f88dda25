"""What an observer of a run hears, in which order, and what several as one make of it."""

from dataclasses import replace

from reelmend.pipelines.observe.observer import Observers, OnChange, RunObserver
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.storage.ledger.rows import ItemRow
from reelmend.pipelines.tasks import Failure, ProbeTask, Receipt, Stage, Task
from tests.run.story import bad_machine, item, plan, receipt, take


class Diary(RunObserver):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def before_change(self) -> None:
        self.lines.append("before")

    def handed_out(self, task: Task) -> Task:
        self.lines.append(f"out {task.id}")
        return task

    def left(self, task_id: str) -> None:
        self.lines.append(f"left {task_id}")

    def answered(self, task: Task, answer: Receipt | Failure, *, again: bool) -> None:
        self.lines.append(f"answered {task.id}" + (", again" if again else ""))

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        self.lines.append(f"{row.id} {row.state}")


class Tracer(RunObserver):
    def handed_out(self, task: Task) -> Task:
        return replace(task, traced=True)


def state_with(observer: RunObserver, *names: str) -> RunState:
    return RunState([item(name) for name in names], attempts=2, active_items=4, observer=observer)


def test_a_failed_probe_and_a_second_one_that_succeeds() -> None:
    state = state_with(diary := Diary(), "a")
    state.handle(bad_machine(take(state, Stage.PROBE)))
    state.handle(receipt(take(state, Stage.PROBE), plan(segments=0, chunks=1)))
    assert diary.lines == [
        *["before", "out probe:a", "a probing"],
        *["before", "left probe:a", "answered probe:a, again", "a probing"],
        *["before", "out probe:a"],
        *["before", "left probe:a", "answered probe:a", "a running"],
    ]


def test_a_run_that_is_halted_waits_for_no_task_and_an_answer_that_comes_late_changes_nothing() -> None:
    state = state_with(diary := Diary(), "a", "b")
    late, _ = take(state, Stage.PROBE), take(state, Stage.PROBE)
    del diary.lines[:]
    state.halt("no disk")
    assert diary.lines == ["left probe:a", "left probe:b", "a failed", "b failed"]
    state.handle(receipt(late))
    assert diary.lines[4:] == ["before", "left probe:a"]


def test_what_an_observer_makes_of_a_task_is_what_the_worker_gets_and_the_next_observer_hears() -> None:
    heard: list[bool] = []

    class Second(RunObserver):
        def handed_out(self, task: Task) -> Task:
            heard.append(task.traced)
            return task

    state = state_with(Observers(Tracer(), Second()), "a")
    assert state.take() == ProbeTask(item("a"), traced=True)
    assert heard == [True]
    (followed,) = state.signs._tasks.values()
    assert followed.task is state.in_work["probe:a"]


def test_a_function_can_follow_the_rows() -> None:
    ended: list[str] = []

    def note(row: ItemRow, answer: Receipt | Failure | None) -> None:
        if row.state.ended:
            ended.append(row.id)

    state = state_with(OnChange(note), "a")
    while not state.over:
        task = state.take()
        assert task is not None
        state.handle(receipt(task))
    assert ended == ["a"]
    assert state.ready(Stage.PROBE) == 0
