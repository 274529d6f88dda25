"""What does a scraper see? The real port, asked over HTTP, and the text read as strictly as Prometheus does."""

import re
import socket
import urllib.request
from collections.abc import Callable

from pipelines.ledger import ItemRow
from pipelines.progress import SilentDisplay
from pipelines.tasks import Failure, Receipt

_LABEL = r'[a-z_]+="(?:[^"\\\n]|\\["\\n])*"'
_SAMPLE = re.compile(rf"([a-z_]+)(\{{{_LABEL}(?:,{_LABEL})*\}})? (\S+)")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scrape(port: int) -> dict[str, float]:
    """Return the value of every series."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return parse(answer.read().decode())


def parse(text: str) -> dict[str, float]:
    """Every sample lies under the HELP and TYPE of its metric, no series is there twice."""
    assert text.endswith("\n")
    values: dict[str, float] = {}
    declared = ""
    for line in text.splitlines():
        if line.startswith("# "):
            word, declared, _ = line[2:].split(" ", 2)
            assert word in ("HELP", "TYPE")
            continue
        found = _SAMPLE.fullmatch(line)
        assert found, line
        assert found[1] == declared
        series = found[1] + (found[2] or "")
        assert series not in values
        values[series] = float(found[3])
    return values


class Scraper(SilentDisplay):
    """Scrapes the run's port at each change of a row, while the run waits: so a test knows what it must see."""

    def __init__(self, port: int, look: Callable[[ItemRow, dict[str, float]], None] = lambda *_: None) -> None:
        self.seen: list[dict[str, float]] = []
        self._port, self._look = port, look

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        self.seen.append(scrape(self._port))
        self._look(row, self.seen[-1])
