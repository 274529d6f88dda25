"""Download over HTTP from the first missing byte, never joined to a different file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests

from reelmend.pipelines.engines.weights.source import CHUNK_BYTES, Body
from reelmend.pipelines.errors import SetupError, StoreError
from reelmend.pipelines.utils.redaction import redact

TIMEOUTS_S = (10, 60)
"""To connect; between two pieces of the body."""
MOST_REDIRECTS = 5
_MAY_PASS = {408, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class HttpSource:
    """A file under an https or http URL."""

    url: str

    @property
    def name(self) -> str:
        parts = urlsplit(self.url)
        return redact(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())

    @contextmanager
    def open(self, offset: int, validator: str) -> Iterator[Body]:
        rest = {"Range": f"bytes={offset}-", "If-Range": validator} if offset and validator else {}
        try:
            with requests.Session() as session, self._get(session, rest) as response:
                self._check(response)
                yield self._body(response)
        except (requests.exceptions.SSLError, requests.exceptions.InvalidURL) as exc:
            raise SetupError(f"{self.name}: {exc}") from exc
        except requests.RequestException as exc:
            raise StoreError(f"{self.name}: {_reason(exc)}") from exc

    def _get(self, session: requests.Session, rest: dict[str, str]) -> requests.Response:
        response = self._follow(session, rest)
        if rest and response.status_code == requests.codes.requested_range_not_satisfiable:
            response.close()
            return self._follow(session, {})
        return response

    def _follow(self, session: requests.Session, rest: dict[str, str]) -> requests.Response:
        headers = rest | {"Accept-Encoding": "identity"}  # compressed transfers cannot be resumed
        url = self.url
        for _ in range(MOST_REDIRECTS):
            response = session.get(url, headers=headers, stream=True, timeout=TIMEOUTS_S, allow_redirects=False)
            if not response.is_redirect:
                return response
            onward = urljoin(url, response.headers["location"])
            response.close()
            if not _may_follow(url, onward):
                raise SetupError(f"{self.name}: redirects to {_host(onward)}, which is neither https nor the same host")
            url = onward
        raise SetupError(f"{self.name}: redirects more than {MOST_REDIRECTS} times")

    def _check(self, response: requests.Response) -> None:
        status = response.status_code
        if status in _MAY_PASS:
            raise StoreError(f"{self.name}: the server answers {status} {response.reason}")
        if status not in (requests.codes.ok, requests.codes.partial_content):
            raise SetupError(f"{self.name}: the server answers {status} {response.reason}; is the address right?")

    def _body(self, response: requests.Response) -> Body:
        headers = response.headers
        validator = _validator(headers.get("ETag", ""), headers.get("Last-Modified", ""))
        chunks = response.iter_content(CHUNK_BYTES)
        if response.status_code == requests.codes.partial_content:
            start, total = _content_range(headers.get("Content-Range", ""))
            if start is None:
                raise StoreError(f"{self.name}: the server does not report which range it sends")
            return Body(start, total, validator, chunks)
        if "Content-Encoding" in headers:
            return Body(0, None, "", chunks)
        length = headers.get("Content-Length", "")
        return Body(0, int(length) if length.isdigit() else None, validator, chunks)


def _validator(etag: str, modified: str) -> str:
    """A weak ETag promises no equal bytes, and If-Range must not carry one."""
    return etag if etag and not etag.startswith("W/") else modified


def _content_range(header: str) -> tuple[int | None, int | None]:
    """(first byte, bytes of the whole file) of `bytes 5-9/10` or `bytes 5-9/*`."""
    span, _, total = header.removeprefix("bytes ").partition("/")
    start = span.partition("-")[0]
    return int(start) if start.isdigit() else None, int(total) if total.isdigit() else None


def _may_follow(before: str, onward: str) -> bool:
    """To https anywhere; to plain http only on the host that was asked over plain http."""
    scheme = urlsplit(onward).scheme
    return scheme == "https" or (scheme == "http" == urlsplit(before).scheme and _host(before) == _host(onward))


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _reason(error: requests.RequestException) -> str:
    match error:
        case requests.exceptions.Timeout():
            return "no answer in time"
        case requests.exceptions.ChunkedEncodingError():
            return "the connection was lost"
        case requests.exceptions.ConnectionError():
            return "no connection"
    return str(error)
