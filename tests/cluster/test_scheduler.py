"""Events in, instructions out: does each task go to the right worker, and are workers started, replaced and ended?"""

import pytest

from reelmend.cluster.resources import Layout, Pool
from reelmend.cluster.scheduler import START_ATTEMPTS
from reelmend.cluster.scheduler_messages import Answered, Event, GiveUp, Gone, Placed, Ready, Run, Start, Stop
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import Failure, ProbeReceipt, Stage, Task
from tests.cluster.play import RESTORE, Play

FLOW = Pool("flow", (Stage.FLOW,), size=2, cpus=0.5, threads=1)
INPAINT = Pool("inpaint", (Stage.INPAINT,), size=1, cpus=1.0, threads=1)
TWO_POOLS = Layout(pools=(INPAINT, FLOW), task_slots=2, task_cpus=0.1, busy_limit=8)


def test_a_probe_runs_in_a_process_of_its_own() -> None:
    assert Play("a").runs() == {"probe:a": None}


def test_no_worker_is_started_before_there_is_work_for_it() -> None:
    play = Play("a")
    assert play.starts() == []
    play.done("probe:a")
    assert play.starts() == ["restore-1", "restore-2"]
    assert play.starts() == []


def test_a_worker_gets_its_first_task_when_it_is_warm() -> None:
    play = Play("a").probed()
    play.scheduler.handle(Placed("restore-1"))
    assert play.runs() == {}
    play.scheduler.handle(Ready("restore-1"))
    assert play.runs() == {"flow:a:0": "restore-1"}
    assert play.runs() == {}


def test_a_worker_goes_on_with_the_item_it_knows() -> None:
    play = Play("a", "b").probed()
    play.warm("restore-1", "restore-2")
    for index in (0, 1):
        assert play.runs() == {f"flow:a:{index}": "restore-1", f"flow:b:{index}": "restore-2"}
        play.done(f"flow:b:{index}", f"flow:a:{index}")
    assert play.runs() == {"inpaint:a:0": "restore-1", "inpaint:b:0": "restore-2"}


def test_no_more_tasks_work_at_once_than_there_are_cores() -> None:
    play = Play("a", "b").probed()
    play.warm("restore-1")
    assert play.runs() == {"flow:a:0": "restore-1"}
    play.done("flow:a:0")
    assert play.runs() == {"flow:a:1": "restore-1"}
    play.done("flow:a:1")
    play.warm("restore-2")
    assert play.runs() == {"inpaint:a:0": "restore-1", "flow:b:0": "restore-2"}
    play.done("inpaint:a:0")
    assert play.runs() == {"stitch:a": None}  # the other core; restore-1 rests


def test_a_worker_that_is_warm_before_it_is_known_to_be_placed_gets_its_task() -> None:
    play = Play("a").probed()
    play.scheduler.handle(Ready("restore-1"))
    play.scheduler.handle(Placed("restore-1"))
    assert play.runs() == {"flow:a:0": "restore-1"}


@pytest.mark.parametrize(("with_machine", "attempts"), [(False, 2), (True, 1)])
def test_a_dead_worker_is_replaced_and_its_task_tried_again(with_machine: bool, attempts: int) -> None:
    play = Play("a").probed()
    play.warm("restore-1")
    play.runs()
    play.scheduler.handle(Gone("restore-1", "killed", with_machine=with_machine))
    assert play.state.rows["a"].state is ItemState.RUNNING
    assert play.starts() == ["restore-3"]
    play.warm("restore-3")
    assert "restore-3" in play.runs().values()
    assert play.state.rows["a"].attempts == attempts


def test_a_worker_in_which_cuda_failed_gets_no_other_task_and_is_replaced() -> None:
    play = Play("a").probed()
    play.warm("restore-1")
    assert play.runs() == {"flow:a:0": "restore-1"}
    play.scheduler.handle(Answered(Failure("flow:a:0", "ContextLost", "CUDA failed", transient=True)))
    assert play.decide() == [Stop("restore-1"), Start("restore-3", RESTORE)]
    play.warm("restore-3")
    (run,) = (step for step in play.decide() if isinstance(step, Run))
    assert (run.task.id, run.worker, run.task.recovery) == ("flow:a:0", "restore-3", 1)
    assert play.state.rows["a"].attempts == 1


def test_workers_that_find_a_gpu_gone_do_not_stop_those_that_work() -> None:
    play = Play("a").probed()
    play.warm("restore-1")
    assert play.runs() == {"flow:a:0": "restore-1"}
    for number in range(2, 2 + START_ATTEMPTS):
        play.scheduler.handle(Gone(f"restore-{number}", "device=cuda cannot be used", refused=True))
        assert play.starts() == ([f"restore-{number + 1}"] if number <= START_ATTEMPTS else [])
    assert not play.state.halted
    play.done("flow:a:0")
    assert play.runs() == {"flow:a:1": "restore-1"}
    play.scheduler.handle(Gone("restore-1", "killed"))
    for number in range(2 + START_ATTEMPTS, 2 + 2 * START_ATTEMPTS):
        assert play.starts() == [f"restore-{number}"]
        play.scheduler.handle(Gone(f"restore-{number}", "device=cuda cannot be used", refused=True))
    assert "3 restore workers in a row could not start, the last: device=cuda cannot be used" in play.state.halted


