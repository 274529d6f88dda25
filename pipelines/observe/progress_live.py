"""Live display in a terminal: one bar for the run, one line per active video."""

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reelmend.pipelines.observe.pace import RunPace, clock
from reelmend.pipelines.observe.task_progress import Signs
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Failure, Receipt
from reelmend.pipelines.utils.units import counted

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
    """Redrawn in place, several times per second; what went wrong scrolls by above it and stays."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = RunPace()
        self._live: Live | None = None

    def start(self, total_items: int, run_id: str, where: Location) -> None:
        self._pace.start(total_items)
        self._console.print(Text.assemble("run ", (run_id, "bold"), f", {counted(total_items, 'item')}, to {where}"))
        self._live = Live(console=self._console, refresh_per_second=5, transient=True, get_renderable=self.render)
        self._live.start()

    def follow(self, signs: Signs) -> None:
        self._pace.signs = signs

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        self._pace.change(row)
        if row.state.bad:
            self._console.print(Text(f"{row.state}  {row.video}: {row.reason}", STATE_STYLES[row.state]))
        elif row.state.ended and row.told:
            self._console.print(Text(f"{row.state}  {row.video}: {row.told}", "yellow"))

    def stop(self) -> None:
        if self._live is not None:
            self._live.stop()

    def render(self) -> RenderableType:
        """Return what the terminal shows now. Rows change while this runs in the thread that draws."""
        rows = list(self._pace.active.values())
        shown = sorted(rows, key=lambda row: row.started_at)[:LINES]
        parts: list[RenderableType] = [self._run_bar(), *([self._item_lines(shown)] if shown else [])]
        if len(rows) > len(shown):
            parts.append(Text(f"  and {len(rows) - len(shown)} more in progress", "dim"))
        return Group(*parts)

    def _run_bar(self) -> RenderableType:
        pace = self._pace
        rate = pace.frames_per_second
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            ProgressBar(total=1.0, completed=pace.share, width=30),
            Text(f"{pace.share:.0%}"),
            Text(f"{pace.ended}/{pace.total} items", "bold"),
            Text(f"{rate:.1f} frames/s" if rate else "no frames yet", "cyan"),
            Text(self._remaining(), "dim"),
        )
        return grid

    def _remaining(self) -> str:
        left_s, elapsed = self._pace.seconds_left(), f"{clock(self._pace.elapsed_s)} elapsed"
        return elapsed if left_s is None else f"{elapsed}, about {clock(left_s)} left"

    def _item_lines(self, rows: list[ItemRow]) -> Table:
        grid = Table.grid(padding=(0, 2))
        for row in rows:
            chunks = f"{row.chunks_computed + row.chunks_reused}/{row.chunks_planned} chunks"
            frames = self._pace.frames_of(row)
            grid.add_row(
                Text("  " + _shorten(row.id, 28)),
                ProgressBar(total=1.0, completed=self._pace.fraction(row), width=20),
                Text(_STAGE_WORDS.get(row.state, str(row.state)), "magenta"),
                Text(chunks if row.chunks_planned else "", "dim"),
                Text(f"{counted(frames, 'frame')} done" if frames else "", "dim"),
            )
        return grid


def _shorten(text: str, width: int) -> str:
    """Keep the end of a long name: that is where files of one folder differ."""
    return text if len(text) <= width else "…" + text[1 - width :]
