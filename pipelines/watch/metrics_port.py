"""How does Prometheus read a run's figures without Ray? On a port of the driver, open while the run lives."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.config import MetricsConfig
from pipelines.errors import SetupError
from pipelines.logs import LogLine
from pipelines.watch.metrics import METRICS, Kind, Sample

if TYPE_CHECKING:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

log = logging.getLogger(__name__)


@contextmanager
def metrics_port(config: MetricsConfig, read: Callable[[], list[Sample]]) -> Iterator[None]:
    """Answer GET /metrics with what `read` returns, from threads of its own, until the block is left.

    Does nothing where the job names no port. Raises SetupError where the port cannot be had.
    """
    if not config.port:
        yield
        return
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry()
    registry.register(_Collector(read))
    try:
        server, thread = start_http_server(config.port, config.host, registry)
    except OSError as exc:
        reason = exc.strerror or exc
        raise SetupError(
            f"metrics.port={config.port} cannot be opened on {config.host} ({reason}): choose another, or 0 for none"
        ) from exc
    log.info(LogLine(f"metrics at http://{config.host}:{config.port}/metrics"))
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class _Collector:
    """Gives Prometheus' library the figures at the moment of a scrape."""

    read: Callable[[], list[Sample]]

    def collect(self) -> "Iterator[CounterMetricFamily | GaugeMetricFamily]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        families = {
            metric: (CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily)(
                metric.name, metric.meaning, labels=metric.labels
            )
            for metric in METRICS
        }
        for sample in self.read():
            families[sample.metric].add_metric(sample.labels, sample.value)
        yield from families.values()
