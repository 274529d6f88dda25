"""Export of a run's metrics to Ray's exporter: from the driver, once a second, under the usual names.

Ray puts `ray_` before every name and its own labels beside ours; docs/metrics.md says where it shows them.
"""

from typing import Any

from ray.util.metrics import Counter, Gauge

from reelmend.pipelines.observe.metrics import METRICS, Kind, Metric, Sample

INTERVAL_S = 1.0
"""Between two records: scrapers come less often."""


class RayMetrics:
    """Records what changed since the last time: Ray's counters take what they grew by."""

    def __init__(self) -> None:
        self._recorders: dict[Metric, Any] = {metric: _recorder(metric) for metric in METRICS}
        self._recorded: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self._due_s = 0.0

    def due(self, now_s: float) -> bool:
        """Whether an interval has passed since this was last true; `now_s` is any steady clock."""
        if now_s < self._due_s:
            return False
        self._due_s = now_s + INTERVAL_S
        return True

    def record(self, samples: list[Sample]) -> None:
        for sample in samples:
            tags = dict(zip(sample.metric.labels, sample.labels, strict=True))
            recorder, key = self._recorders[sample.metric], (sample.metric, sample.labels)
            if sample.metric.kind is Kind.GAUGE:
                recorder.set(sample.value, tags=tags)
            elif sample.value > self._recorded.get(key, 0.0):
                recorder.inc(sample.value - self._recorded.get(key, 0.0), tags=tags)
                self._recorded[key] = sample.value


def _recorder(metric: Metric) -> Any:
    kind = Gauge if metric.kind is Kind.GAUGE else Counter
    return kind(metric.name, metric.meaning, metric.labels)
