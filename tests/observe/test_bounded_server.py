"""Neither many connections nor slow ones keep the live page or a run's metrics from being read."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection

from reelmend.pipelines.config import MetricsConfig
from reelmend.pipelines.observe.bounded_server import BoundedHandler, BoundedServer
from reelmend.pipelines.observe.metrics_port import metrics_port
from tests.servers import in_thread


class _Hello(BoundedHandler):
    def do_GET(self) -> None:  # noqa: N802
        self.send_response(200 if self.may_ask() else 403)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")


class _Quick(BoundedServer):
    MOST_LINES, REQUEST_S, ANSWER_S, PATIENCE_S = 8, 0.4, 0.4, 0.1


@contextmanager
def serving(kind: type[BoundedServer] = _Quick, handler: type[BoundedHandler] = _Hello) -> Iterator[BoundedServer]:
    with in_thread(kind(("127.0.0.1", 0), handler)) as server:
        yield server


def ask(port: int, **headers: str) -> int:
    line = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", "/metrics", headers=headers)
        return line.getresponse().status
    finally:
        line.close()


def silent(port: int, number: int, opened: ExitStack) -> list[socket.socket]:
    return [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(number)]


def test_silent_connections_make_room() -> None:
    with serving() as server, ExitStack() as opened:
        silent(server.server_port, 60, opened)
        assert ask(server.server_port) == 200
        assert len(server._lines) <= server.MOST_LINES


def test_so_many_silent_connections_as_once_stopped_a_run_take_few_descriptors() -> None:
    with serving(BoundedServer) as server, ExitStack() as opened:
        silent(server.server_port, 248, opened)
        assert ask(server.server_port) == 200
        assert len(server._lines) <= 64


def test_a_burst_of_connections_waits_to_be_let_in() -> None:
    with BoundedServer(("127.0.0.1", 0), _Hello) as server, ExitStack() as opened:  # which lets nobody in yet
        for _ in range(200):
            opened.enter_context(socket.create_connection(("127.0.0.1", server.server_port), timeout=0.5))


def test_two_hundred_readers_at_once_are_all_answered() -> None:
    with serving(BoundedServer) as server, ThreadPoolExecutor(200) as readers:
        answers = list(readers.map(lambda _: ask(server.server_port), range(600)))
    assert answers == [200] * 600


def test_a_request_that_comes_a_byte_at_a_time_is_ended() -> None:
    with serving() as server, ExitStack() as opened:
        [line] = silent(server.server_port, 1, opened)
        began = time.monotonic()
        with suppress(OSError):
            for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\n" * 100:
                line.send(bytes([byte]))
                time.sleep(0.02)
        assert time.monotonic() - began < 2


def test_a_reader_that_does_not_take_its_answer_is_ended() -> None:
    class Large(_Hello):
        def do_GET(self) -> None:  # noqa: N802
            self.send_response(200)
            self.end_headers()
            self.wfile.write(bytes(50_000_000))

    with serving(handler=Large) as server, ExitStack() as opened:
        [line] = silent(server.server_port, 1, opened)
        line.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until = time.monotonic() + 3
        while server._lines and time.monotonic() < until:
            time.sleep(0.02)
        assert not server._lines


def test_a_reader_that_asks_again_is_kept() -> None:
    with serving() as server:
        line = HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        for _ in range(5):
            line.request("GET", "/")
            assert line.getresponse().read() == b"hello"
            time.sleep(0.15)  # together longer than REQUEST_S
        line.close()


def test_metrics_are_told_to_this_machines_names_alone_and_under_silent_connections() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with metrics_port(MetricsConfig(port=port), list), ExitStack() as opened:
        assert ask(port) == 200
        assert ask(port, Host="evil.example") == 403
        silent(port, 100, opened)
        assert ask(port) == 200


WITHOUT_DESCRIPTORS = """
import os, resource, sys, threading
from reelmend.pipelines.observe.bounded_server import BoundedHandler, BoundedServer
class Counted(BoundedServer):
    tries = 0
    def get_request(self):
        self.tries += 1
        return super().get_request()
with Counted(("127.0.0.1", 0), BoundedHandler) as server:
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 8,) * 2)
    server.PATIENCE_S = 60
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.readline()
    print(server.tries, flush=True)
"""


def test_a_process_without_descriptors_waits_instead_of_burning_a_core() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WITHOUT_DESCRIPTORS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process, ExitStack() as opened:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        silent(int(process.stdout.readline()), 40, opened)
        time.sleep(1.5)
        process.stdin.write("\n")
        process.stdin.flush()
        tries = int(process.stdout.readline())
        process.kill()
    assert tries < 100, "one in a tenth of a second, and those that were let in"
