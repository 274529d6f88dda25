"""What do the report's tests look at? Pages written from real rows, and their elements and text."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np

from pipelines.ledger import ItemRow, ItemState
from pipelines.report import write_report
from pipelines.stores.files import Files
from pipelines.summary import summarise

HOSTILE = '</script><script>window.owned=1</script><img src=x onerror="window.owned=1">\'\u202e.mp4'
COLUMNS, WIDTH, HEIGHT = 3, 32, 18
FACTS: dict[str, str | int | float] = {"preview_columns": COLUMNS, "preview_width": WIDTH, "preview_height": HEIGHT}


def restored(name: str, **more: object) -> ItemRow:
    row = ItemRow(name, f"in/{name}", "mask.png", f"out/{name}", ItemState.RESTORED, frames=30, width=64, height=36)
    row.chunks_planned = row.chunks_computed = 1
    row.frames_done, row.facts, row.seconds = 30, FACTS, {"flow": 1.0, "inpaint": 3.0}
    for key, value in more.items():
        setattr(row, key, value)
    return row


def quarantined(name: str, reason: str = "cut off after frame 7 of 30") -> ItemRow:
    return ItemRow(
        name, f"in/{name}", "mask.png", f"out/{name}", ItemState.QUARANTINED, "MediaError", reason, "probe", attempts=1
    )


def strip(_row: ItemRow | None = None) -> bytes:
    """Red before, green after."""
    picture = np.zeros((2 * HEIGHT, COLUMNS * WIDTH, 3), np.uint8)
    picture[:HEIGHT, :, 2], picture[HEIGHT:, :, 1] = 220, 160
    return cv2.imencode(".jpg", picture)[1].tobytes()


def write(
    folder: Path, rows: list[ItemRow], load_preview: Callable[[ItemRow], bytes | None] = strip, halted: str = ""
) -> Path:
    path = folder / "out" / "_reelmend" / "report.html"
    summary = summarise(
        rows,
        run_id="r1",
        name="night shift",
        engine="propagation",
        executor="inline",
        out="out",
        started_at=1e9,
        ended_at=1e9 + 20,
        halted=halted,
    )
    write_report(path, summary, rows, load_preview, Files())
    return path


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"

    def values(self, tag: str, attribute: str) -> list[str]:
        return [values[attribute] or "" for name, values in self.elements if name == tag and attribute in values]
