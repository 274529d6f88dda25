"""Client for RayJobs of one namespace: create, get, list, watch, delete.

What may pass (no connection, no answer, 429, 5xx, a token that was just replaced) is asked again for `Patience`, since
a run of hours outlives an upgrade of the control plane. What will not pass is one line that says what to do.
"""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests

from reelmend.cluster.kubernetes.access import Access
from reelmend.pipelines.errors import ConfigError, ReelmendError, SetupError, TransientError

log = logging.getLogger(__name__)

Document = dict[str, Any]
"""A Kubernetes object as JSON."""

_MAY_PASS = {401, 408, 429, 500, 502, 503, 504}
_GONE = 410  # the HTTP status of a watch that began too long ago


class ApiUnavailable(TransientError):
    """The API server did not answer for longer than our patience."""


class AlreadyThere(ReelmendError):
    """An object of that name exists."""


class NotFound(SetupError):
    """No object of that name exists."""


class WatchEnded(TransientError):
    """A watch broke off, or the server no longer knows the version it began at: look, and watch again."""


@dataclass(frozen=True)
class Patience:
    """How long a request is repeated."""

    in_all_s: float = 900.0
    """Seconds from the first failure on; an upgrade of a control plane takes minutes."""
    refused_s: float = 60.0
    """The same for 401: a token that was replaced is accepted at once, one that is not accepted stays so."""
    first_wait_s: float = 1.0
    """Doubled with each attempt."""
    longest_wait_s: float = 30.0
    connect_s: float = 10.0
    answer_s: float = 30.0
    watch_s: float = 240.0
    """Seconds after which the server ends a watch; one that is silent for `answer_s` longer is dead."""
    between_watches_s: float = 5.0
    """Seconds of rest: a watch that breaks off at once, again and again, must not become a flood of requests."""


