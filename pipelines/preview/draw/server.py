"""Server of the page on which a mask is drawn: for one person, on this machine, until the mask is saved.

Every address starts with a secret, so that another user of the machine, or a page of another site, cannot ask for
anything. It answers to this machine's names only, and refuses requests that a page of another origin sends. It serves
the page's own files and frames by number, opens no path that a request names, and writes one image, at the path that
the command line gives.
"""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from http import HTTPStatus
from importlib.resources import files as package_files
from pathlib import Path
from threading import Thread
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from reelmend.pipelines.errors import ReelmendError, SetupError
from reelmend.pipelines.media.masks.sources.registry import source_of
from reelmend.pipelines.observe.answering import Answer, AnsweringHandler, text_answer
from reelmend.pipelines.observe.bounded_server import BoundedServer
from reelmend.pipelines.preview.draw.drawing import POINTS, BadDrawing, read_drawing
from reelmend.pipelines.preview.draw.frames import Frames
from reelmend.pipelines.preview.draw.result import Results
from reelmend.pipelines.preview.draw.saved import Saved, save
from reelmend.pipelines.preview.draw.subject import Subject

HOST = "127.0.0.1"
MOST_BYTES = 4 * 2**20
"""Of a drawing that is sent."""
_JSON = "application/json"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_SCRIPT = "text/javascript; charset=utf-8"
_FILES = {
    "drawing.js": _SCRIPT,
    "picture.js": _SCRIPT,
    "draw.js": _SCRIPT,
    "draw.css": "text/css; charset=utf-8",
}
_FRAME = re.compile(r"frame/([0-9]{1,9})\.jpg")


class DrawServer(BoundedServer):
    """Serves one page. `serve_forever` returns after a drawing is saved, unless it is to keep serving."""

    def __init__(self, port: int, subject: Subject, on_saved: Callable[[Saved], None], *, keep: bool = False) -> None:
        """Listen at once; port 0 takes a free one. `on_saved` is called with each result. Raises SetupError."""
        self.subject, self.on_saved, self.keep = subject, on_saved, keep
        self.frames, self.results = Frames(subject.info), Results(subject.info)
        self.secret = secrets.token_urlsafe(24)
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
            raise SetupError(f"cannot listen on {HOST} port {port}: {reason}; see --port") from exc

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}/{self.secret}/"


class _Handler(AnsweringHandler):
    server: DrawServer
    everywhere = _HEADERS
    _saved = False

    def do_GET(self) -> None:  # noqa: N802
        self._answer(self._shown)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:  # noqa: N802
        self._answer(self._done)
        if self._saved and not self.server.keep:
            self.close_connection = True
            Thread(target=self.server.shutdown, daemon=True).start()  # it waits for the loop, which this may not do

    def _answer(self, found: Callable[[str], Answer]) -> None:
        place = self._place()
        if isinstance(place, Answer):
            self.close_connection = True  # its body is not read
            self._send(place)
            return
        try:
            self._send(found(place))
        except BadDrawing as exc:
            self._send(text_answer(HTTPStatus.BAD_REQUEST, str(exc)))
        except ReelmendError as exc:
            self._send(text_answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(exc)))

    def _place(self) -> str | Answer:
        """Return what the address names after the secret, or why it is refused."""
        origin, site = self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site", "none")
        visits = self.command == "GET" and self.headers.get("Sec-Fetch-Mode") == "navigate"  # by a link to the page
        is_ours = origin is None or origin == f"http://{self.headers.get('Host', '')}"
        if not self.may_ask() or not is_ours or not (visits or site in ("none", "same-origin")):
            return text_answer(HTTPStatus.FORBIDDEN, "this server only answers its own page, on localhost")
        _, secret, *rest = [*self.path.split("/", 2), "", ""]
        if not secrets.compare_digest(secret.encode(), self.server.secret.encode()):
            return text_answer(HTTPStatus.NOT_FOUND, "no such page; open the address that `reelmend mask draw` printed")
        return rest[0]

    def _shown(self, place: str) -> Answer:
        if place == "":
            return Answer(HTTPStatus.OK, "text/html; charset=utf-8", _page(self.server.subject, self.server.keep))
        if place in _FILES:
            return Answer(HTTPStatus.OK, _FILES[place], package_files(__package__).joinpath(place).read_bytes())
        wanted = _FRAME.fullmatch(place)
        if wanted and int(wanted[1]) < self.server.subject.info.frames:
            return Answer(HTTPStatus.OK, "image/jpeg", self.server.frames.jpeg(int(wanted[1])))
        return text_answer(HTTPStatus.NOT_FOUND, "no such page")

    def _done(self, place: str) -> Answer:
        sent = self._body()
        if isinstance(sent, Answer):
            self.close_connection = True
            return sent
        subject = self.server.subject
        size, frames = subject.info.display_size, subject.info.frames
        if not isinstance(sent, dict) or place not in ("save", "outline"):
            return text_answer(HTTPStatus.NOT_FOUND, "no such page")
        drawing = read_drawing(sent.get("drawing"), size, frames)
        if place == "outline":
            frame = sent.get("frame")
            if type(frame) is not int or not 0 <= frame < frames:
                raise BadDrawing("there is no such frame")
            return _json(asdict(self.server.results.outlined(drawing, frame)))
        saved = save(drawing, subject.video, subject.image, size)
        self.server.on_saved(saved)
        self._saved = True
        return _json(asdict(saved))

    def _body(self) -> Any:
        """Return what is sent, or why it is refused."""
        if self.headers.get("Origin") is None or self.headers.get_content_type() != _JSON:
            return text_answer(HTTPStatus.FORBIDDEN, "this server only answers its own page")
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,12}", length) or "Transfer-Encoding" in self.headers:
            return text_answer(HTTPStatus.LENGTH_REQUIRED, "the length of the drawing is missing")
        if int(length) > MOST_BYTES:
            return text_answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a drawing may have at most {MOST_BYTES} bytes")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return text_answer(HTTPStatus.BAD_REQUEST, "this is not JSON")

    def _refuse_method(self) -> None:
        self.close_connection = True
        self._send(text_answer(HTTPStatus.METHOD_NOT_ALLOWED, "no such method"))

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse_method  # noqa: N815


def _page(subject: Subject, keep: bool) -> bytes:
    info = subject.info
    width, height = info.display_size
    stretch = float(info.sample_aspect)
    html = _environment().get_template("page.html.jinja").render(
        name=Path(subject.video).name, width=width, height=height, frames=info.frames, rate=float(info.rate),
        aspect=1 / stretch if info.rotation % 180 else stretch, image=subject.image, keep=keep,
        clicks=not source_of(POINTS).problem(),
    )  # fmt: skip
    return html.encode("utf-8", "replace")


@cache
def _environment() -> Environment:
    loader = PackageLoader("reelmend.pipelines", "preview/draw")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _json(value: object) -> Answer:
    return Answer(HTTPStatus.OK, _JSON, json.dumps(value, separators=(",", ":")).encode())
