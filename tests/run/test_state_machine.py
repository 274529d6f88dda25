"""Does the state machine of a run hand out the right task, and read every answer right?"""

import tracemalloc

import pytest

from reelmend.pipelines.run.item_lifecycle import IllegalMoveError
from reelmend.pipelines.run.state_machine import BREAKER_FAILURES, RunState
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import ProbeReceipt, Stage
from tests.run.story import bad_data, bad_machine, begin, item, lost, plan, receipt, take


def test_an_item_goes_from_probe_over_flow_and_chunks_to_stitch() -> None:
    story = begin("a")
    stages = []
    while task := story.state.take():
        stages.append(task.id)
        story.state.handle(receipt(task))
    # Chunk 0 reads segment 0 only, and is more urgent than segment 1.
    assert stages == ["probe:a", "flow:a:0", "inpaint:a:0", "flow:a:1", "inpaint:a:1", "stitch:a"]
    assert story.row("a").state is ItemState.RESTORED
    assert story.state.over


def test_a_chunk_waits_for_the_segments_it_reads() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story.state, Stage.PROBE)))
    first, second = take(story.state, Stage.FLOW), take(story.state, Stage.FLOW)
    story.state.handle(receipt(second))
    assert story.state.ready(Stage.INPAINT) == 0
    story.state.handle(receipt(first))
    assert story.state.ready(Stage.INPAINT) == 2


def test_chunks_that_read_no_flow_are_ready_at_once() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story.state, Stage.PROBE), plan(segments=0, chunks=3)))
    assert story.state.ready(Stage.INPAINT) == 3


def test_the_item_started_first_comes_first_within_a_stage() -> None:
    story = begin("a", "b")
    probes = [take(story.state, Stage.PROBE), take(story.state, Stage.PROBE)]
    for probe in reversed(probes):
        story.state.handle(receipt(probe))
    assert [take(story.state, Stage.FLOW).id for _ in range(3)] == ["flow:a:0", "flow:a:1", "flow:b:0"]


def test_a_task_of_one_item_can_be_asked_for() -> None:
    story = begin("a", "b")
    for _ in range(2):
        story.state.handle(receipt(take(story.state, Stage.PROBE)))
    task = story.state.take((Stage.FLOW,), item="b")
    assert task is not None
    assert task.id == "flow:b:0"
    assert story.state.take((Stage.FLOW,), item="unknown") is None


def test_no_more_items_are_started_than_may_be_in_work() -> None:
    story = begin("a", "b", "c", active_items=2)
    probes = [take(story.state, Stage.PROBE), take(story.state, Stage.PROBE)]
    assert story.state.take() is None
    story.state.handle(ProbeReceipt(probes[0].id, final="untouched"))
    assert take(story.state, Stage.PROBE).item.id == "c"


def test_items_in_work_follow_the_workers_when_the_job_leaves_it_open() -> None:
    state = RunState([item(str(n)) for n in range(99)], attempts=1, active_items=0)
    state.expect_workers(10)
    assert state.ready(Stage.PROBE) == 40


@pytest.mark.parametrize("earlier", [True, False])
@pytest.mark.parametrize(("final", "state"), [("untouched", ItemState.UNTOUCHED), ("restored", ItemState.RESTORED)])
def test_a_probe_can_end_an_item(final: str, state: ItemState, earlier: bool) -> None:
    story = begin("a")
    probe = take(story.state, Stage.PROBE)
    story.state.handle(ProbeReceipt(probe.id, final=final, reused=earlier, note="the mask is empty", frames=7))  # type: ignore[arg-type]
    row = story.row("a")
    assert (row.state, row.reason, row.frames) == (state, "the mask is empty", 7)
    assert row.reused is earlier
    assert story.state.over


def test_bad_data_quarantines_the_item_and_drops_its_other_tasks() -> None:
    story = begin("a", "b")
    for _ in range(2):
        story.state.handle(receipt(take(story.state, Stage.PROBE)))
    story.state.handle(bad_data(take(story.state, Stage.FLOW)))
    row = story.row("a")
    assert (row.state, row.kind, row.reason, row.stage) == (ItemState.QUARANTINED, "MediaError", "no frames", "flow")
    assert story.state.ready(Stage.FLOW) == 2  # those of b
    story.finish()
    assert story.row("b").state is ItemState.RESTORED


def test_answers_to_a_quarantined_item_change_nothing() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story.state, Stage.PROBE)))
    bad, late = take(story.state, Stage.FLOW), take(story.state, Stage.FLOW)
    story.state.handle(bad_data(bad))
    heard = len(story.heard)
    story.state.handle(receipt(late))
    assert story.row("a").state is ItemState.QUARANTINED
    assert len(story.heard) == heard
    assert story.state.in_work == {}


def test_an_answer_that_comes_twice_counts_once() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story.state, Stage.PROBE)))
    flow = take(story.state, Stage.FLOW)
    story.state.handle(receipt(flow))
    story.state.handle(receipt(flow))
    assert story.row("a").tasks_computed == 2  # the probe and one segment