def test_a_task_that_kills_every_worker_fails_its_item_only() -> None:
    play = Play("a", "b", attempts=2).probed()
    play.warm("restore-1", "restore-2")
    for _ in range(40):
        for step in play.decide():
            match step:
                case Start(worker, _):
                    play.warm(worker)
                case Run(task, str(worker)) if task.id == "flow:a:0":
                    play.scheduler.handle(Gone(worker, "killed"))
                case Run(task, _):
                    play.done(task.id)
    assert play.state.over
    assert play.state.rows["a"].state is ItemState.FAILED
    assert "the worker died 2 times" in play.state.rows["a"].reason
    assert play.state.rows["b"].state is ItemState.RESTORED


def test_the_death_of_an_idle_worker_costs_no_attempt() -> None:
    play = Play("a").probed()
    play.warm("restore-1", "restore-2")
    play.scheduler.handle(Gone("restore-2", "killed"))
    play.runs()
    assert play.state.rows["a"].attempts == 1
    assert not play.state.halted


def test_workers_that_die_while_they_start_stop_the_run() -> None:
    play = Play("a").probed()
    for number in range(START_ATTEMPTS):
        assert not play.state.over
        play.decide()
        play.scheduler.handle(Gone(f"restore-{number + 1}", "SetupError: weights not found", refused=True))
    assert "3 restore workers in a row could not start" in play.state.halted
    assert "weights not found" in play.state.halted


def _fail_to_start(play: Play, *, refused: bool) -> None:
    """The worker that was started last, and no other, cannot start."""
    name = [step.worker for step in play.decide() if isinstance(step, Start)][-1:] or _starting(play)
    play.scheduler.handle(Gone(name[0], "it did not start", refused=refused))


def _starting(play: Play) -> list[str]:
    return [name for name, worker in play.scheduler._workers.items() if not worker.warm][-1:]


@pytest.mark.parametrize(("refused", "bound"), [(True, START_ATTEMPTS), (False, START_ATTEMPTS + 2 * RESTORE.size)])
def test_starts_that_failed_are_forgotten_after_a_good_one(refused: bool, bound: int) -> None:
    """A worker that says why it cannot start, and one that vanishes, have bounds of their own."""
    play = Play("a").probed()
    for _ in range(bound - 1):
        _fail_to_start(play, refused=refused)
    assert not play.state.halted
    play.decide()
    good = _starting(play)[0]
    play.warm(good)
    play.scheduler.handle(Gone(good, "killed"))  # while it was idle: no start that failed
    for _ in range(bound - 1):
        _fail_to_start(play, refused=refused)
    assert not play.state.halted
    _fail_to_start(play, refused=refused)
    assert play.state.halted.startswith(f"{bound} restore workers in a row could not start")


def test_a_pool_that_finds_no_place_is_given_up_after_the_patience() -> None:
    play = Play("a")
    play.done(*play.runs())
    assert [type(step) for step in play.decide(now_s=100.0)] == [Start, Start]
    assert play.decide(now_s=160.0) == []
    assert play.decide(now_s=161.0) == [GiveUp(RESTORE, 61.0)]


def test_a_worker_that_is_placed_may_take_its_time_to_load() -> None:
    play = Play("a").probed()
    play.scheduler.handle(Placed("restore-1"))
    assert play.decide(now_s=1e6) == []


@pytest.mark.parametrize(("fit", "more"), [(0, 1), (1, 0), (2, 1), (9, 1)])
def test_a_second_worker_shares_a_gpu_if_the_first_one_says_that_its_memory_holds_two(fit: int, more: int) -> None:
    halves = Pool("flow", (Stage.FLOW,), size=2, cpus=0.1, threads=1, gpus=0.5)
    play = Play("a", layout=Layout((halves,), task_slots=1, task_cpus=0.1, busy_limit=2), chunks=2).probed()
    assert len(play.state.in_work) == 0
    play.scheduler.handle(Placed("flow-1"))
    assert play.starts() == []
    play.scheduler.handle(Ready("flow-1", fit))
    assert len(play.starts()) == more


def test_each_pool_gets_the_tasks_of_its_own_stages() -> None:
    play = Play("a", layout=TWO_POOLS).probed()
    play.warm("flow-1", "flow-2")
    assert play.runs() == {"flow:a:0": "flow-1", "flow:a:1": "flow-2"}
    play.done("flow:a:0", "flow:a:1")
    assert play.starts() == ["inpaint-3"]
    play.warm("inpaint-3")
    assert play.runs() == {"inpaint:a:0": "inpaint-3"}


def test_idle_workers_are_ended_when_nothing_can_come_for_them() -> None:
    play = Play("a", layout=TWO_POOLS).probed()
    play.warm("flow-1", "flow-2")
    play.done(*play.runs())
    assert play.stops() == ["flow-1", "flow-2"]
    play.warm("inpaint-3")
    play.done(*play.runs())
    assert play.stops() == ["inpaint-3"]  # only the stitch is left


@pytest.mark.parametrize("event", [Placed("x"), Ready("x"), Gone("x", "killed"), Answered(ProbeReceipt("probe:x"))])
def test_news_of_the_unknown_changes_nothing(event: Event) -> None:
    play = Play("a")
    play.scheduler.handle(event)
    assert play.runs() == {"probe:a": None}


def test_the_scheduler_s_tasks_are_the_state_s_tasks() -> None:
    play = Play("a").probed()
    play.warm("restore-1", "restore-2")
    running: list[Task] = [step.task for step in play.decide() if isinstance(step, Run)]
    assert play.state.in_work == {task.id: task for task in running}
