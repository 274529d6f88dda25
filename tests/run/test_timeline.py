"""Does the timeline show what was true, also where clocks differ, workers die and a run is long?"""

import gzip
import json
from typing import Any

import pytest

from reelmend.pipelines.observe import timeline
from reelmend.pipelines.observe.timeline import TRACED_TASKS, Span, Timeline, read_spans
from reelmend.pipelines.tasks import (
    Effort,
    Failure,
    FlowReceipt,
    FlowTask,
    Receipt,
    Segment,
    Stage,
    StitchTask,
    Task,
    TraceDetail,
)
from tests.run.story import bad_machine, item, plan, receipt


class Clock:
    time_s = 1000.0

    def __call__(self) -> float:
        return self.time_s


def segment(number: int) -> Task:
    return FlowTask(item("a"), plan(), Segment(number, 0, 10))


def play(task: Task, answer: Receipt | Failure, *, lasts_s: float = 10.0) -> Timeline:
    clock = Clock()
    watcher = Timeline(clock)
    handed_out = watcher.handed_out(task)
    clock.time_s += lasts_s
    watcher.answered(handed_out, answer)
    return watcher


def done(task: Task, **effort: Any) -> Receipt:
    return FlowReceipt(task.id, seconds=4.0, effort=Effort(worker="m:7", **effort))


@pytest.mark.parametrize(
    ("began_at", "start_s"),
    [(1003.0, 1003.0), (200.0, 1000.0), (9999.0, 1006.0)],
    ids=["clocks agree", "the worker's is slow", "the worker's is fast"],
)
def test_a_span_lies_between_handing_out_and_answer_whatever_the_workers_clock(began_at: float, start_s: float) -> None:
    (span,) = play(segment(0), done(segment(0), began_at=began_at)).spans
    assert (span.start_s, span.stop_s, span.worker, span.outcome) == (start_s, start_s + 4.0, "m:7", "computed")


def test_a_task_whose_worker_died_lasts_until_that_was_known_and_says_why() -> None:
    (span,) = play(segment(0), bad_machine(segment(0), kind="WorkerLost")).spans
    assert (span.stop_s - span.start_s, span.outcome, span.reason) == (10.0, "lost", "disk full")


def test_only_the_first_tasks_that_compute_are_traced() -> None:
    watcher, traced = Timeline(Clock()), []
    for number in range(8):
        task = watcher.handed_out(segment(number))
        if task.traced:
            traced.append(number)
        watcher.answered(task, FlowReceipt(task.id, reused=number < 2))  # what is found in the store shows nothing
    assert traced == [0, 1, *range(2, 2 + TRACED_TASKS)]
    assert not watcher.handed_out(StitchTask(item("a"), plan())).traced


def test_traced_tasks_are_given_the_details_and_with_nvtx_no_task_is_left_out() -> None:
    shapes, nvtx = (TraceDetail.SHAPES,), (TraceDetail.NVTX,)
    first, *_, last = [Timeline(Clock(), shapes).handed_out(segment(number)) for number in range(2)]
    assert (first.trace_details, last.trace_details) == (shapes, shapes)
    watcher = Timeline(Clock(), nvtx)
    assert all(watcher.handed_out(segment(n)).trace_details == nvtx for n in range(3 * TRACED_TASKS))
    watcher = Timeline(Clock(), shapes)
    beyond = [watcher.handed_out(segment(n)) for n in range(TRACED_TASKS + 1)][-1]
    assert (beyond.traced, beyond.trace_details) == (False, ())


def test_what_was_written_is_read_back_with_times_from_the_begin() -> None:
    watcher = play(segment(0), done(segment(0), began_at=1003.0))
    (span,) = read_spans(watcher.to_json_gz())
    assert span == Span("flow:a:0", Stage.FLOW, "computed", "m:7", 0.0, 3.0, 7.0)
    with pytest.raises(ValueError, match="no timeline"):
        read_spans(b"damaged")


def test_workers_of_a_machine_lie_together() -> None:
    watcher = Timeline(Clock())
    for number, worker in enumerate(("b:1", "a:2", "a:1", "b:1")):
        task = watcher.handed_out(segment(number))
        watcher.answered(task, FlowReceipt(task.id, effort=Effort(worker=worker)))
    events = json.loads(gzip.decompress(watcher.to_json_gz()))["traceEvents"]
    machines = {event["args"]["name"]: event["pid"] for event in events if event["name"] == "process_name"}
    rows = [(event["pid"], event["args"]["name"]) for event in events if event["name"] == "thread_name"]
    a, b = machines["a"], machines["b"]
    assert rows == [(a, "worker a:1"), (a, "worker a:2"), (b, "worker b:1")]


def test_a_long_runs_timeline_ends_and_says_how_much_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "MOST_SPANS", 3)
    watcher = Timeline(Clock())
    for number in range(5):
        watcher.answered(watcher.handed_out(segment(number)), receipt(segment(number)))
    written = json.loads(gzip.decompress(watcher.to_json_gz()))
    assert len(watcher.spans) == 3
    assert written["otherData"] == {"spans_left_out": 2}