def test_an_item_is_tried_again_until_its_attempts_are_used_up() -> None:
    story = begin("a", "b", attempts=3)
    for _ in range(3):
        assert story.row("a").state is not ItemState.FAILED
        probe = story.state.take((Stage.PROBE,), item="a") or take(story.state, Stage.PROBE)
        story.state.handle(bad_machine(probe))
    row = story.row("a")
    assert (row.state, row.attempts, row.stage) == (ItemState.FAILED, 3, "probe")
    assert row.reason == "disk full (tried 3 times)"
    story.finish()
    assert story.row("b").state is ItemState.RESTORED


def test_a_failed_task_comes_again_behind_the_item_s_other_tasks() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story.state, Stage.PROBE)))
    story.state.handle(bad_machine(take(story.state, Stage.FLOW)))
    assert [take(story.state, Stage.FLOW).id for _ in range(2)] == ["flow:a:1", "flow:a:0"]


def test_a_task_that_kills_its_worker_each_time_is_said_to() -> None:
    story = begin("a", attempts=3)
    story.state.handle(receipt(take(story.state, Stage.PROBE)))
    for _ in range(3):
        task = take(story.state, Stage.FLOW)
        if task.id == "flow:a:1":
            story.state.handle(receipt(task))
            task = take(story.state, Stage.FLOW)
        story.state.handle(lost(task, "WorkerLost"))
    assert story.row("a").reason.startswith(
        "the worker died 3 times on this item, the last time on flow:a:0: it vanish"
    )
    assert story.row("a").kind == "WorkerLost"


def test_a_long_item_whose_every_chunk_kills_its_worker_takes_three_of_them_and_not_the_run() -> None:
    story = begin("a", "b", attempts=3)
    story.state.handle(receipt(take(story.state, Stage.PROBE), plan(segments=0, chunks=100)))
    for _ in range(3):
        story.state.handle(lost(take(story.state, Stage.INPAINT), "WorkerLost"))
    assert (story.row("a").state, story.row("a").attempts) == (ItemState.FAILED, 3)
    story.finish()
    assert story.row("b").state is ItemState.RESTORED


def test_what_is_in_hand_when_an_attempt_fails_belongs_to_the_same_attempt() -> None:
    story = begin("a", attempts=3)
    story.state.handle(receipt(take(story.state, Stage.PROBE), plan(segments=8)))
    for task in [take(story.state, Stage.FLOW) for _ in range(8)]:
        story.state.handle(bad_machine(task))
    assert (story.row("a").state, story.row("a").attempts) == (ItemState.RUNNING, 1)
    story.finish()
    assert (story.row("a").state, story.row("a").attempts) == (ItemState.RESTORED, 2)


def test_machines_that_are_taken_back_use_up_no_attempt_of_a_long_item() -> None:
    story = begin("a", attempts=2)
    story.state.handle(receipt(take(story.state, Stage.PROBE), plan(segments=0, chunks=20)))
    for _ in range(12):
        story.state.handle(lost(take(story.state, Stage.INPAINT), "MachineLost"))
    story.finish()
    assert (story.row("a").state, story.row("a").attempts) == (ItemState.RESTORED, 1)
    assert not story.state.halted


def test_a_task_that_takes_its_machine_down_each_time_fails_its_item() -> None:
    story = begin("a", attempts=3)
    for _ in range(3):
        story.state.handle(lost(take(story.state, Stage.PROBE), "MachineLost"))
    row = story.row("a")
    assert (row.state, row.kind) == (ItemState.FAILED, "MachineLost")
    assert row.reason == "the machine went away 3 times on this task (probe:a), the last time: it vanished"


def test_the_breaker_stops_a_run_in_which_everything_fails() -> None:
    names = [f"v{n}" for n in range(2 * BREAKER_FAILURES)]
    story = begin(*names, attempts=3, active_items=BREAKER_FAILURES)
    probes = [take(story.state, Stage.PROBE) for _ in range(BREAKER_FAILURES)]
    for probe in probes:
        assert not story.state.halted
        story.state.handle(bad_machine(probe))
    assert story.state.over
    assert "10 items in a row failed at probe, the last: disk full" in story.state.halted
    started, waiting = names[:BREAKER_FAILURES], names[BREAKER_FAILURES:]
    assert {story.row(name).state for name in started} == {ItemState.FAILED}
    assert {story.row(name).state for name in waiting} == {ItemState.PENDING}
    assert "disk full" in story.row(names[0]).reason
    assert story.state.take() is None


@pytest.mark.parametrize(("every", "halts"), [(BREAKER_FAILURES, False), (BREAKER_FAILURES + 1, True)])
def test_one_success_between_failures_keeps_the_run_going(every: int, halts: bool) -> None:
    """So many items less one fail between two that do not."""
    story = begin(*(f"v{n}" for n in range(60)), attempts=9, active_items=60)
    for n, probe in enumerate([take(story.state, Stage.PROBE) for _ in range(60)]):
        story.state.handle(receipt(probe) if n % every == 0 else bad_machine(probe))
    assert bool(story.state.halted) is halts


