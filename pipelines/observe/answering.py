"""Answers of a bounded server: what is sent, with the same headers everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import ClassVar

from reelmend.pipelines.observe.bounded_server import BoundedHandler
from reelmend.pipelines.utils.redaction import redact


@dataclass(frozen=True)
class Answer:
    status: HTTPStatus
    kind: str
    """Media type."""
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class AnsweringHandler(BoundedHandler):
    """Sends answers."""

    everywhere: ClassVar[Mapping[str, str]] = {}
    """Headers of every answer."""

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body))}
        for name, value in {**self.everywhere, **answer.headers, **headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses by itself (a line too long, no HTTP at all), with the same headers."""
        self.close_connection = True
        status = HTTPStatus(code)
        self._send(text_answer(status, status.phrase))


def text_answer(status: HTTPStatus, line: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{redact(line)}\n".encode("utf-8", "replace"), headers or {})
