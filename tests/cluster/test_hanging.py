"""A worker that hangs is noticed, whatever it hangs in; one that works slowly is left alone."""

import os
import signal
from pathlib import Path

import pytest

from reelmend.cluster.beats import BEAT_S, BeatReader
from reelmend.cluster.pools import Pools
from reelmend.cluster.runtime import ray_runtime
from reelmend.cluster.scheduler import Patience
from reelmend.cluster.scheduler_messages import Answered, End, Event, Run
from reelmend.pipelines.observe.task_progress import Beat
from reelmend.pipelines.tasks import FlowReceipt, ProbeTask, Receipt
from tests.cluster.play import LAPTOP, Play
from tests.cluster.toy_worker import ToyWorker, toy_context, toy_item

STILL_S = 100.0
PATIENCE = Patience(still_s=STILL_S)


def ends(play: Play, now_s: float) -> list[str]:
    return [step.task_id for step in play.decide(now_s) if isinstance(step, End)]


def beat(play: Play, task_id: str, *, signs: int = 0, frames: float = 0.0, cpu_s: float = 0.0) -> None:
    play.scheduler.handle(Beat(task_id, signs, frames, cpu_s))


def test_a_task_without_a_sign_is_ended_at_its_limit_and_tried_again() -> None:
    play = Play("a", patience=PATIENCE)
    assert list(play.runs()) == ["probe:a"]
    beat(play, "probe:a")
    assert ends(play, 0.0) == []
    assert ends(play, STILL_S) == []
    again = play.decide(STILL_S + 1)
    assert again[0] == End("probe:a", None)
    assert [step.task.id for step in again if isinstance(step, Run)] == ["probe:a"]
    assert play.state.rows["a"].attempts == 2


def test_a_process_that_has_said_nothing_yet_gets_a_minute_more_to_start() -> None:
    play = Play("a", patience=PATIENCE)
    play.runs()
    assert ends(play, STILL_S + 60) == []
    assert ends(play, STILL_S + 61) == ["probe:a"]


def test_an_item_that_hangs_each_time_fails_with_a_reason_that_says_where() -> None:
    play = Play("a", patience=PATIENCE, attempts=2)
    play.runs()
    for now_s in (1.0, 103.0):
        beat(play, "probe:a", signs=5, frames=7.0)
        play.decide(now_s)
        assert ends(play, now_s + STILL_S + 1) == ["probe:a"]
    row = play.state.rows["a"]
    assert (row.state, row.kind) == ("failed", "WorkerLost")
    assert (
        "its probe made no progress after 7 frames for 100 s and its process was ended; see limits.still_s"
        in row.reason
    )


def test_a_worker_that_gives_signs_may_take_as_long_as_it_likes() -> None:
    play = Play("a", patience=PATIENCE)
    play.runs()
    for second in range(0, 5000, 50):
        beat(play, "probe:a", signs=second)
        assert ends(play, float(second)) == []


@pytest.mark.parametrize(("after_s", "ended"), [(990.0, []), (1010.0, ["probe:a"])])
def test_one_that_computes_without_a_sign_gets_ten_times_as_long(after_s: float, ended: list[str]) -> None:
    play = Play("a", patience=PATIENCE)
    play.runs()
    for second in range(0, 1000, 10):
        beat(play, "probe:a", signs=1, cpu_s=second / 2)
        found = ends(play, float(second))
        assert not found
    beat(play, "probe:a", signs=1, cpu_s=500)
    assert ends(play, after_s) == ended


def test_one_that_has_known_slower_tasks_gets_twenty_times_what_they_took() -> None:
    """A pair took 100 s: the next segment of ten pairs may compute for 20 000 s without a sign."""
    play = Play("a", patience=PATIENCE).probed()
    play.warm("restore-1")
    assert list(play.runs()) == ["flow:a:0"]
    play.scheduler.handle(Answered(FlowReceipt("flow:a:0", seconds=1000.0, frames=10)))
    assert list(play.runs()) == ["flow:a:1"]
    pairs = 9
    for second in range(0, 2000 * pairs, 90):
        beat(play, "flow:a:1", signs=1, cpu_s=float(second))
        assert ends(play, float(second)) == []
    assert ends(play, 2000.0 * pairs + 200) == ["flow:a:1"]


def test_a_probe_that_stands_still_does_not_keep_others_from_a_machine_with_one_place() -> None:
    play = Play("a", "b", "c", "d", patience=PATIENCE)
    assert list(play.runs()) == ["probe:a"]
    assert [step for step in play.decide(30.0) if isinstance(step, Run)] == []
    more = [step for step in play.decide(31.0) if isinstance(step, Run)]
    assert [(step.task.id, step.extra) for step in more] == [("probe:b", True)]
    assert [step for step in play.decide(32.0) if isinstance(step, Run)] == []  # one more, not all
    play.done("probe:b")
    assert "probe:c" in [step.task.id for step in play.decide(33.0) if isinstance(step, Run)]


def test_a_probe_that_works_keeps_its_place() -> None:
    play = Play("a", "b", patience=PATIENCE)
    play.runs()
    for second in range(0, 200, 20):
        beat(play, "probe:a", signs=second)
        assert [step for step in play.decide(float(second)) if isinstance(step, Run)] == []


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("on_cluster")
def test_a_process_that_hears_nothing_is_killed_and_its_task_done_in_another_one(tmp_path: Path) -> None:
    """It is stopped, as in a read from a dead mount. And one more process finds a place though every CPU is taken."""
    waits, goes_on = (ProbeTask(toy_item(name, tmp_path)) for name in ("waits_in_probe", "b"))
    context = toy_context(tmp_path)
    with ray_runtime():
        pools, beats = Pools(context, ToyWorker, LAPTOP), BeatReader(context.run_id)
        pools.run(waits, None)
        pools.run(goes_on, None, extra=True)
        heard: list[Beat] = []
        now_s = 0.0
        while not heard:
            pools.wait(0.2)
            now_s += BEAT_S
            heard = beats.read([waits.id], now_s)
        place = beats.place_of(waits.id)
        assert place is not None
        os.kill(place.process, signal.SIGSTOP)
        pools.end(waits.id, None, place)
        pools.run(waits, None)
        (tmp_path / "go").touch()
        events: list[Event] = []
        while not any(isinstance(event, Answered) and event.answer.task_id == waits.id for event in events):
            events += pools.wait(1.0)
        pools.close()
    answers = [event.answer for event in events if isinstance(event, Answered)]
    assert all(isinstance(answer, Receipt) for answer in answers)  # nothing that the first process left counts
    assert heard[0].cpu_s > 0
    assert not Path(f"/proc/{place.process}").exists()
