"""An HTTP server in front of an object store that passes requests on, with the faults that stores and lines have."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.servers import LocalServer, in_thread

_KEPT = ("content-type", "etag", "last-modified", "content-range", "accept-ranges", "x-amz-bucket-region", "location")


class FaultyStore(LocalServer):
    """Faults are fields that a test sets; each is used up by one request."""

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(behind)
        self.asked: list[str] = []
        """Method and path of every request so far."""
        self.answers: list[tuple[int, str]] = []
        """Status and code with which the next requests are answered instead of being passed on."""
        self.always: tuple[int, str] | None = None
        self.cut_after: list[int] = []
        """Bytes of a body after which the line breaks, one entry a GET of an object."""
        self.lost_answers = 0
        """PUTs that are passed on and whose answer never comes."""
        self.lost_completions: list[bool] = []
        """For the next completions of uploads, whose answer never comes: whether the store got to see it."""
        self.garbled = 0
        """GETs of an object whose body loses its last byte, and says so nowhere."""
        self.refuse: Callable[[str], tuple[int, str] | None] = lambda asked: None
        """Asked with method and path, returns what to answer as in `answers`."""
        self.ignores_conditions = False
        self.clock_s = 0.0
        """Seconds by which the store's present time is ahead of the one it writes to its objects."""


class _Handler(BaseHTTPRequestHandler):
    server: FaultyStore
    protocol_version = "HTTP/1.1"

    def do(self) -> None:
        server = self.server
        server.asked.append(f"{self.command} {self.path}")
        body = self._body()
        fault = server.answers.pop(0) if server.answers else server.always or server.refuse(server.asked[-1])
        if fault is not None:
            self._refuse(*fault)
            return
        is_completion = self.command == "POST" and "uploadId=" in self.path
        if is_completion and server.lost_completions:
            if server.lost_completions.pop(0):
                self._pass_on(body)
            self.close_connection = True
            return
        status, headers, content = self._pass_on(body)
        if self.command == "PUT" and server.lost_answers:
            server.lost_answers -= 1
            self.close_connection = True
            return
        self._answer(status, headers, content)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _refuse(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>because</Message></Error>"
        content = b"" if self.command == "HEAD" else text.encode()
        self._answer(status, [("Content-Length", str(len(content)))], content)

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        line = HTTPConnection(str(self.server.behind.hostname), self.server.behind.port, timeout=30)
        ignored = ("if-match", "if-none-match") if self.server.ignores_conditions else ()
        asked = {name: value for name, value in self.headers.items() if name.lower() not in ignored}
        line.request(self.command, self.path, body, asked)
        answer = line.getresponse()
        content = answer.read()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower().startswith("x-amz")]
        headers += [(name, value) for name, value in answer.getheaders() if name.lower() in _KEPT]
        if self.command == "GET" and self.server.garbled and "list-type" not in self.path:
            self.server.garbled -= 1
            content = content[:-1]
            headers = [(name, value) for name, value in headers if "checksum" not in name.lower()]
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        line.close()
        return answer.status, [*headers, ("Content-Length", length or "0")], content

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        cuts = self.server.cut_after
        is_object = self.command == "GET" and "list-type" not in self.path and status in (200, 206, 404)
        if is_object and cuts:
            content = content[: cuts.pop(0)]
            self.close_connection = True
            if status == 404:  # reset, not ended: boto3 takes half a refusal for a whole one
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.wfile.write(content)
                self.connection.close()
                return
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() + self.server.clock_s if timestamp is None else timestamp)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: pytest shows what is printed."""


@contextmanager
def faults_before(behind: str) -> Iterator[FaultyStore]:
    with in_thread(FaultyStore(behind)) as server:
        yield server
