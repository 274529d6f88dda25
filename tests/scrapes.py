"""What does a scraper see? The real port, asked over HTTP, and the text read by Prometheus' own parser."""

import socket
import urllib.request
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.tasks import Failure, Receipt

OURS = ("stage", "outcome", "device", "le")
"""Labels; Ray adds its own."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scrape(port: int) -> dict[str, float]:
    """Return the value of every series."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return parse(answer.read().decode())


def parse(text: str) -> dict[str, float]:
    """Return the value of every series; none is there twice."""
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            series = _series(sample.name, sample.labels)
            assert series not in values
            values[series] = sample.value
    return values


class Scraper(SilentDisplay):
    """Scrapes the run's port at each change of a row, while the run waits: so a test knows what it must see."""

    def __init__(self, port: int, look: Callable[[ItemRow, dict[str, float]], None] = lambda *_: None) -> None:
        self.seen: list[dict[str, float]] = []
        self._port, self._look = port, look

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        self.seen.append(scrape(self._port))
        self._look(row, self.seen[-1])


def scrape_ray(url: str, driver: str = "") -> dict[str, float]:
    """Return what Ray's exporter shows of a run, with our labels only, under the names of the run's own port.

    `driver` is the WorkerId of the run's driver, where others have shown figures on the same cluster.
    """
    with urllib.request.urlopen(url, timeout=10) as answer:
        lines = [line.removeprefix("ray_") for line in answer.read().decode().splitlines()]
    values: dict[str, float] = {}
    for family in text_string_to_metric_families("\n".join(line for line in lines if line.startswith("reelmend_"))):
        for sample in family.samples:
            if driver not in ("", sample.labels["WorkerId"]):
                continue
            labels = {name: value for name, value in sample.labels.items() if name in OURS}
            values[_series(sample.name, labels)] = sample.value
    return values


def _series(name: str, labels: dict[str, str]) -> str:
    said = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{said}}}" if said else name
