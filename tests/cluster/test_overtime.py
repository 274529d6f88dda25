"""A task that takes longer than the job allows loses its process, and its item is quarantined."""

from pathlib import Path

import pytest

from reelmend.cluster.pools import Pools
from reelmend.cluster.runtime import ray_runtime
from reelmend.cluster.scheduler import Patience
from reelmend.cluster.scheduler_messages import Answered, End, Gone
from reelmend.pipelines.tasks import ProbeReceipt, ProbeTask
from tests.cluster.play import LAPTOP, Play
from tests.cluster.toy_worker import ToyWorker, toy_context, toy_item, visits

PATIENCE = Patience(probe_s=100, task_s=50)


def ends(play: Play, now_s: float) -> list[End]:
    return [step for step in play.decide(now_s) if isinstance(step, End)]


def test_a_probe_that_does_not_end_is_killed_and_the_others_go_on() -> None:
    play = Play("a", "b", patience=PATIENCE)
    assert list(play.runs()) == ["probe:a"]
    assert ends(play, 100.0) == []
    assert ends(play, 101.0) == [End("probe:a", None)]
    assert list(play.state.in_work) == ["probe:b"]
    row = play.state.rows["a"]
    assert (row.state, row.kind) == ("quarantined", "OverLimit")
    assert row.reason == "out/a.mp4: its probe did not end within 100 s and was killed; see limits"


def test_a_worker_that_does_not_answer_is_killed_and_replaced() -> None:
    play = Play("a", "b", patience=PATIENCE).probed()
    play.warm("restore-1")
    assert play.runs() == {"flow:a:0": "restore-1"}
    steps = play.decide(51.0)
    assert steps[0] == End("flow:a:0", "restore-1")
    assert play.state.rows["a"].state == "quarantined"
    play.warm("restore-2")
    assert play.runs() == {"flow:b:0": "restore-2"}


def test_an_answer_that_comes_after_all_changes_nothing() -> None:
    play = Play("a", patience=PATIENCE)
    play.runs()
    play.decide(101.0)
    play.scheduler.handle(Answered(ProbeReceipt("probe:a", plan=play.plan)))
    assert play.state.rows["a"].state == "quarantined"
    assert play.state.over


def test_without_a_limit_a_task_takes_as_long_as_it_takes() -> None:
    play = Play("a", patience=Patience())
    play.runs()
    assert ends(play, 10.0**9) == []


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("on_cluster")
def test_the_process_of_a_task_that_never_ends_is_killed(tmp_path: Path) -> None:
    task = ProbeTask(toy_item("hangs_in_probe", tmp_path))
    with ray_runtime():
        pools = Pools(toy_context(tmp_path), ToyWorker, LAPTOP)
        pools.run(task, None)
        while not visits(tmp_path):
            assert pools.wait(0.05) == []
        pools.end(task.id, None)
        (event,) = pools.wait(30.0)
        pools.close()
    assert isinstance(event, Gone)  # no answer: the task may be tried again by now
    ((_, process),) = visits(tmp_path)
    assert not Path(f"/proc/{process}").exists()
