"""Does a run get through a real Ray: in peace, when workers die, when none can start, when everything fails?"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from reelmend.cluster.executor import RayExecutor
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from tests.cluster.toy_worker import ToyWorker, toy_context, toy_item, visits

pytestmark = pytest.mark.ray


@dataclass
class Outcome:
    state: RunState
    visits: list[tuple[str, int]]

    def row(self, name: str) -> ItemRow:
        return self.state.rows[name]

    def count(self, task_id: str) -> int:
        return Counter(task for task, _ in self.visits)[task_id]


def run(folder: Path, *names: str, attempts: int = 3, job: str = "toy") -> Outcome:
    items = [toy_item(name, folder) for name in names]
    state = RunState(items, attempts=attempts, active_items=0)
    RayExecutor(toy_context(folder, name=job), ToyWorker).run(state)
    assert state.over
    return Outcome(state, visits(folder))


@pytest.fixture(scope="module")
def eventful(cluster_address: str, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run in which most that can go wrong does, between items with which nothing is wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster_address)
        return run(
            tmp_path_factory.mktemp("eventful"),
            *("good_1", "kills_once_in_flow", "kills_once_in_stitch", "kills_in_inpaint", "kills_in_probe"),
            *("bad_in_flow", "shaky_in_stitch", "good_2"),
        )


@pytest.mark.parametrize("name", ["good_1", "good_2"])
def test_every_task_of_a_good_item_is_done_once(eventful: Outcome, name: str) -> None:
    done = [task for task, _ in eventful.visits if task.split(":")[1] == name]
    ids = ("probe:{}", "flow:{}:0", "flow:{}:1", "inpaint:{}:0", "stitch:{}")
    assert sorted(done) == sorted(task.format(name) for task in ids)
    assert eventful.row(name).state is ItemState.RESTORED


@pytest.mark.parametrize("name", ["kills_once_in_flow", "kills_once_in_stitch"])
def test_the_work_of_a_worker_that_was_killed_is_done_by_another(eventful: Outcome, name: str) -> None:
    assert eventful.row(name).state is ItemState.RESTORED
    assert eventful.row(name).attempts == 2


@pytest.mark.parametrize(("name", "stage"), [("kills_in_inpaint", "inpaint"), ("kills_in_probe", "probe")])
def test_a_task_that_kills_its_worker_each_time_fails_its_item(eventful: Outcome, name: str, stage: str) -> None:
    row = eventful.row(name)
    assert (row.state, row.kind, row.attempts, row.stage) == (ItemState.FAILED, "WorkerLost", 3, stage)
    assert row.reason.startswith("the worker died 3 times on this item")
    assert "killed" in row.reason
    assert "\n" not in row.reason


def test_bad_data_is_tried_once_and_quarantined(eventful: Outcome) -> None:
    assert eventful.row("bad_in_flow").state is ItemState.QUARANTINED
    assert eventful.count("flow:bad_in_flow:0") == 1


def test_a_machine_at_fault_is_tried_three_times(eventful: Outcome) -> None:
    assert eventful.row("shaky_in_stitch").reason == "disk full (tried 3 times)"
    assert eventful.count("stitch:shaky_in_stitch") == 3


def test_flow_and_chunks_are_done_by_few_long_lived_workers(eventful: Outcome) -> None:
    processes = {pid for task, pid in eventful.visits if task.startswith(("flow", "inpaint"))}
    assert len(processes) <= 2 + 4  # one a core, and one for each that was killed


@pytest.mark.usefixtures("on_cluster")
def test_a_run_in_which_everything_fails_is_stopped(tmp_path: Path) -> None:
    outcome = run(tmp_path, *(f"{number}_shaky_in_probe" for number in range(40)))
    assert "10 items in a row failed at probe, the last: disk full" in outcome.state.halted
    assert Counter(row.state for row in outcome.state.rows.values())[ItemState.PENDING] > 20


@pytest.mark.usefixtures("on_cluster")
def test_workers_that_cannot_start_stop_the_run_and_say_why(tmp_path: Path) -> None:
    outcome = run(tmp_path, "a", job="cannot start")
    assert "could not start, the last: FileNotFoundError: weights.pth is missing" in outcome.state.halted
    assert outcome.row("a").state is ItemState.FAILED
