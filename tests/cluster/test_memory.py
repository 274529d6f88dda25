"""Where memory runs out with several workers the run goes on with fewer, and no item is blamed for it."""

from pathlib import Path

import pytest

from reelmend.cluster.deaths import KernelKills, for_want_of_memory
from reelmend.cluster.resources import Layout, Pool
from reelmend.cluster.scheduler_messages import Answered, Gone, Run, Start
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import Failure, Stage
from tests.cluster.play import LAPTOP, Play

OOM = "its machine ran out of memory"


def out_of_memory(play: Play, worker: str) -> None:
    play.scheduler.handle(Gone(worker, OOM, out_of_memory=True))


def live(play: Play, holds: int) -> int:
    """Let the run go on where memory holds so many workers at work: a further one is killed. Return the kills."""
    kills = 0
    busy: dict[str, str] = {}
    for _ in range(300):
        for step in play.decide():
            match step:
                case Start(worker, _):
                    play.warm(worker)
                case Run(task, str(worker)) if len(busy) >= holds:
                    out_of_memory(play, worker)
                    kills += 1
                case Run(task, str(worker)):
                    busy[worker] = task.id
                case Run(task, None):
                    play.done(task.id)
        for worker, task_id in [*busy.items()][:1]:
            del busy[worker]
            play.done(task_id)
        if play.state.over:
            break
    return kills


def test_two_workers_where_memory_holds_one_finish_every_item_with_one() -> None:
    play = Play("a", "b", "c", attempts=1).probed()
    play.warm("restore-1", "restore-2")
    assert live(play, holds=1) == 1
    assert {row.state for row in play.state.rows.values()} == {ItemState.RESTORED}
    assert {row.attempts for row in play.state.rows.values()} == {1}


def test_of_four_workers_as_many_stay_as_memory_holds() -> None:
    pool = Pool("restore", (Stage.INPAINT, Stage.FLOW), size=4, cpus=0.9, threads=1)
    names = [f"v{n}" for n in range(8)]
    play = Play(*names, layout=Layout((pool,), 2, 0.1, 4), attempts=1)
    assert live(play, holds=2) <= 2
    assert {row.state for row in play.state.rows.values()} == {ItemState.RESTORED}


def test_a_worker_that_is_alone_and_still_runs_out_of_memory_costs_an_attempt() -> None:
    play = Play("a", attempts=2, layout=Layout((Pool("restore", LAPTOP.pools[0].stages, 1, 0.9, 1),), 1, 0.1, 1))
    play.probed()
    for number in (1, 2):
        play.warm(f"restore-{number}")
        assert len(play.runs()) == 1
        out_of_memory(play, f"restore-{number}")
        play.decide()
    assert play.state.rows["a"].state is ItemState.FAILED
    assert play.state.rows["a"].reason.endswith(OOM)


def test_a_probe_and_a_worker_that_do_not_fit_take_turns() -> None:
    play = Play("a", "b", attempts=1)
    play.done("probe:a") if "probe:a" in play.runs() else None
    play.decide()
    play.warm("restore-1", "restore-2")
    runs = play.runs()
    assert {"flow:a:0", "probe:b"} <= runs.keys() | play.state.in_work.keys()
    play.scheduler.handle(Answered(Failure("probe:b", "MemoryLost", OOM, transient=True)))
    assert play.runs() == {}  # not beside the flow again
    play.done("flow:a:0")
    assert len(play.runs()) == 1
    assert not play.state.rows["b"].state.ended


@pytest.mark.ray
@pytest.mark.usefixtures("_ray_for_tests")
@pytest.mark.parametrize(
    ("kind", "text", "kernel_killed", "memory"),
    [
        ("OutOfMemoryError", "Task was killed due to the node running low on memory.", False, True),
        ("RayActorError", "The actor died because its node was killed due to memory pressure (OOM).", False, True),
        ("RayActorError", "... Worker exit detail: ... connection error code 2.", True, True),
        ("RayActorError", "... Worker exit detail: ... connection error code 2.", False, False),
        ("RayActorError", "... Worker exit detail: it exited on purpose.", True, False),
    ],
)
def test_whether_memory_ran_out_is_told_by_ray_or_by_the_system(
    kind: str, text: str, kernel_killed: bool, memory: bool
) -> None:
    from ray import exceptions

    error = getattr(exceptions, kind)(*([text] if kind == "OutOfMemoryError" else []))
    if kind == "RayActorError":
        error = exceptions.RayActorError(error_msg=text)
    assert for_want_of_memory(error, kernel_killed=kernel_killed) is memory


def test_kills_of_the_system_are_news_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = tmp_path / "memory.events"
    counter.write_text("low 0\noom 3\noom_kill 3\n")
    monkeypatch.setattr("reelmend.cluster.deaths._COUNTERS", (counter, tmp_path / "none"))
    kills = KernelKills()
    assert not kills.new()
    counter.write_text("low 0\noom 4\noom_kill 4\n")
    assert kills.new()
    assert not kills.new()
