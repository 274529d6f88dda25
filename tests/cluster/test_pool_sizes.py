"""Do pools grow and shrink between their bounds, make room for each other, and say when no machine can hold them?"""

from dataclasses import replace

import pytest

from reelmend.cluster.resources import Layout, Pool
from reelmend.cluster.scheduler_messages import GiveUp, Gone, Instruction, Start, Stop
from reelmend.pipelines.tasks import Stage
from tests.cluster.play import Play

RESTORE = Pool("restore", (Stage.INPAINT, Stage.FLOW), size=2, cpus=0.9, threads=1)
FLOW = Pool("flow", (Stage.FLOW,), size=1, cpus=0.1, threads=1, gpus=0.5)
INPAINT = Pool("inpaint", (Stage.INPAINT,), size=1, cpus=0.2, threads=1, gpus=1.0)


def layout(*pools: Pool) -> Layout:
    return Layout(pools, task_slots=4, task_cpus=0.1, busy_limit=8)


def started(steps: list[Instruction]) -> list[str]:
    return [step.worker for step in steps if isinstance(step, Start)]


def stopped(steps: list[Instruction]) -> list[str]:
    return [step.worker for step in steps if isinstance(step, Stop)]


def given_up(steps: list[Instruction]) -> list[GiveUp]:
    return [step for step in steps if isinstance(step, GiveUp)]


def with_an_idle_worker(pool: Pool) -> Play:
    """Two workers, of which one has nothing to do since second 0: the item has one task left, and another is probed."""
    play = Play("a", "b", layout=layout(pool))
    play.decide()
    play.done("probe:a")
    play.decide()
    play.warm("restore-1", "restore-2")
    play.done(*play.runs())
    assert play.runs() == {"inpaint:a:0": "restore-1"}
    return play


def test_as_many_workers_as_are_kept_start_before_there_is_work() -> None:
    play = Play("a", layout=layout(replace(RESTORE, least=1)))
    assert play.starts() == ["restore-1"]
    play.done("probe:a")
    assert play.starts() == ["restore-2"]


def test_an_idle_worker_ends_after_its_grace() -> None:
    play = with_an_idle_worker(RESTORE)
    assert stopped(play.decide(now_s=30.0)) == []
    assert stopped(play.decide(now_s=30.1)) == ["restore-2"]
    play.done("probe:b")
    assert started(play.decide(now_s=31.0)) == ["restore-3"]


def test_workers_that_are_kept_stay_however_long_they_are_idle() -> None:
    play = with_an_idle_worker(replace(RESTORE, least=2))
    assert stopped(play.decide(now_s=1e6)) == []


def test_a_worker_that_got_a_task_meanwhile_has_its_grace_anew() -> None:
    play = with_an_idle_worker(RESTORE)
    play.done("probe:b")
    play.decide(now_s=29.0)
    play.done("flow:b:0")
    play.decide(now_s=29.5)
    play.done("flow:b:1", "inpaint:a:0")
    play.decide(now_s=40.0)
    assert stopped(play.decide(now_s=45.0)) == []


def test_a_pool_grows_with_the_machines_and_shrinks_with_them() -> None:
    play = Play("a", "b", layout=layout(replace(RESTORE, size=1))).probed()
    assert play.starts() == []
    play.scheduler.resize(layout(replace(RESTORE, size=3)))
    assert play.starts() == ["restore-2", "restore-3"]
    play.scheduler.resize(layout(replace(RESTORE, size=2)))
    assert len(play.stops()) == 1


def test_an_idle_worker_makes_room_at_once_for_one_of_the_other_pool() -> None:
    play = Play("a", "b", layout=layout(FLOW, INPAINT))
    play.decide()
    play.done("probe:a")  # b's takes longer
    play.decide()
    play.warm("flow-1")
    play.done(*play.runs())
    play.done(*play.runs())
    assert started(play.decide(now_s=1.0)) == ["inpaint-2"]
    assert stopped(play.decide(now_s=11.0)) == []
    assert stopped(play.decide(now_s=11.1)) == ["flow-1"]


def test_a_worker_that_is_kept_makes_room_too_where_only_one_finds_a_place() -> None:
    """Another job holds the second GPU: without it, the one that is kept would wait for flow for ever."""
    play = Play("a", layout=layout(FLOW, replace(INPAINT, least=1)))
    assert started(play.decide()) == ["inpaint-1"]
    play.warm("inpaint-1")
    play.done("probe:a")
    assert started(play.decide(now_s=1.0)) == ["flow-2"]
    assert stopped(play.decide(now_s=11.0)) == []
    assert stopped(play.decide(now_s=11.1)) == ["inpaint-1"]
    assert started(play.decide(now_s=11.2)) == [], "it would take the place again"
    play.warm("flow-2")
    assert started(play.decide(now_s=12.0)) == ["inpaint-3"]
    play.done("flow:a:0")
    assert stopped(play.decide(now_s=40.0)) == [], "what waits has no work yet, and flow has"


def test_a_pool_that_no_machine_could_hold_is_given_up_though_others_work() -> None:
    nowhere = replace(INPAINT, size=0)
    play = Play("a", "b", layout=layout(FLOW, nowhere)).probed()
    play.warm("flow-1")
    play.done(*play.runs())
    play.done(*play.runs())
    assert given_up(play.decide(now_s=100.0)) == []
    assert given_up(play.decide(now_s=145.0)) == []
    (gave_up,) = given_up(play.decide(now_s=145.1))
    assert gave_up.pool == nowhere
    assert gave_up.waited_s == pytest.approx(45.1)


def test_a_pool_that_waits_for_another_of_the_same_run_is_not_given_up() -> None:
    play = Play("a", "b", layout=layout(FLOW, INPAINT)).probed()
    play.warm("flow-1")
    play.done(*play.runs())
    play.done(*play.runs())
    assert started(play.decide(now_s=0.0)) == ["inpaint-2"]
    assert "flow:b:0" in play.state.in_work
    assert given_up(play.decide(now_s=1e6)) == []


def test_a_machine_that_vanishes_with_all_that_started_on_it_does_not_stop_the_run() -> None:
    play = Play("a", "b", layout=layout(replace(RESTORE, size=4))).probed()
    for number in range(1, 5):
        play.scheduler.handle(Gone(f"restore-{number}", "its process vanished"))
    assert not play.state.halted
    assert len(play.starts()) == 4


def test_nothing_is_begun_while_the_run_is_told_to_stop() -> None:
    play = Play("a", "b").probed()
    play.warm("restore-1")
    assert play.runs() == {"flow:a:0": "restore-1"}
    play.scheduler.drain()
    play.warm("restore-2")
    play.done("flow:a:0")
    assert play.decide() == []
    assert not play.state.in_work
