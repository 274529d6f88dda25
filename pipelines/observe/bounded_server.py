"""An HTTP server for a few readers that no number of connections, and none that is slow, keeps from answering.

It holds `MOST_LINES` connections; more wait in the system's queue. One that does not send its request, or take its
answer, in time is closed, and where all are taken, the one that has been silent longest makes room. Where a process
has no descriptors left it waits instead of asking the system again and again. Where it listens on this machine alone it
answers to this machine's names alone, so that a page from elsewhere, whose name was made to point here, learns nothing.
"""

import errno
import ipaddress
import logging
import socket
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

log = logging.getLogger(__name__)

NAMES_OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})
_SHORT_OF = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_S = 0.1


@dataclass
class _Line:
    since: float
    waits: bool = True
    """For a request; False: it gets an answer."""


class BoundedServer(ThreadingHTTPServer):
    """`serve_forever` and `shutdown` as in the standard library. Its handler is a `BoundedHandler`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    MOST_LINES = 64
    REQUEST_S = 10.0
    """In which a request has to be there, from the connection's beginning or the last answer's end."""
    ANSWER_S = 60.0
    """In which an answer has to be taken."""
    PATIENCE_S = 0.5
    """So long a new connection may be silent before it makes room for others."""

    def __init__(self, address: tuple[str, int], handler: type["BoundedHandler"]) -> None:
        """Listen at once; port 0 takes a free one. Raises OSError or OverflowError."""
        self._lines: dict[socket.socket, _Line] = {}
        self._change = threading.Condition()
        self._looked_at = 0.0
        self.address_family = socket.getaddrinfo(address[0], None, type=socket.SOCK_STREAM)[0][0]
        super().__init__(address, handler)

    @property
    def on_this_machine_only(self) -> bool:
        return ipaddress.ip_address(str(self.server_address[0])).is_loopback

    def server_bind(self) -> None:
        """As the standard library's, without asking a name server for this machine's name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        with self._change:
            if len(self._lines) >= self.MOST_LINES:
                self._end_silent()
                self._change.wait_for(lambda: len(self._lines) < self.MOST_LINES, _PAUSE_S)
            if len(self._lines) >= self.MOST_LINES:
                raise BlockingIOError("all connections are taken")
        try:
            line, address = super().get_request()
        except OSError as exc:
            if exc.errno in _SHORT_OF:
                with self._change:
                    self._end_silent()
                    self._change.wait(_PAUSE_S)
            raise
        with self._change:
            self._lines[line] = _Line(time.monotonic())
        return line, address

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._change:
            self._lines.pop(request, None)
            self._change.notify_all()

    def service_actions(self) -> None:
        """Called again and again, between requests too: end what takes too long."""
        now = time.monotonic()
        if now < self._looked_at + _PAUSE_S:
            return
        self._looked_at = now
        with self._change:
            for line, known in self._lines.items():
                if now - known.since > (self.REQUEST_S if known.waits else self.ANSWER_S):
                    _end(line)

    def waits(self, line: socket.socket) -> None:
        """The connection's next request may come."""
        self._mark(line, waits=True)

    def answers(self, line: socket.socket) -> None:
        """The connection's request is there."""
        self._mark(line, waits=False)

    def _mark(self, line: socket.socket, *, waits: bool) -> None:
        with self._change:
            if line in self._lines:
                self._lines[line] = _Line(time.monotonic(), waits)

    def _end_silent(self) -> None:
        """End the connection that has said nothing for longest, if there is one."""
        now = time.monotonic()
        silent = {line: known.since for line, known in self._lines.items() if known.waits}
        longest = min(silent, key=lambda line: silent[line], default=None)
        if longest is not None and now - silent[longest] > self.PATIENCE_S:
            _end(longest)

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader that goes away midway is no news."""
        log.debug("a request from %s ended early", client_address, exc_info=True)


def _end(line: socket.socket) -> None:
    """Its own thread then finds it closed, and lets go of it."""
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has gone by itself
        return


class BoundedHandler(BaseHTTPRequestHandler):
    server: BoundedServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "reelmend", ""
    timeout = 30  # a second net below that of the server

    def handle_one_request(self) -> None:
        self.server.waits(self.connection)
        super().handle_one_request()

    def parse_request(self) -> bool:
        understood = super().parse_request()
        self.server.answers(self.connection)
        return understood

    def may_ask(self) -> bool:
        """Whether the request names this machine, where it has to."""
        if not self.server.on_this_machine_only:
            return True
        host = self.headers.get("Host", "").rpartition(":")
        name = host[0] if host[2].isdecimal() else "".join(host)
        return name.lower() in NAMES_OF_THIS_MACHINE | {str(self.server.server_address[0])}

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)
