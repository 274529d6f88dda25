"""Does this process run a whole state, and is an executor that cannot be had said to be so?"""

import sys
from pathlib import Path

import pytest

from reelmend.cluster.executor import RayExecutor
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.run.executor import InlineExecutor, load_executor
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import Failure, Receipt, Stage, Task
from tests.run.story import bad_data, begin, receipt


class Clerk:
    """A worker whose tasks all succeed, but those of item b."""

    def __init__(self, context: RunContext) -> None:
        self.run_id = context.run_id

    def warm(self, stage: Stage) -> None:
        """Needs nothing."""

    def perform(self, task: Task) -> Receipt | Failure:
        return bad_data(task) if task.item.id == "b" else receipt(task)


def test_in_process_every_item_comes_to_its_end(tmp_path: Path) -> None:
    story = begin("a", "b", "c")
    InlineExecutor(RunContext("r", JobConfig(out=str(tmp_path))), Clerk).run(story.state)
    assert [row.state for row in story.state.rows.values()] == [
        ItemState.RESTORED,
        ItemState.QUARANTINED,
        ItemState.RESTORED,
    ]


def test_executors_are_found_by_name() -> None:
    assert load_executor("inline") is InlineExecutor
    assert load_executor("ray") is RayExecutor


def test_an_unknown_executor_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SetupError, match=r"executor 'slurm' is not installed \(available: inline, ray\)"):
        load_executor("slurm")


def test_without_ray_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ray", "reelmend.cluster.executor"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SetupError, match=r"executor 'ray' cannot be loaded .*run.executor=inline"):
        load_executor("ray")
