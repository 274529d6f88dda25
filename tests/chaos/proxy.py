"""A process between a run and its object store that passes requests on, and harms some of them.

`python proxy.py STORE_URL SEED SHARE DIARY [without-conditions]` prints its own URL. Each line of the diary is a
request, as JSON.
"""

import json
import socket
import struct
import sys
import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.chaos.faults import Fault, Faults

_HELD_S = 120
"""Longer than any client waits."""
_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}
_REFUSALS = {Fault.INTERNAL_ERROR: (500, "InternalError"), Fault.SLOW_DOWN: (503, "SlowDown")}
_LOST = (Fault.ANSWER_LOST, Fault.COMPLETION_LOST)
_NEVER_ARRIVED = (Fault.RESET, Fault.COMPLETION_UNDONE)


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, store: str, faults: Faults, diary: Path, *, conditions: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = urlsplit(store)
        self.ignored = () if conditions else ("if-match", "if-none-match")
        """Headers that the store is not told."""
        self._faults, self._lock = faults, threading.Lock()
        self._diary = diary.open("a", buffering=1)

    def draw(self, method: str, path: str) -> Fault | None:
        with self._lock:
            return self._faults.draw(method, path)

    def note(self, method: str, path: str, fault: Fault | None, status: int) -> None:
        """`status`: what the store said; 0 for what it never saw."""
        url = urlsplit(path)
        seen = {"at": time.time(), "method": method, "key": unquote(url.path), "query": url.query}
        with self._lock:
            self._diary.write(json.dumps({**seen, "fault": fault, "status": status}) + "\n")

    def handle_error(self, request: object, client_address: object) -> None:
        """Quiet: clients are killed midway."""


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self._upstream = HTTPConnection(str(self.server.store.hostname), self.server.store.port, timeout=60)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def do(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.draw(self.command, self.path)
        if fault in _REFUSALS or fault in _NEVER_ARRIVED or fault is Fault.HELD:
            self.server.note(self.command, self.path, fault, 0)
            self._harm(fault)
            return
        asked = {name: value for name, value in self.headers.items() if name.lower() not in self.server.ignored}
        self._upstream.request(self.command, self.path, body, asked)
        answer = self._upstream.getresponse()
        content = answer.read()
        self.server.note(self.command, self.path, fault, answer.status)
        if fault in _LOST:
            self._reset()
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP or name.lower() == "date":
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        if fault is Fault.CUT:
            self.wfile.write(content[: len(content) // 2])
            self._reset()
            return
        self.wfile.write(content)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do  # noqa: N815

    def _harm(self, fault: Fault) -> None:
        if fault is Fault.HELD:
            self.connection.settimeout(_HELD_S)
            self.connection.recv(1)  # returns when the client hangs up
        if fault not in _REFUSALS:
            self._reset()
            return
        status, code = _REFUSALS[fault]
        content = f"<Error><Code>{code}</Code><Message>chaos</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _reset(self) -> None:
        """Close so that the client sees a reset, not an end."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the diary has it."""


if __name__ == "__main__":
    store, seed, share, diary, *without_conditions = sys.argv[1:]
    proxy = Proxy(store, Faults(int(seed), float(share)), Path(diary), conditions=not without_conditions)
    print(f"http://127.0.0.1:{proxy.server_port}", flush=True)
    proxy.serve_forever()