def test_the_breaker_stops_a_run_in_which_one_stage_never_succeeds() -> None:
    """Probes that succeed in between must not keep a million items going into the same full disk."""
    story = begin(*(f"v{n}" for n in range(30)), attempts=3, active_items=30)
    while not story.state.over:
        story.state.handle(receipt(take(story.state, Stage.PROBE)))
        story.state.handle(bad_machine(take(story.state, Stage.FLOW)))
    assert "10 items in a row failed at flow, the last: disk full" in story.state.halted


def test_a_machine_that_dies_with_all_its_workers_is_not_taken_for_a_broken_stage() -> None:
    story = begin(*(f"v{n}" for n in range(40)), active_items=40)
    story.state.expect_workers(32)
    for task in [take(story.state, Stage.PROBE) for _ in range(32)]:
        story.state.handle(bad_machine(task, "WorkerLost"))
    assert not story.state.halted


def test_one_item_that_fails_over_and_over_does_not_stop_the_run() -> None:
    story = begin("a", attempts=BREAKER_FAILURES + 5)
    story.state.handle(receipt(take(story.state, Stage.PROBE), plan(segments=99)))
    for _ in range(BREAKER_FAILURES + 4):
        story.state.handle(bad_machine(take(story.state, Stage.FLOW)))
    assert not story.state.halted


def test_a_halted_run_takes_no_more_answers() -> None:
    story = begin("a")
    probe = take(story.state, Stage.PROBE)
    story.state.halt("no worker could start")
    story.state.handle(receipt(probe))
    assert story.row("a").state is ItemState.FAILED
    assert story.row("a").reason == "the run was stopped: no worker could start"


def test_the_row_counts_what_was_computed_and_what_was_there() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story.state, Stage.PROBE), seconds=1.0, facts={"digest": "d"}, peak_rss_mb=90.0))
    for n in range(2):
        story.state.handle(receipt(take(story.state, Stage.FLOW), reused=n == 0, seconds=2.0, bytes_written=5))
    for n in range(2):
        story.state.handle(receipt(take(story.state, Stage.INPAINT), reused=n == 0, peak_rss_mb=200.0))
    assert story.row("a").state is ItemState.STITCHING
    story.finish()
    row = story.row("a")
    assert (row.tasks_planned, row.tasks_reused, row.tasks_computed) == (6, 2, 4)
    assert (row.chunks_planned, row.chunks_reused, row.chunks_computed, row.frames_done) == (2, 1, 1, 20)
    assert row.seconds == {"probe": 1.0, "flow": 4.0, "inpaint": 0.0, "stitch": 0.0}
    assert (row.bytes_written, row.peak_rss_mb, row.facts) == (10, 200.0, {"digest": "d"})
    assert (row.frames, row.width, row.height, row.started_at, row.ended_at) == (20, 64, 48, 100.0, 100.0)


def test_the_listener_hears_of_every_change_with_its_cause() -> None:
    story = begin("a")
    probe = take(story.state, Stage.PROBE)
    answer = ProbeReceipt(probe.id, final="untouched")
    story.state.handle(answer)
    assert story.heard == [("a", ItemState.PROBING, None), ("a", ItemState.UNTOUCHED, answer)]


def test_stages_that_can_bring_no_more_tasks_are_known() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story.state, Stage.PROBE)))
    assert not story.state.may_come(Stage.PROBE)
    assert story.state.may_come(Stage.INPAINT)
    while story.row("a").state is not ItemState.STITCHING:
        task = story.state.take()
        assert task is not None
        story.state.handle(receipt(task))
    assert not story.state.may_come(Stage.INPAINT)
    assert story.state.may_come(Stage.STITCH)


def test_an_impossible_answer_is_refused_with_the_item_s_story() -> None:
    story = begin("a")
    probe = take(story.state, Stage.PROBE)
    with pytest.raises(IllegalMoveError, match=r"(?s)story of item a.*pending -> probing.*probe:a taken, attempt 1"):
        story.state.handle(ProbeReceipt(probe.id))  # neither an end nor a plan


def test_two_items_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="not unique"):
        begin("a", "a")


def test_items_that_an_earlier_run_finished_end_without_a_worker() -> None:
    story = begin("a", "b")
    story.state.settle({"a": ProbeReceipt("probe:a", reused=True, frames=7, final="restored")})
    assert (story.row("a").state, story.row("a").reused, story.row("a").frames) == (ItemState.RESTORED, True, 7)
    assert take(story.state, Stage.PROBE).id == "probe:b"
    assert story.state.take() is None


def test_an_item_that_waits_holds_no_more_than_its_row() -> None:
    items = [item(str(number)) for number in range(2000)]
    tracemalloc.start()
    state = RunState(items, attempts=3, active_items=4)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(state.rows) == 2000
    assert held_bytes / 2000 < 1500
