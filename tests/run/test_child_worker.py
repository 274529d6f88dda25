"""A worker in another process, which takes over where a run's own process can no longer use its GPU."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.run import child_worker
from reelmend.pipelines.run.child_worker import ChildWorker
from reelmend.pipelines.tasks import Failure, ProbeReceipt, ProbeTask
from tests.cluster.toy_worker import ToyWorker, toy_context, toy_item, visits

ROOT = Path(__file__).parents[2]


def test_a_process_that_dies_costs_its_task_and_the_next_task_gets_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    task = ProbeTask(toy_item("kills_once_in_probe", tmp_path))
    with closing(ChildWorker(toy_context(tmp_path), ToyWorker)) as worker:
        first, second = worker.perform(task), worker.perform(task)
    assert isinstance(first, Failure)
    assert (first.kind, first.transient) == ("WorkerLost", True)
    assert first.reason == f"{tmp_path}/kills_once_in_probe.mp4: the process of its probe ended with status 137"
    assert isinstance(second, ProbeReceipt)
    processes = {process for _, process in visits(tmp_path)}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_the_run_sees_how_far_a_task_is_that_another_process_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers as the process sends them: how far it is, twice the same, further, and the receipt."""
    task = ProbeTask(toy_item("a", tmp_path))
    sent = [child_worker._Sign(1, 4.0), child_worker._Sign(1, 4.0), child_worker._Sign(2, 9.0), ProbeReceipt(task.id)]
    seen = []

    def receive(_: object) -> object:
        seen.append(PROGRESS.frames)
        return sent[len(seen) - 1]

    monkeypatch.setattr(child_worker, "receive", receive)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    with closing(ChildWorker(toy_context(tmp_path), ToyWorker)) as worker:
        assert worker.perform(task) == ProbeReceipt(task.id)
    assert seen == [0.0, 4.0, 4.0, 9.0]
