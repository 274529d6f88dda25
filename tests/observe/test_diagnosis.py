"""Is the right stage blamed, and the right thing named to turn?"""

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from reelmend.pipelines.observe.diagnosis import diagnose
from reelmend.pipelines.observe.profile_findings import from_timeline, read_trace
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.observe.timeline import Span
from reelmend.pipelines.observe.utilization import RunUtilization
from reelmend.pipelines.tasks import Stage

BUSY = RunUtilization(seconds=100, workers=4, in_work={"inpaint": 4}, ready={"inpaint": 3}, first_chunk_s=1)


def told(load: RunUtilization = BUSY, seconds: dict[str, float] | None = None, **more: Any) -> str:
    summary = RunSummary("r", "n", more.pop("engine", "propagation"), "ray", "out", 0, more.pop("ended_at", 101), 1)
    spent = seconds or {"probe": 10, "flow": 60, "inpaint": 300, "stitch": 30}
    summary = replace(summary, tasks_computed=9, seconds_by_stage=spent, load=load.to_dict(), **more)
    return "\n".join(f"{finding.what} -> {finding.turn}" for finding in diagnose(summary))


def test_on_shared_cores_the_stage_that_took_longest_is_the_bottleneck() -> None:
    assert "The bottleneck is inpaint: inpainting took 75% of the workers' time, 5:00 min of 6:40 min" in told()
    stitching = told(seconds={"inpaint": 10, "stitch": 90})
    assert "The bottleneck is stitch" in stitching
    assert "stitch.speed=veryfast" in stitching


def test_pools_of_their_own_are_told_by_their_queues_not_by_their_seconds() -> None:
    load = replace(BUSY, apart=True, ready={"flow": 0.1, "inpaint": 6.5, "stitch": 0.0})
    found = told(load, seconds={"flow": 500, "inpaint": 300}, engine="propainter")
    assert "The bottleneck is inpaint: 6.5 of its tasks waited for a worker on average" in found


def test_the_advice_for_flow_is_that_of_its_engine() -> None:
    assert "propainter.raft_iterations=12" in told(seconds={"flow": 9}, engine="propainter")
    assert "raft" not in told(seconds={"flow": 9})


def test_one_worker_is_called_one_whatever_the_rounding() -> None:
    assert "The one worker was at work for 100% of the time" in told(replace(BUSY, workers=1 + 1e-12))


def test_busy_workers_are_the_bottleneck_themselves() -> None:
    assert "4 workers were at work for 100% of the time. -> to make it faster, add workers" in told()


@pytest.mark.parametrize(
    ("in_work", "advice"),
    [({"stitch": 3.0}, "stitch.speed"), ({"probe": 3.0}, "run.active_items"), ({}, "lower plan.chunk_length")],
)
def test_workers_that_starve_are_told_what_they_waited_for(in_work: dict[str, float], advice: str) -> None:
    found = told(replace(BUSY, starved=2.0, in_work=in_work, ready={}))
    assert "at work for 50% of the time; for 50% no task was ready for them, for 0% tasks were ready" in found
    meanwhile = next(line for line in found.splitlines() if line.startswith(("Meanwhile", "Few")))
    assert advice in meanwhile


def test_a_long_start_is_named_and_a_short_one_is_not() -> None:
    assert "Startup and shutdown took 50.0 s of 2:30 min" in told(ended_at=150)
    assert "Startup and shutdown took" not in told()


def test_cache_retries_and_memory_are_told_from_the_metrics() -> None:
    found = told(
        metrics={
            "reelmend_flow_cache_hits_total": 30.0,
            "reelmend_flow_cache_misses_total": 10.0,
            'reelmend_retries_total{stage="flow"}': 4.0,
            'reelmend_tasks_total{outcome="lost",stage="flow"}': 3.0,
            'reelmend_oom_steps_total{stage="inpaint"}': 2.0,
        }
    )
    assert "Flow: 30 of 40 segments were in the cache; a computed one took 6 s." in found
    assert "4 attempts failed and were retried; 3 attempts failed because their worker died." in found
    assert "2 times a block or segment did not fit into memory" in found


def test_a_run_that_computed_nothing_has_no_bottleneck() -> None:
    summary = RunSummary("r", "n", "propagation", "ray", "out", 0, 1, 1)
    assert [finding.what for finding in diagnose(summary)] == ["This run computed nothing: everything was cached."]


def span(worker: str, start_s: float, stop_s: float, waited_s: float = 0.0) -> Span:
    return Span(f"inpaint:a:{start_s}", Stage.INPAINT, "computed", worker, start_s - waited_s, start_s, stop_s)


def test_the_timeline_tells_of_a_tail_an_outlier_and_a_slow_handing_out() -> None:
    spans = [span("m:1", start, start + 1.0, waited_s=0.5) for start in range(5)]
    found = "\n".join(finding.what for finding in from_timeline([*spans, span("m:2", 0, 15)]))
    assert "started 417 ms after it was assigned and took 3333 ms, on average over 6" in found
    assert "inpaint:a:0 took 15.0 s, 4 times the mean of inpaint (3.3 s), on worker m:2." in found
    assert "For the last 10.0 s of 15.0 s of flow and inpainting only one worker was busy (m:2)." in found


def test_time_of_an_operator_is_without_that_of_the_operators_it_calls() -> None:
    events: list[tuple[str, str, float, float]] = [
        ("reelmend inpaint:a:0", "user_annotation", 0, 10e6),
        ("outer", "cpu_op", 0, 5e6),
    ]
    events += [("inner", "cpu_op", 1e6, 2e6), ("inner", "cpu_op", 4e6, 1e6), ("outer", "cpu_op", 6e6, 1e6)]
    document = {
        "traceEvents": [
            {"ph": "X", "name": name, "cat": category, "ts": ts, "dur": dur, "tid": 1}
            for name, category, ts, dur in events
        ]
    }
    found = read_trace(gzip.compress(json.dumps(document).encode()))
    assert found.seconds == {"outer": pytest.approx(3.0), "inner": pytest.approx(3.0)}
    assert found.task_s == 10.0


def test_a_first_chunk_that_waited_for_its_flow_says_nothing_against_compilation() -> None:
    found = told(replace(BUSY, first_chunk_s=40, start_s=1), engine="propainter")
    assert "The first chunk started 40.0 s after the first task was assigned, of 1:40 min: it waited for" in found
    assert "compile" not in found


def test_workers_that_keep_tasks_waiting_while_they_start_are_told_what_starts_sooner() -> None:
    found = told(replace(BUSY, first_chunk_s=40, start_s=30), engine="propainter")
    assert "for 30.0 s of it tasks were ready, and workers were starting" in found
    assert "propainter.compile=off starts sooner" in found
