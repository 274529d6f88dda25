"""Timeline of workers as a Chrome trace: one row per worker, one span per task."""

import gzip
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reelmend.pipelines.observe.observer import RunObserver
from reelmend.pipelines.tasks import Failure, Receipt, Stage, Task, TraceDetail

MOST_SPANS = 100_000
"""A longer run's timeline ends there: Perfetto opens no more with ease, and the driver must not grow with the run."""
TRACED_TASKS = 3
"""Of each stage that computes: enough to see what is typical, few enough to be kept."""

_LOST = "lost with their worker"
_COLOURS = {"failed": "terrible", "lost": "terrible", "reused": "grey"}  # names that the trace format knows


def stage_of_trace(name: str) -> Stage | None:
    """Return the stage of the task whose trace a file of this name holds; None for another file."""
    kind, _, rest = name.partition("-")
    stage = rest.partition("-")[0]
    return Stage(stage) if kind == "torch" and stage in list(Stage) else None


@dataclass(frozen=True)
class Span:
    """One attempt at a task; times are the driver's seconds since the epoch."""

    task_id: str
    stage: Stage
    outcome: str
    worker: str
    handed_out_s: float
    start_s: float
    stop_s: float
    reason: str = ""


class Timeline(RunObserver):
    """Records what each worker did when, and has the first tasks of flow and inpainting traced."""

    def __init__(self, now: Callable[[], float] = time.time, details: Sequence[TraceDetail] = ()) -> None:
        """`details` go into the traces. With NVTX all tasks have ranges: who looks chooses when."""
        self._details = tuple(details)
        self._most = math.inf if TraceDetail.NVTX in details else TRACED_TASKS
        self.spans: list[Span] = []
        self.left_out = 0
        self._now = now
        self._handed_out: dict[str, float] = {}
        self._traces: Counter[Stage] = Counter()

    def handed_out(self, task: Task) -> Task:
        self._handed_out[task.id] = self._now()
        traced = task.stage in (Stage.FLOW, Stage.INPAINT) and self._traces[task.stage] < self._most
        self._traces[task.stage] += traced
        return replace(task, traced=traced, trace_details=self._details if traced else ())

    def answered(self, task: Task, answer: Receipt | Failure, *, again: bool = False) -> None:
        handed_out = self._handed_out.pop(task.id, self._now())
        if task.traced and (isinstance(answer, Failure) or answer.reused):  # it left no trace: another one is to
            self._traces[task.stage] -= 1
        if len(self.spans) >= MOST_SPANS:
            self.left_out += 1
            return
        self.spans.append(_span(task, answer, handed_out, self._now()))

    def to_json_gz(self) -> bytes:
        """Return the Chrome trace, packed."""
        return gzip.compress(json.dumps(chrome_trace(self.spans, self.left_out)).encode(), mtime=0)


def chrome_trace(spans: Sequence[Span], left_out: int = 0) -> dict[str, Any]:
    """Return the spans in the trace event format: a process a machine, a thread a worker; times in microseconds."""
    rows = {worker: number for number, worker in enumerate(sorted({span.worker for span in spans}), start=1)}
    machines = {name: number for number, name in enumerate(sorted({_machine(worker) for worker in rows}), start=1)}
    begin_s = min((span.handed_out_s for span in spans), default=0.0)
    events: list[dict[str, Any]] = []
    for machine, pid in machines.items():
        events.append({"ph": "M", "name": "process_name", "pid": pid, "args": {"name": machine}})
    for worker, tid in rows.items():
        place = {"pid": machines[_machine(worker)], "tid": tid}
        events.append({"ph": "M", "name": "thread_name", **place, "args": {"name": f"worker {worker}"}})
    for span in spans:
        place = {"pid": machines[_machine(span.worker)], "tid": rows[span.worker]}
        events.append({**_event(span, begin_s), **place})
    return {"displayTimeUnit": "ms", "traceEvents": events, "otherData": {"spans_left_out": left_out}}


def read_spans(packed: bytes) -> list[Span]:
    """Inverse of `to_json_gz`, but for times: those count from the run's begin. Raises ValueError."""
    try:
        events = json.loads(gzip.decompress(packed))["traceEvents"]
    except (OSError, EOFError, KeyError, TypeError) as exc:
        raise ValueError(f"no timeline: {exc}") from exc
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    return [_span_of(event, names[event["tid"]].removeprefix("worker ")) for event in events if event["ph"] == "X"]


def _span(task: Task, answer: Receipt | Failure, handed_out_s: float, answered_s: float) -> Span:
    if isinstance(answer, Receipt):
        outcome, reason = ("reused" if answer.reused else "computed"), ""
    else:
        outcome, reason = ("failed" if answer.effort.worker else "lost"), answer.reason
    start_s, stop_s = handed_out_s, answered_s
    if answer.effort.worker:  # by its own clock, which may be another than the driver's: moved to where it can be true
        latest_s = max(handed_out_s, answered_s - answer.seconds)
        start_s = min(max(answer.effort.began_at, handed_out_s), latest_s)
        stop_s = min(start_s + answer.seconds, answered_s)
    worker = answer.effort.worker or _LOST
    return Span(task.id, task.stage, outcome, worker, handed_out_s, start_s, stop_s, reason)


def _event(span: Span, begin_s: float) -> dict[str, Any]:
    told = {
        "task": span.task_id,
        "outcome": span.outcome,
        "waited_ms": round(1000 * (span.start_s - span.handed_out_s), 3),
    }
    event = {
        "ph": "X",
        "name": f"{span.stage} {span.task_id.partition(':')[2]}",
        "cat": str(span.stage),
        "ts": round(1e6 * (span.start_s - begin_s), 1),
        "dur": round(1e6 * (span.stop_s - span.start_s), 1),
        "args": told | ({"reason": span.reason} if span.reason else {}),
    }
    colour = _COLOURS.get(span.outcome)
    return event | ({"cname": colour} if colour else {})


def _span_of(event: dict[str, Any], worker: str) -> Span:
    told, start_s = event["args"], event["ts"] / 1e6
    return Span(
        task_id=told["task"],
        stage=Stage(event["cat"]),
        outcome=told["outcome"],
        worker=worker,
        handed_out_s=start_s - told["waited_ms"] / 1000,
        start_s=start_s,
        stop_s=start_s + event["dur"] / 1e6,
        reason=told.get("reason", ""),
    )


def _machine(worker: str) -> str:
    return worker.rpartition(":")[0] or worker
