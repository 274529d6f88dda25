"""A run's figures for Prometheus without Ray: on a port of the driver, open while the run lives."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from reelmend.pipelines.config import MetricsConfig
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.observe.bounded_server import BoundedHandler, BoundedServer
from reelmend.pipelines.observe.metrics import METRICS, Kind, Sample
from reelmend.pipelines.utils.logs import LogLine

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

log = logging.getLogger(__name__)


@contextmanager
def metrics_port(config: MetricsConfig, read: Callable[[], list[Sample]]) -> Iterator[None]:
    """Answer GET /metrics with what `read` returns, from its own threads, until the block is left.

    Does nothing where the job names no port. Raises SetupError where the port cannot be had.
    """
    if not config.port:
        yield
        return
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry()
    registry.register(_Collector(read))
    try:
        server = _MetricsServer((config.host, config.port), registry)
    except OSError as exc:
        reason = exc.strerror or exc
        raise SetupError(
            f"metrics.port={config.port} cannot be opened on {config.host} ({reason}): choose another, or 0 for none"
        ) from exc
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    log.info(LogLine(f"metrics at http://{config.host}:{config.port}/metrics"))
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _MetricsServer(BoundedServer):
    MOST_LINES = 16
    """Scrapers are few, and each answer looks at the whole run."""

    def __init__(self, address: tuple[str, int], registry: "CollectorRegistry") -> None:
        self.registry = registry
        super().__init__(address, _Handler)


class _Handler(BoundedHandler):
    server: _MetricsServer

    def do_GET(self) -> None:  # noqa: N802
        from prometheus_client.exposition import choose_encoder

        if not self.may_ask():
            self._send(HTTPStatus.FORBIDDEN, "text/plain; charset=utf-8", b"see metrics.host\n")
        elif self.path.partition("?")[0] not in ("/", "/metrics"):
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"metrics are at /metrics\n")
        else:
            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            self._send(HTTPStatus.OK, kind, encode(self.server.registry))

    do_HEAD = do_GET  # noqa: N815

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


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
