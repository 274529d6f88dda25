"""What do the report's tests look at? Pages written from real rows, their elements and what their script is told."""

import json
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from reelmend.pipelines.observe.report import write_report
from reelmend.pipelines.observe.summary import RunSummary, summarise
from reelmend.pipelines.stages.preview_sheet import encode_outlines, encode_pictures, grid, ring, slot
from reelmend.pipelines.stages.previews import Sheet, save_preview
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemRow, ItemState

HOSTILE = '</script><script>window.owned=1</script><img src=x onerror="window.owned=1">\'\u202e.mp4'
COLUMNS, WIDTH, HEIGHT = 3, 32, 18


def restored(name: str, **more: object) -> ItemRow:
    row = ItemRow(name, f"in/{name}", "mask.png", f"out/{name}", ItemState.RESTORED, frames=30, width=64, height=36)
    row.chunks_planned = row.chunks_computed = 1
    row.frames_done, row.seconds = 30, {"flow": 1.0, "inpaint": 3.0}
    for key, value in more.items():
        setattr(row, key, value)
    return row


def quarantined(name: str, reason: str = "cut off after frame 7 of 30") -> ItemRow:
    return ItemRow(
        name, f"in/{name}", "mask.png", f"out/{name}", ItemState.QUARANTINED, "MediaError", reason, "probe", attempts=1
    )


def strip(shade: int = 0) -> bytes:
    """Red before, green after; another `shade` is another picture."""
    picture = np.zeros((2 * HEIGHT, COLUMNS * WIDTH, 3), np.uint8)
    picture[:HEIGHT, :, 2], picture[HEIGHT:, :, 1] = 220, 160 - shade
    return cv2.imencode(".jpg", picture)[1].tobytes()


def work_folder(folder: Path) -> Path:
    return folder / "out" / "_reelmend"


def pictured(folder: Path, name: str, jpeg: bytes | None = None, **more: object) -> ItemRow:
    """A restored item whose strip lies beside the page that `write` writes to `folder`."""
    row = restored(name, **more)
    jpeg = jpeg or strip()
    saved = _saved(folder, jpeg)
    size = {"preview_columns": COLUMNS, "preview_width": WIDTH, "preview_height": HEIGHT}
    row.facts = {"preview": saved, "preview_bytes": len(jpeg), **size}
    return row


MOVING, MOMENTS = 12, 3


def moving(folder: Path, name: str, **facts: str | int | float) -> ItemRow:
    """A restored item with consecutive frames and moments, red before, green after, and a square hole in the middle."""
    red, green, blue = (np.zeros((HEIGHT, WIDTH, 3), np.uint8) for _ in range(3))
    red[..., 0], green[..., 1], blue[..., 2] = 220, 160, 220
    hole = np.zeros((HEIGHT, WIDTH), np.bool_)
    hole[6:12, 12:20] = True
    cells = MOMENTS + MOVING
    outlines = grid([ring(hole, (WIDTH, HEIGHT))] * cells, 8)
    sheet = Sheet(
        picture=_saved(
            folder,
            encode_pictures([grid([red] * cells, 8), grid([green] * cells, 8), grid([blue] * (MOMENTS + 1), 8)], 10**6),
        ),
        outline=save_preview(work_folder(folder), encode_outlines(outlines), Files(), ".png"),
        size=(WIDTH, HEIGHT),
        step=(slot(WIDTH), slot(HEIGHT)),
        columns=8,
        moments=(0, 20, 40),
        start=30,
        moving=MOVING,
        rate=25.0,
        whole=(WIDTH, HEIGHT),
        whole_step=(slot(WIDTH), slot(HEIGHT)),
    )
    return restored(name, facts=sheet.facts() | {"preview_bytes": 2000} | facts)


def judged(folder: Path, name: str, score: float, reason: str = "") -> ItemRow:
    """A restored item with a score; with a reason, one to review."""
    told = {"quality_score": score, "quality_seen_share": 0.94, "quality_seen_away": 3.0, "review": int(bool(reason))}
    return moving(folder, name, **told, **({"review_reason": reason} if reason else {}))


@cache
def _saved(folder: Path, jpeg: bytes) -> str:
    """Many items of a test share a few pictures."""
    return save_preview(work_folder(folder), jpeg, Files())


def summary_of(rows: list[ItemRow], halted: str = "") -> RunSummary:
    return summarise(
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


def write(folder: Path, rows: list[ItemRow], halted: str = "") -> Path:
    path = work_folder(folder) / "report.html"
    write_report(path, summary_of(rows, halted), rows, Files())
    return path


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[tuple[str, dict[str, str | None]], str]] = []
        """Text and the element that it came after."""
        self.text = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.inside.append((self.elements[-1] if self.elements else ("", {}), data))
        self.text += "" if self.elements and self.elements[-1][0] == "script" else f" {data}"

    def values(self, tag: str, attribute: str) -> list[str]:
        return [values[attribute] or "" for name, values in self.elements if name == tag and attribute in values]

    @property
    def told(self) -> dict[str, Any]:
        """What the page's script is told."""
        data = next(text for (tag, values), text in self.inside if tag == "script" and values.get("id") == "told")
        return dict(json.loads(data))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The items inside the page."""
        return [dict(zip(self.told["fields"], values, strict=True)) for values in self.told["rows"]]
