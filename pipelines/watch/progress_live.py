"""How does a run look in a terminal? One bar for the run, one line for each active video."""

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipelines.ledger import ItemRow, ItemState
from pipelines.stores.location import Location
from pipelines.summary import frames_computed
from pipelines.tasks import Failure, Receipt
from pipelines.units import counted
from pipelines.watch.overview import fraction_done, seconds_left

LINES = 12
"""Active videos that are shown: a cluster has more of them than a terminal has lines."""

STATE_STYLES = {
    ItemState.RESTORED: "green",
    ItemState.UNTOUCHED: "cyan",
    ItemState.QUARANTINED: "red",
    ItemState.FAILED: "yellow",
}
_STAGE_WORDS = {
    ItemState.PROBING: "reading",
    ItemState.RUNNING: "restoring",
    ItemState.STITCHING: "stitching",
}


class LiveDisplay:
    """Redrawn in place, several times a second; what went wrong scrolls by above it and stays."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._active: dict[str, ItemRow] = {}
        self._total = 0
        self._ended = 0
        self._finished_earlier = 0
        self._frames = 0
        self._started_at_s = 0.0
        self._live: Live | None = None

    def start(self, total_items: int, run_id: str, where: Location) -> None:
        self._total, self._started_at_s = total_items, time.monotonic()
        self._console.print(Text.assemble("run ", (run_id, "bold"), f", {counted(total_items, 'item')}, to {where}"))
        self._live = Live(console=self._console, refresh_per_second=5, transient=True, get_renderable=self.render)
        self._live.start()

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        if row.state.ended:
            self._end(row)
        else:
            self._active[row.id] = row

    def stop(self) -> None:
        if self._live is not None:
            self._live.stop()

    def render(self) -> RenderableType:
        """Return what the terminal shows now. Rows change while this runs in the thread that draws."""
        rows = list(self._active.values())
        shown = sorted(rows, key=lambda row: row.started_at)[:LINES]
        parts: list[RenderableType] = [self._run_bar(rows), *([_item_lines(shown)] if shown else [])]
        if len(rows) > len(shown):
            parts.append(Text(f"  and {len(rows) - len(shown)} more in work", "dim"))
        return Group(*parts)

    def _end(self, row: ItemRow) -> None:
        self._active.pop(row.id, None)
        self._ended += 1
        self._finished_earlier += row.reused
        self._frames += frames_computed(row)
        if row.state.bad:
            self._console.print(Text(f"{row.state}  {row.video}: {row.reason}", STATE_STYLES[row.state]))
        elif row.told:
            self._console.print(Text(f"{row.state}  {row.video}: {row.told}", "yellow"))

    def _run_bar(self, rows: list[ItemRow]) -> RenderableType:
        done = self._ended + sum(map(fraction_done, rows))
        frames = self._frames + sum(map(frames_computed, rows))
        elapsed_s = time.monotonic() - self._started_at_s
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            ProgressBar(total=max(self._total, 1), completed=done, width=30),
            Text(f"{self._ended}/{self._total} items", "bold"),
            Text(f"{frames / elapsed_s:.1f} frames/s" if frames and elapsed_s > 0 else "no frames yet", "cyan"),
            Text(self._remaining(done, elapsed_s), "dim"),
        )
        return grid

    def _remaining(self, done: float, elapsed_s: float) -> str:
        left_s = seconds_left(done, self._total, self._finished_earlier, elapsed_s)
        if left_s is None:
            return f"{_clock(elapsed_s)} elapsed"
        return f"{_clock(elapsed_s)} elapsed, about {_clock(left_s)} left"


def _item_lines(rows: list[ItemRow]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        chunks = f"{row.chunks_computed + row.chunks_reused}/{row.chunks_planned} chunks" if row.chunks_planned else ""
        grid.add_row(
            Text("  " + _shorten(row.id, 28)),
            ProgressBar(total=1.0, completed=fraction_done(row), width=20),
            Text(_STAGE_WORDS.get(row.state, str(row.state)), "magenta"),
            Text(chunks, "dim"),
        )
    return grid


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _shorten(text: str, width: int) -> str:
    """Keep the end of a long name: that is where files of one folder differ."""
    return text if len(text) <= width else "…" + text[1 - width :]
