"""Declarations of all metrics of a run.

Every metric is declared here; a run's own port, Ray's exporter, the dashboard and docs/metrics.md use these names.
Labels are stage, outcome, device and le, never an item: a million of those would break the metrics store.
"""

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import Stage


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


ITEMS = _counter("items", "Number of items finished, by outcome.", "outcome")
ITEMS_OPEN = _gauge("items_open", "Number of items not finished yet.")
TASKS = _counter("tasks", "Number of task attempts finished.", "stage", "outcome")
FRAMES = _counter("frames", "Number of frames computed (flow: pairs of frames).", "stage")
STAGE_SECONDS = _counter("stage_seconds", "Worker time spent on tasks, in seconds, including failed attempts.", "stage")
RETRIES = _counter("retries", "Number of failed attempts that were retried.", "stage")
TASKS_READY = _gauge("tasks_ready", "Number of tasks waiting for a worker.", "stage")
TASKS_IN_WORK = _gauge("tasks_in_work", "Number of tasks in progress.", "stage")
WORKERS = _gauge("workers", "Number of flow and inpainting workers.")
FLOW_HITS = _counter("flow_cache_hits", "Number of flow segments found in the cache.")
FLOW_MISSES = _counter("flow_cache_misses", "Number of flow segments computed.")
BYTES_READ = _counter(
    "bytes_read",
    "Bytes of artefacts read and of remote inputs copied to workers; local inputs are not counted.",
    "stage",
)
BYTES_WRITTEN = _counter("bytes_written", "Bytes of flow, parts and outputs written.", "stage")
TO_REVIEW = _counter("items_review", "Number of restored items with a quality score below quality.review_below.")
QUALITY = _counter(
    "quality_items", "Number of restored items with a quality score of at most `le` (histogram buckets).", "le"
)
QUALITY_SUM = _counter("quality_score", "Sum of the quality scores of restored items.")
OOM_STEPS = _counter(
    "oom_steps", "Number of times work was split or scaled down because memory was insufficient.", "stage"
)
GPU_USED = _gauge("gpu_used_bytes", "GPU memory in use after the last task, by all processes.", "device")
GPU_RESERVED = _gauge(
    "gpu_reserved_bytes", "GPU memory held by torch's allocator in the worker whose task ended last.", "device"
)
GPU_PEAK = _gauge("gpu_peak_bytes", "Peak GPU memory of any one worker of the run.", "device")
GPU_LOAD = _gauge(
    "gpu_utilization_ratio", "Share of the last task's time in which the GPU computed, 0 to 1 (NVML).", "device"
)
RSS = _gauge("worker_rss_bytes", "Main memory of the worker whose task of this stage ended last.", "stage")
RSS_PEAK = _gauge("worker_rss_peak_bytes", "Peak main memory of any one worker that did tasks of this stage.", "stage")

METRICS: tuple[Metric, ...] = (
    *(ITEMS, ITEMS_OPEN, TASKS, FRAMES, STAGE_SECONDS, RETRIES, TASKS_READY, TASKS_IN_WORK, WORKERS),
    *(FLOW_HITS, FLOW_MISSES, BYTES_READ, BYTES_WRITTEN, TO_REVIEW, QUALITY, QUALITY_SUM),
    *(OOM_STEPS, GPU_USED, GPU_RESERVED, GPU_PEAK, GPU_LOAD, RSS, RSS_PEAK),
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
