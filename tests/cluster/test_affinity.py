"""Does a worker stay on its item, where it computes less, and does none rest for that?"""

from reelmend.cluster.resources import Layout, Pool
from reelmend.cluster.scheduler_messages import Gone
from reelmend.pipelines.tasks import Stage
from tests.cluster.play import Play

TWO = Layout(
    (Pool("inpaint", (Stage.INPAINT,), 2, 1.0, 1, gpus=1.0), Pool("flow", (Stage.FLOW,), 1, 0.5, 1)), 1, 0.1, 4
)


def ready_to_inpaint(*names: str, chunks: int) -> Play:
    """All flow is done, and two workers are warm."""
    play = Play(*names, layout=TWO, chunks=chunks).probed()
    play.warm("flow-1")
    while flows := play.runs():
        play.done(*flows)
    play.decide()
    play.warm("inpaint-2", "inpaint-3")
    return play


def work_to_the_end(play: Play) -> dict[str, list[str]]:
    """Let both workers answer in turn; return what each did of the chunks, in order."""
    did: dict[str, list[str]] = {"inpaint-2": [], "inpaint-3": []}
    while runs := play.runs():
        for task, worker in runs.items():
            if worker:
                did[worker].append(task.removeprefix("inpaint:"))
            play.done(task)
    assert play.state.over
    return did


def test_two_workers_with_two_items_each_stay_on_their_own() -> None:
    did = work_to_the_end(ready_to_inpaint("a", "b", chunks=5))
    assert did == {"inpaint-2": [f"a:{n}" for n in range(5)], "inpaint-3": [f"b:{n}" for n in range(5)]}


def test_two_workers_with_one_item_each_do_a_half_of_it() -> None:
    did = work_to_the_end(ready_to_inpaint("a", chunks=7))
    assert did == {"inpaint-2": ["a:0", "a:1", "a:2", "a:3"], "inpaint-3": ["a:4", "a:5", "a:6"]}


def test_a_worker_whose_item_is_done_helps_with_another_s() -> None:
    play = ready_to_inpaint("a", "b", chunks=6)
    for index in range(6):
        assert f"inpaint:a:{index}" in play.runs()
        play.done(f"inpaint:a:{index}")
    runs = play.runs()  # b:0 is in work still, 1 .. 5 are left
    assert runs == {"inpaint:b:3": "inpaint-2", "stitch:a": None}
    play.done(*runs, "inpaint:b:0")
    assert play.runs() == {"inpaint:b:4": "inpaint-2", "inpaint:b:1": "inpaint-3"}


def test_an_item_that_nobody_has_comes_before_another_s() -> None:
    play = ready_to_inpaint("a", "b", "c", chunks=2)
    assert play.runs() == {"inpaint:a:0": "inpaint-2", "inpaint:b:0": "inpaint-3"}
    play.done("inpaint:b:0")
    play.done(*play.runs())
    assert play.runs() == {"inpaint:c:0": "inpaint-3", "stitch:b": None}


def test_the_item_of_a_worker_that_died_is_nobody_s() -> None:
    play = ready_to_inpaint("a", "b", chunks=4)
    assert play.runs() == {"inpaint:a:0": "inpaint-2", "inpaint:b:0": "inpaint-3"}
    play.scheduler.handle(Gone("inpaint-2", "killed"))
    assert play.starts() == ["inpaint-4"]
    play.warm("inpaint-4")
    assert play.runs() == {"inpaint:a:1": "inpaint-4"}


def test_workers_on_gpus_do_not_wait_for_cores() -> None:
    """One core, and it is taken by a stitch: both GPUs go on."""
    one_core = Layout(TWO.pools, task_slots=1, task_cpus=0.1, busy_limit=1)
    play = Play("a", "b", "c", layout=one_core).probed()
    play.warm("flow-1")
    while flows := [task for task, worker in play.runs().items() if worker]:
        play.done(*flows)
    play.decide()
    play.warm("inpaint-2")
    play.done(*play.runs())
    assert play.runs() == {"stitch:a": None, "inpaint:b:0": "inpaint-2"}
    play.warm("inpaint-3")
    assert play.runs() == {"inpaint:c:0": "inpaint-3"}