class RayJobs:
    """The RayJobs (ray.io/v1) of one namespace."""

    def __init__(self, access: Access, patience: Patience | None = None) -> None:
        self._access = access
        self.patience = patience or Patience()
        self._url = f"{access.url.rstrip('/')}/apis/ray.io/v1/namespaces/{access.namespace}/rayjobs"
        self._session = requests.Session()
        self._session.trust_env = False  # ~/.netrc would replace the token, REQUESTS_CA_BUNDLE the authority
        if access.ca_file is not None:
            self._session.verify = str(access.ca_file)

    def create(self, document: Document) -> Document:
        """Raises AlreadyThere; also when our own first request came through and only its answer was lost."""
        return self._ask("POST", "", json=document)

    def get(self, name: str) -> Document:
        """Raises NotFound."""
        return self._ask("GET", f"/{name}")

    def list(self, label: str, value: str) -> list[Document]:
        """Return those that carry the label, oldest first."""
        items: list[Document] = self._ask("GET", "", params={"labelSelector": f"{label}={value}"})["items"]
        return sorted(items, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]))

    def delete(self, name: str) -> None:
        """Delete it with all that it owns. Raises NotFound."""
        self._ask("DELETE", f"/{name}", params={"propagationPolicy": "Background"})

    def watch(self, document: Document) -> Iterator[Document]:
        """Yield the object again with each change after `document`.

        Returns when the server ends the watch in time. Raises WatchEnded when it breaks off, NotFound when the object
        is deleted, SetupError when it may not be watched.
        """
        name, version = document["metadata"]["name"], document["metadata"]["resourceVersion"]
        patience = self.patience
        asked = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, round(patience.watch_s))),
        }
        timeouts_s = (patience.connect_s, patience.watch_s + patience.answer_s)
        try:
            headers = self._access.headers()
            with self._session.get(
                self._url, params=asked, headers=headers, stream=True, timeout=timeouts_s, allow_redirects=False
            ) as response:
                if response.status_code in _MAY_PASS | {_GONE}:
                    raise WatchEnded(f"watch of {name}: {response.status_code} {_message(response)}")
                if response.status_code != requests.codes.ok:
                    raise self._refusal("GET", "", response)
                for line in response.iter_lines(chunk_size=None):
                    if line:
                        yield self._changed(name, json.loads(line))
        except (requests.RequestException, ValueError) as exc:  # ValueError: the line broke off within an event
            raise WatchEnded(f"watch of {name}: {_reason(exc)}") from exc

    def _changed(self, name: str, event: Document) -> Document:
        found: Document = event["object"]
        match event["type"]:
            case "DELETED":
                raise NotFound(f"RayJob {name} was deleted")
            case "ERROR":
                raise WatchEnded(f"watch of {name}: {found.get('code')} {found.get('message', '')}")
        return found

    def _ask(self, method: str, path: str, **request: Any) -> Document:
        patience, first_failed_s, wait_s = self.patience, 0.0, self.patience.first_wait_s
        while True:
            try:
                return self._ask_once(method, path, **request)
            except _MayPass as exc:
                now_s = time.monotonic()
                first_failed_s = first_failed_s or now_s
                limit_s = patience.refused_s if exc.refused else patience.in_all_s
                if now_s + wait_s - first_failed_s > limit_s:
                    raise exc.final(self._access) from exc
                log.warning("%s; retrying in %.0f s", exc, wait_s)
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, patience.longest_wait_s)

    def _ask_once(self, method: str, path: str, **request: Any) -> Document:
        patience, url = self.patience, self._url + path
        try:
            response = self._session.request(
                method,
                url,
                headers=self._access.headers(),
                timeout=(patience.connect_s, patience.answer_s),
                allow_redirects=False,
                **request,
            )
            if response.status_code < 300:
                document: Document = response.json()
                return document
        except requests.exceptions.SSLError as exc:
            raise SetupError(f"{self._access.url}: {exc}; is it the cluster's own API server?") from exc
        except requests.RequestException as exc:  # among them a body that is not JSON
            raise _MayPass(f"{method} {url}: {_reason(exc)}") from exc
        raise self._refusal(method, path, response)

    def _refusal(self, method: str, path: str, response: requests.Response) -> ReelmendError:
        status, said = response.status_code, _message(response)
        namespace, name = self._access.namespace, path.strip("/")
        if status in _MAY_PASS:
            return _MayPass(f"{method} {self._url}{path}: {status} {said}", refused=status == 401)
        match status:
            case 403:
                return SetupError(f"namespace {namespace}: {said}; the Role of the launcher's account must allow it")
            case 404 if name:
                return NotFound(f"namespace {namespace} has no RayJob {name}")
            case 404:
                return SetupError("the cluster does not support RayJobs (ray.io/v1): install KubeRay 1.7")
            case 409 if method == "POST":
                return AlreadyThere(said)
            case 400 | 413 | 422:
                return ConfigError(f"the cluster refuses the RayJob: {said}")
        return SetupError(f"{method} {self._url}{path}: {status} {said}")


class _MayPass(TransientError):
    """One request failed; another may not."""

    def __init__(self, what: str, *, refused: bool = False) -> None:
        super().__init__(what)
        self.refused = refused

    def final(self, access: Access) -> ReelmendError:
        if self.refused:
            return SetupError(f"{self}; the token of {access.token_file or 'this access'} is not accepted")
        return ApiUnavailable(f"{self}; the Kubernetes API did not answer")


def _message(response: requests.Response) -> str:
    """Return what a Status object says, in one line; else the reason of the status line."""
    try:
        return str(response.json()["message"]).replace("\n", " ")
    except (ValueError, KeyError, TypeError):
        return response.reason


def _reason(error: Exception) -> str:
    match error:
        case requests.exceptions.Timeout():
            return "no answer in time"
        case requests.exceptions.ChunkedEncodingError() | ValueError():
            return "the connection was lost"
        case requests.exceptions.ConnectionError():
            return "no connection"
    return str(error)
