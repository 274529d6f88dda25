"""How does Prometheus read a run's figures without Ray? On a port of the driver, open while the run lives."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

from pipelines.config import MetricsConfig
from pipelines.errors import SetupError
from pipelines.logs import LogLine
from pipelines.metrics import Sample, as_text

log = logging.getLogger(__name__)

PATH = "/metrics"
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PATIENCE_S = 10.0
"""How long one who connects may take to ask."""


@contextmanager
def metrics_port(config: MetricsConfig, read: Callable[[], list[Sample]]) -> Iterator[None]:
    """Answer GET /metrics with what `read` returns, from threads of its own, until the block is left.

    Does nothing where the job names no port. Raises SetupError where the port cannot be had.
    """
    if not config.port:
        yield
        return
    server = _open(config, read)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    log.info(LogLine(f"metrics at http://{config.host}:{config.port}{PATH}"))
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True  # else the port of a run that has just ended is refused for a minute
    daemon_threads = True
    block_on_close = False


def _open(config: MetricsConfig, read: Callable[[], list[Sample]]) -> _Server:
    class Handler(_Handler):
        read_samples = staticmethod(read)

    class Server(_Server):
        address_family = socket.AF_INET6 if ":" in config.host else socket.AF_INET

    try:
        return Server((config.host, config.port), Handler)
    except OSError as exc:
        reason = exc.strerror or exc
        raise SetupError(
            f"metrics.port={config.port} cannot be opened on {config.host} ({reason}): choose another, or 0 for none"
        ) from exc


class _Handler(BaseHTTPRequestHandler):
    read_samples: Callable[[], list[Sample]]
    timeout = _PATIENCE_S

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, f"metrics are at {PATH}")
            return
        body = as_text(self.read_samples()).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A scrape every few seconds is no news."""
