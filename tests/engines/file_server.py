"""A real HTTP server on this machine that serves bytes, with the faults that servers and lines have."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from zlib import crc32

from tests.servers import LocalServer, in_thread


class FileServer(LocalServer):
    """Serves `files`; its faults are fields that a test sets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[dict[str, str]] = []
        """The headers of every request so far."""
        self.cut_after: list[int] = []
        """Bytes after which the line breaks, one entry an answer; from then on answers are whole."""
        self.statuses: list[int] = []
        """What the next requests are answered with instead."""
        self.redirects: dict[str, str] = {}
        self.knows_ranges = True
        self.heeds_if_range = True
        self.says_etag = True
        self.says_length = True
        self.longest_part = 2**40
        """Bytes of the rest that it sends at once, however much is asked for."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        server = self.server
        server.asked.append(dict(self.headers))
        if server.statuses:
            return self._answer(server.statuses.pop(0), {}, b"")
        if self.path in server.redirects:
            return self._answer(302, {"Location": server.redirects[self.path]}, b"")
        if self.path not in server.files:
            return self._answer(404, {}, b"")
        content = server.files[self.path]
        etag = f'"{crc32(content)}"'
        headers = {"ETag": etag} if server.says_etag else {}
        start = self._start(etag)
        if start is None:
            return self._answer(200, headers, content)
        if start >= len(content):
            return self._answer(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
        part = content[start : start + server.longest_part]
        span = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
        return self._answer(206, headers | {"Content-Range": span}, part)

    def _start(self, etag: str) -> int | None:
        asked = self.headers.get("Range")
        if asked is None or not self.server.knows_ranges:
            return None
        if self.server.heeds_if_range and self.headers.get("If-Range") != etag:
            return None
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.says_length:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        body = status in (200, 206)
        cut = self.server.cut_after.pop(0) if body and self.server.cut_after else len(content)
        self.wfile.write(content[:cut])

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: pytest shows what is printed."""


@contextmanager
def serving() -> Iterator[FileServer]:
    with in_thread(FileServer()) as server:
        yield server
