"""What can be read off a run while it goes on, and in which words?

Every metric is declared here; a run's own port, Ray's exporter, the dashboard and docs/metrics.md use these names.
Labels are stage, outcome, device and le, never an item: a million of those would break whoever stores them.
"""

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pipelines.ledger import ItemState
from pipelines.tasks import Stage


class Kind(StrEnum):
    COUNTER = "counter"  # only grows while the run lives
    GAUGE = "gauge"


class TaskOutcome(StrEnum):
    COMPUTED = "computed"
    REUSED = "reused"  # its artefact was in the store already
    FAILED = "failed"  # the attempt came back with an error
    LOST = "lost"  # its worker died


FINISHED_EARLIER = "finished_earlier"
"""Outcome of an item whose output an earlier run had finished."""

ITEM_OUTCOMES = (*(str(state) for state in ItemState if state.ended), FINISHED_EARLIER)


QUALITY_STEPS = {f"{tenth / 10:g}": tenth / 10 for tenth in range(1, 11)} | {"+Inf": math.inf}
"""Bounds of the quality scores that are counted, as labels name them."""


@dataclass(frozen=True)
class Metric:
    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"reelmend_{name}_total", Kind.COUNTER, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"reelmend_{name}", Kind.GAUGE, meaning, labels)


ITEMS = _counter("items", "Items that have ended.", "outcome")
ITEMS_OPEN = _gauge("items_open", "Items of the run that have not ended.")
TASKS = _counter("tasks", "Attempts at tasks that have ended.", "stage", "outcome")
FRAMES = _counter("frames", "Frames (of flow: pairs of frames) of the tasks that computed something.", "stage")
STAGE_SECONDS = _counter("stage_seconds", "Seconds that workers spent on tasks, failed attempts included.", "stage")
RETRIES = _counter("retries", "Attempts that failed and were followed by another.", "stage")
TASKS_READY = _gauge("tasks_ready", "Tasks that wait for a worker.", "stage")
TASKS_IN_WORK = _gauge("tasks_in_work", "Tasks that a worker has.", "stage")
WORKERS = _gauge("workers", "Workers for flow and inpainting that the run reckons with.")
FLOW_HITS = _counter("flow_cache_hits", "Flow segments that were found in the cache.")
FLOW_MISSES = _counter("flow_cache_misses", "Flow segments that had to be computed.")
BYTES_READ = _counter(
    "bytes_read",
    "Bytes of artefacts read, and of inputs copied to a worker's machine (not of those on its disk).",
    "stage",
)
BYTES_WRITTEN = _counter("bytes_written", "Bytes of flow, parts and outputs written.", "stage")
TO_REVIEW = _counter("items_review", "Restored items whose quality score is below quality.review_below.")
QUALITY = _counter(
    "quality_items", "Restored items whose quality score is at most `le`, as the buckets of a histogram are.", "le"
)
QUALITY_SUM = _counter("quality_score", "Sum of the quality scores of restored items.")
OOM_STEPS = _counter("oom_steps", "Times that memory did not do: less was tried at once, or smaller.", "stage")
GPU_USED = _gauge("gpu_used_bytes", "Memory in use on a GPU after the last task there, by whomever.", "device")
GPU_PEAK = _gauge("gpu_peak_bytes", "The most memory that one worker of the run ever had on a GPU.", "device")

METRICS: tuple[Metric, ...] = (
    *(ITEMS, ITEMS_OPEN, TASKS, FRAMES, STAGE_SECONDS, RETRIES, TASKS_READY, TASKS_IN_WORK, WORKERS),
    *(FLOW_HITS, FLOW_MISSES, BYTES_READ, BYTES_WRITTEN, TO_REVIEW, QUALITY, QUALITY_SUM),
    *(OOM_STEPS, GPU_USED, GPU_PEAK),
)


@dataclass(frozen=True)
class Sample:
    """One series of a metric as it is now; `labels` are values, in the order of the metric's label names."""

    metric: Metric
    labels: tuple[str, ...]
    value: float

    @property
    def series(self) -> str:
        """The series as Prometheus writes it, labels in alphabetical order."""
        pairs = sorted(zip(self.metric.labels, self.labels, strict=True))
        said = ",".join(f'{name}="{_escape(value)}"' for name, value in pairs)
        return f"{self.metric.name}{{{said}}}" if said else self.metric.name


class Metrics:
    """The values of one run. May be read from other threads than the one that writes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[Metric, dict[tuple[str, ...], float]] = {metric: {} for metric in METRICS}
        for metric in METRICS:
            for labels in _known_beforehand(metric):
                self._values[metric][labels] = 0.0

    def add(self, metric: Metric, amount: float, *labels: str) -> None:
        """Let a counter grow. `labels`: a value for each of the metric's labels."""
        assert len(labels) == len(metric.labels)
        with self._lock:
            series = self._values[metric]
            series[labels] = series.get(labels, 0.0) + amount

    def put(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        assert len(labels) == len(metric.labels)
        with self._lock:
            self._values[metric][labels] = value

    def raise_to(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge that shows the highest value so far."""
        with self._lock:
            series = self._values[metric]
            series[labels] = max(series.get(labels, 0.0), value)

    def read(self) -> list[Sample]:
        """Return every series, in the order of `METRICS`."""
        with self._lock:
            return [Sample(m, labels, value) for m, series in self._values.items() for labels, value in series.items()]


def _known_beforehand(metric: Metric) -> Iterator[tuple[str, ...]]:
    if not metric.labels:
        yield ()
    elif metric.labels == ("stage",):
        yield from ((str(stage),) for stage in Stage)
    elif metric is ITEMS:
        yield from ((outcome,) for outcome in ITEM_OUTCOMES)
    elif metric is TASKS:
        yield from ((str(stage), str(outcome)) for stage in Stage for outcome in TaskOutcome)
    elif metric is QUALITY:
        yield from ((bound,) for bound in QUALITY_STEPS)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
