"""Findings from a run's timeline and traces."""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reelmend.pipelines.observe.diagnosis import Finding
from reelmend.pipelines.observe.timeline import Span
from reelmend.pipelines.stages.torch_trace import TASK_SPAN
from reelmend.pipelines.tasks import Stage
from reelmend.pipelines.utils.units import readable_seconds

_LONGEST = 3
"""Operators that are named."""
_ON_GPU = ("kernel", "gpu_memcpy", "gpu_memset")
_OUTLIER = 4.0
"""Times the mean of its stage from which a task is named."""


@dataclass(frozen=True)
class Operators:
    """Of one trace: seconds that each operator took by itself."""

    on_gpu: bool
    task_s: float
    """That the traced task took, 0 where the trace does not say."""
    seconds: dict[str, float]
    steps: dict[str, float]
    """Seconds that each named step took (`reelmend.core_model.ranges`), without those that it calls."""


def read_trace(packed: bytes) -> Operators:
    """Add up torch's trace: kernels where there are any, else operators of the CPU, without those they call."""
    try:
        events = json.loads(gzip.decompress(packed))["traceEvents"]
    except (OSError, EOFError, KeyError, TypeError) as exc:
        raise ValueError(f"no trace: {exc}") from exc
    spans = [event for event in events if event.get("ph") == "X"]
    kernels = [event for event in spans if event.get("cat") in _ON_GPU]
    seconds: dict[str, float] = defaultdict(float)
    for event in kernels:
        seconds[event["name"]] += event["dur"] / 1e6
    if not kernels:
        _add_self_times([event for event in spans if event.get("cat") == "cpu_op"], seconds)
    steps: dict[str, float] = defaultdict(float)
    ranges = "gpu_user_annotation" if kernels else "user_annotation"
    _add_self_times([span for span in spans if span.get("cat") == ranges], steps, _step_name)
    task_s = max((event["dur"] / 1e6 for event in spans if event["name"].startswith(TASK_SPAN)), default=0.0)
    return Operators(bool(kernels), task_s, dict(seconds), dict(steps))


def _step_name(name: str) -> str:
    """Return the name of a range without the frames that it is about; "the rest" for that of the task."""
    return "the rest" if name.startswith(TASK_SPAN) else re.sub(r" \d[\d-]*", "", name)


def _add_self_times(
    spans: list[dict[str, Any]], seconds: dict[str, float], name_of: Callable[[str], str] = str
) -> None:
    by_thread = defaultdict(list)
    for span in spans:
        by_thread[span["tid"]].append(span)
    for thread in by_thread.values():
        callers: list[dict[str, Any]] = []
        for span in sorted(thread, key=lambda s: (s["ts"], -s["dur"])):
            while callers and callers[-1]["ts"] + callers[-1]["dur"] <= span["ts"]:
                callers.pop()
            if callers:
                seconds[name_of(callers[-1]["name"])] -= span["dur"] / 1e6
            seconds[name_of(span["name"])] += span["dur"] / 1e6
            callers.append(span)


def from_traces(stage: Stage, traces: Sequence[Operators]) -> Iterator[Finding]:
    yield _operators(stage, traces)
    steps: dict[str, float] = defaultdict(float)
    for trace in traces:
        for name, seconds in trace.steps.items():
            steps[name] += seconds
    if len(steps) > 1:
        yield Finding(f"By step of {stage}, as the trace names them: {_shares(steps)}.")


def _shares(seconds: dict[str, float]) -> str:
    longest = sorted(seconds, key=lambda name: -seconds[name])[:_LONGEST]
    return ", ".join(f"{name[:60]} {seconds[name] / sum(seconds.values()):.0%}" for name in longest)


def _operators(stage: Stage, traces: Sequence[Operators]) -> Finding:
    total: dict[str, float] = defaultdict(float)
    for trace in traces:
        for name, seconds in trace.seconds.items():
            total[name] += seconds
    if not total:
        compute = "they compute with NumPy, numba and OpenCV"
        return Finding(f"In {len(traces)} traced {stage} tasks, torch computed nothing: {compute}.")
    where = "on the GPU" if any(trace.on_gpu for trace in traces) else "on the CPU"
    task_s = sum(trace.task_s for trace in traces)
    share = f", {sum(total.values()) / task_s:.0%} of {readable_seconds(task_s)}" if task_s else ""
    return Finding(
        f"In {len(traces)} traced {stage} tasks, torch computed for {readable_seconds(sum(total.values()))} "
        f"{where}{share}; longest: {_shares(total)}."
    )


def from_timeline(spans: Sequence[Span]) -> Iterator[Finding]:
    done = [span for span in spans if span.outcome == "computed"]
    # What the workers of the pools do; on Ray, probes and stitches have separate processes, which have to start.
    pooled = [span for span in done if span.stage in (Stage.FLOW, Stage.INPAINT)]
    if pooled:
        yield from _dispatch(pooled)
        yield from _tail(pooled)
    if done:
        yield from _outlier(done)


def _dispatch(done: Sequence[Span]) -> Iterator[Finding]:
    wait_s = sum(span.start_s - span.handed_out_s for span in done) / len(done)
    task_s = sum(span.stop_s - span.start_s for span in done) / len(done)
    yield Finding(
        f"A segment or chunk started {1000 * wait_s:.0f} ms after it was assigned and took {1000 * task_s:.0f} ms, "
        f"on average over {len(done)}.",
        "raise plan.chunk_length and flow.segment_length: tasks are short" if wait_s > task_s / 5 else "",
    )


def _outlier(done: Sequence[Span]) -> Iterator[Finding]:
    worst = max(done, key=lambda span: span.stop_s - span.start_s)
    alike = [span.stop_s - span.start_s for span in done if span.stage is worst.stage]
    mean_s, worst_s = sum(alike) / len(alike), worst.stop_s - worst.start_s
    if worst_s > _OUTLIER * mean_s:
        yield Finding(
            f"{worst.task_id} took {readable_seconds(worst_s)}, {worst_s / mean_s:.0f} times the mean of {worst.stage} "
            f"({readable_seconds(mean_s)}), on worker {worst.worker}.",
            "check its row in the timeline: first task of a worker, larger frames, a slow machine?",
        )


def _tail(done: Sequence[Span]) -> Iterator[Finding]:
    """How long, at the end, was only one of several workers still at work?"""
    workers = {span.worker for span in done}
    begin, end = min(span.start_s for span in done), max(span.stop_s for span in done)
    last = max(done, key=lambda span: span.stop_s).worker
    others_end = max((span.stop_s for span in done if span.worker != last), default=end)
    alone_s = end - others_end
    if len(workers) > 1 and alone_s > 0.1 * (end - begin):
        yield Finding(
            f"For the last {readable_seconds(alone_s)} of {readable_seconds(end - begin)} of flow and inpainting only "
            f"one worker was busy ({last}).",
            "start with the longest videos, or lower plan.chunk_length so that other workers can share them",
        )
