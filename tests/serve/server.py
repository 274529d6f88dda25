"""What do the tests of the live page ask? A real server in this process, or the command in its own."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from reelmend.pipelines.observe.overview import overview
from reelmend.pipelines.observe.run_status import Life, RunStatus
from reelmend.pipelines.observe.serve.server import PageServer
from reelmend.pipelines.observe.serve.watched import Moment, WatchedRun
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemRow
from tests.pages import summary_of, work_folder


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Sends what it is told to, byte for byte: it tidies no path."""

    address: str

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Said:
        line = HTTPConnection(urlsplit(self.address).netloc, timeout=30)
        line.request(method, path, headers=headers or {})
        answer = line.getresponse()
        said = Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        line.close()
        return said

    def items(self, **wanted: object) -> Any:
        return self.ask(f"/items?{urlencode(wanted)}").json


def moment_of(
    rows: Sequence[ItemRow], life: Life = Life.RUNNING, tried_again: Sequence[tuple[ItemRow, str]] = ()
) -> Moment:
    """A run of these rows at some moment."""
    summary = summary_of(list(rows))
    seen = overview(summary, rows, ended=life is Life.ENDED)
    stands = RunStatus(life, None, summary.ended_at, 12.5, seen.seconds_left, seen.slowest, list(tried_again), [], {})
    return Moment(summary, rows, seen, stands)


@contextmanager
def serving(folder: Path, rows: Sequence[ItemRow], tried_again: Sequence[tuple[ItemRow, str]] = ()) -> Iterator[Client]:
    """Serve a run of these rows, under way, whose own folder is that of `pages.write`."""
    with serving_moment(folder, moment_of(rows, tried_again=tried_again)) as (client, _):
        yield client


@contextmanager
def serving_moment(folder: Path, moment: Moment) -> Iterator[tuple[Client, WatchedRun]]:
    """Serve a run that is at this moment; another one can be put into what is yielded beside the client."""
    run = WatchedRun(moment, lambda: run.moment)
    with PageServer("127.0.0.1", 0, run, work_folder(folder), Files()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Client(server.url), run
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def command(*words: str) -> Iterator[Client]:
    """`reelmend serve WORDS` in a process of its own."""
    line = [sys.executable, "-m", "reelmend.pipelines.cli", "serve", *words, "--port", "0", "--json"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = "".join(process.stdout.readline() for _ in range(3))
            yield Client(json.loads(said)["url"])
        finally:
            process.terminate()
        assert process.wait(20) == 0
