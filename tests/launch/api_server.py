"""A real HTTP server on this machine that speaks what the launcher needs of the Kubernetes API, faults included.

Objects of one resource in one namespace, with uid, resourceVersion, label selectors, conflicts and watches, as the API
concepts page of Kubernetes describes them.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from reelmend.cluster.kubernetes.api import Document
from tests.servers import LocalServer, in_thread

PATH = "/apis/ray.io/v1/namespaces/reelmend/rayjobs"


class ApiServer(LocalServer):
    """Holds RayJobs; its faults are fields that a test sets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, Document] = {}
        self.events: list[tuple[int, str, Document]] = []
        """(resourceVersion, type, object), from the oldest that a watch may still begin at."""
        self.changed = threading.Condition()
        self.version = 100
        self.asked: list[str] = []
        """`GET /path` of every request so far."""
        self.tokens: list[str] = []
        self.statuses: list[int | str] = []
        """What the next requests are answered with instead; `hang`: nothing; `lost`: done, but the answer is lost."""
        self.watch_faults: list[str] = []
        """What the next watches meet: `gone`, `expired`, `cut`, `cut within an event`, `silent`."""
        self.on_watch: list[dict[str, str]] = []
        """Status documents; each watch, once it is open, sets the next of them on every run."""
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def put(self, document: Document, kind: str = "ADDED") -> Document:
        with self.changed:
            self.version += 1
            kept = deepcopy(document)
            meta = kept["metadata"]
            meta.setdefault("uid", str(uuid4()))
            meta.setdefault("creationTimestamp", f"2026-12-03T01:{self.version % 60:02}:00Z")
            meta["resourceVersion"] = str(self.version)
            self.objects[meta["name"]] = kept
            self.events.append((self.version, kind, deepcopy(kept)))
            self.changed.notify_all()
            return kept

    def set_status(self, name: str, **status: str) -> None:
        self.put(self.objects[name] | {"status": status}, "MODIFIED")

    def remove(self, name: str) -> None:
        with self.changed:
            self.version += 1
            self.events.append((self.version, "DELETED", self.objects.pop(name)))
            self.changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name, query = self._begin("GET")
        if name is None:
            return
        if "watch" in query:
            self._watch(query)
        elif name:
            self._answer_with(name)
        else:
            key, _, value = query["labelSelector"].partition("=")
            found = [one for one in self.server.objects.values() if one["metadata"].get("labels", {}).get(key) == value]
            self._answer(200, {"items": found})

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, _ = self._begin("POST", lost=lambda: self.server.put(document))
        if name is None:
            return
        if document["metadata"]["name"] in self.server.objects:
            self._refuse(409, "AlreadyExists")
        else:
            self._answer(201, self.server.put(document))

    def do_DELETE(self) -> None:
        name, _ = self._begin("DELETE")
        if name in self.server.objects:
            self.server.remove(name)
            self._answer(200, {"kind": "Status"})
        elif name is not None:
            self._refuse(404, "NotFound")

    def _begin(self, method: str, lost: Callable[[], object] = lambda: None) -> tuple[str | None, dict[str, str]]:
        """Return the object's name ("" for all) and the query; (None, {}) when a fault has answered already."""
        parts = urlsplit(self.path)
        self.server.asked.append(f"{method} {parts.path}")
        self.server.tokens.append(self.headers.get("Authorization", ""))
        if self.server.statuses:
            fault = self.server.statuses.pop(0)
            if fault == "hang":
                self.server.released.wait(30)
            elif fault == "lost":
                lost()
            elif fault:
                self._refuse(int(fault), f"fault {fault}")
            if fault:
                self.close_connection = True
                return None, {}
        if not parts.path.startswith(PATH):
            self._refuse(404, "page not found")
            return None, {}
        return parts.path.removeprefix(PATH).strip("/"), {
            key: last for key, [*_, last] in parse_qs(parts.query).items()
        }

    def _watch(self, query: dict[str, str]) -> None:
        server = self.server
        fault = server.watch_faults.pop(0) if server.watch_faults else ""
        if fault == "gone":
            self._refuse(410, "too old resource version")
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if server.on_watch:
            status = server.on_watch.pop(0)
            for one in list(server.objects.values()):
                if not one["spec"].get("suspend"):
                    server.set_status(one["metadata"]["name"], **status)
        self.close_connection = True
        if fault == "expired":
            self._event("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
        elif fault == "silent":
            server.released.wait(30)
        elif fault != "cut":
            name = query["fieldSelector"].removeprefix("metadata.name=")
            self._tell_events(int(query["resourceVersion"]), name, fault)

    def _tell_events(self, seen: int, name: str, fault: str) -> None:
        """Tell what changed after version `seen`, until the test ends."""
        server = self.server
        while not server.released.is_set():
            with server.changed:
                news = [event for event in server.events if event[0] > seen]
                if not news:
                    server.changed.wait(0.05)
            for version, kind, found in news:
                seen = version
                if found["metadata"]["name"] == name:
                    self._event(kind, found, half=fault == "cut within an event")
                    if fault:
                        return

    def _event(self, kind: str, found: Document, half: bool = False) -> None:
        line = json.dumps({"type": kind, "object": found}).encode() + b"\n"
        line = line[: len(line) // 2] if half else line
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")

    def _answer_with(self, name: str) -> None:
        if name in self.server.objects:
            self._answer(200, self.server.objects[name])
        else:
            self._refuse(404, "NotFound")

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, {"kind": "Status", "message": message, "code": status})

    def _answer(self, status: int, document: Document) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: pytest shows what is printed."""


@contextmanager
def serving() -> Iterator[ApiServer]:
    with in_thread(ApiServer()) as server:
        try:
            yield server
        finally:
            server.released.set()
