"""The way from a browser to a run: an HTTP server that only reads. GET and HEAD of the page, its items, its pictures.

What it does not do is its safety. It opens no path that a request names: pictures have names of one form, are looked
for in one folder, and their content has to match their name (`reelmend.pipelines.stages.previews`). It changes
nothing and asks nothing of the run. What `reelmend.pipelines.observe.bounded_server` bounds is bounded here too.
"""

import json
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from reelmend.pipelines.errors import ReelmendError, SetupError
from reelmend.pipelines.observe.answering import Answer, AnsweringHandler, text_answer
from reelmend.pipelines.observe.bounded_server import BoundedServer
from reelmend.pipelines.observe.report.page import live_policy
from reelmend.pipelines.observe.serve.answers import AskedWrongly, ItemQuery, items, live_page, now
from reelmend.pipelines.observe.serve.watched import WatchedRun
from reelmend.pipelines.stages.previews import FOLDER, kind_of, load_preview
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location

_EVERYWHERE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class PageServer(BoundedServer):
    """Serves one run. `serve_forever` and `shutdown` as in the standard library."""

    def __init__(self, host: str, port: int, run: WatchedRun, work: Location, files: Files) -> None:
        """Listen at once; port 0 takes a free one. `work`: the run's own folder. Raises SetupError."""
        self.run, self.work, self.files = run, work, files
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
            raise SetupError(f"cannot listen on {host} port {port}: {reason}; see --host and --port") from exc

    @property
    def url(self) -> str:
        host = str(self.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/"


class _Handler(AnsweringHandler):
    server: PageServer
    everywhere = _EVERYWHERE

    def do_GET(self) -> None:  # noqa: N802
        try:
            answer = self._answer()
        except AskedWrongly as exc:
            answer = text_answer(HTTPStatus.BAD_REQUEST, str(exc))
        except ReelmendError as exc:
            answer = text_answer(HTTPStatus.BAD_GATEWAY, str(exc))
        self._send(answer)

    do_HEAD = do_GET  # noqa: N815

    def _refuse_method(self) -> None:
        self.close_connection = True  # its body is not read
        self._send(text_answer(HTTPStatus.METHOD_NOT_ALLOWED, "this server is read-only", {"Allow": "GET, HEAD"}))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse_method  # noqa: N815

    def _answer(self) -> Answer:
        if not self.may_ask():
            return text_answer(
                HTTPStatus.FORBIDDEN, "this server only accepts requests for localhost; see reelmend serve --host"
            )
        address, run = urlsplit(self.path), self.server.run
        query = dict(parse_qsl(address.query))
        if address.path == "/":
            run.refresh()
            html = live_page(run).encode("utf-8", "replace")
            return Answer(HTTPStatus.OK, "text/html; charset=utf-8", html, _PAGE)
        if address.path == "/now":
            return _json(now(run, query.get("known", "")))
        if address.path == "/items":
            return _json(items(run.moment, ItemQuery.of(query)))
        folder, _, name = address.path.rpartition("/")
        picture = load_preview(self.server.work, name, self.server.files) if folder == f"/{FOLDER}" else None
        if picture is None:
            return text_answer(HTTPStatus.NOT_FOUND, "no such page")
        return Answer(HTTPStatus.OK, kind_of(name), picture, {"Cache-Control": "private, max-age=31536000, immutable"})


_PAGE = {"Content-Security-Policy": f"{live_policy()}; frame-ancestors 'none'"}


def _json(value: object) -> Answer:
    return Answer(HTTPStatus.OK, "application/json", json.dumps(value, separators=(",", ":")).encode(), {})
