"""On a real Ray of several machines: does a run use one that joins, outlive one that leaves, and say what it lost?"""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reelmend.cluster.executor import RayExecutor
from reelmend.pipelines.config import PoolsConfig
from reelmend.pipelines.observe.observer import OnChange
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.tasks import Failure, Receipt
from tests.cluster.toy_worker import ToyWorker, toy_context, toy_item, visits
from tests.ray_cluster import ray_cluster

pytestmark = pytest.mark.ray
MACHINE = {"num_cpus": 1}


@pytest.fixture(scope="module")
def machines(_ray_for_tests: None) -> Iterator[Any]:
    """A cluster of one machine, to which others can be added."""
    with ray_cluster(MACHINE) as cluster:
        yield cluster


@pytest.fixture
def one_machine(machines: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """It is left as it was found."""
    monkeypatch.setenv("RAY_ADDRESS", machines.address)
    yield machines
    for node in [*machines.worker_nodes]:
        machines.remove_node(node)


def run(
    folder: Path,
    names: list[str],
    pools: PoolsConfig,
    on_answer: Callable[[str], None],
    on_failure: Callable[[str], None] = lambda _: None,
) -> RunState:
    """`on_answer` is called with the id of each task that was answered, `on_failure` with the kind of each failure."""

    def change(row: ItemRow, answer: Receipt | Failure | None) -> None:
        if answer:
            on_answer(answer.task_id)
        if isinstance(answer, Failure):
            on_failure(answer.kind)

    state = RunState([toy_item(name, folder) for name in names], attempts=3, active_items=0, observer=OnChange(change))
    RayExecutor(toy_context(folder, pools=pools), ToyWorker).run(state)
    return state


@pytest.mark.slow
def test_a_machine_that_joins_gets_workers(
    tmp_path: Path, one_machine: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first item's chunk waits until another worker has begun the second one's: one machine alone would hang."""
    caplog.set_level(logging.INFO, logger="reelmend.cluster")
    monkeypatch.setattr("reelmend.cluster.executor._COUNT_MACHINES_S", 0.2)

    def answered(task_id: str) -> None:
        if task_id == "flow:waits_in_inpaint:1":
            threading.Thread(target=lambda: one_machine.add_node(**MACHINE)).start()
        if task_id == "flow:b:0":
            (tmp_path / "go").touch()

    state = run(tmp_path, ["waits_in_inpaint", "b"], PoolsConfig(), answered)
    assert {row.state for row in state.rows.values()} == {ItemState.RESTORED}
    assert "the cluster has 2 machines now instead of 1: restore 2" in caplog.text
    assert state.most_workers == 2


@pytest.mark.slow
def test_the_last_machine_with_a_gpu_that_leaves_is_missed_in_one_clear_line(
    tmp_path: Path, one_machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelmend.cluster.executor._COUNT_MACHINES_S", 0.2)
    for wants in ("wants_gpu", "flow_wants_gpu"):
        monkeypatch.setattr(f"reelmend.cluster.executor.{wants}", lambda _: True)
    monkeypatch.setattr("reelmend.cluster.executor.Patience.unplaceable_s", 0.5)
    kinds: list[str] = []
    node = one_machine.add_node(**MACHINE, num_gpus=1)

    def answered(task_id: str) -> None:
        if task_id == "flow:a:1":
            one_machine.remove_node(node)

    state = run(tmp_path, ["a", "b"], PoolsConfig(), answered, kinds.append)
    assert "no machine of the cluster has had room for a restore worker" in state.halted
    assert "each needs 1 GPU and 0.9 CPU on one machine, and all machines together have 0 GPU" in state.halted
    assert (state.rows["a"].state, state.rows["a"].attempts) == (ItemState.FAILED, 1)
    assert "MachineLost" in kinds
    assert not [task for task, _ in visits(tmp_path) if task.startswith("stitch")]
