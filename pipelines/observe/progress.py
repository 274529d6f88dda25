"""Progress during a run: a live display in a terminal, log lines elsewhere."""

import logging
import threading
from typing import Protocol

from rich.console import Console

from reelmend.pipelines.choices import LogFormat
from reelmend.pipelines.errors import FailureKind
from reelmend.pipelines.observe.pace import RunPace, clock
from reelmend.pipelines.observe.progress_live import LiveDisplay
from reelmend.pipelines.observe.task_progress import Signs
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Failure, Receipt
from reelmend.pipelines.utils.logs import LogLine, log_format

log = logging.getLogger("reelmend")


EVERY_S = 30.0
"""Between two lines that say how far a run is, where there is no terminal."""


class Display(Protocol):
    """Is notified of what happens in a run; shows it or not. Called from one thread."""

    def start(self, total_items: int, run_id: str, where: Location) -> None:
        """The run begins; its outputs go to the folder `where`."""
        ...

    def follow(self, signs: Signs) -> None:
        """How far the tasks in progress are can be seen there, from now on."""
        ...

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        """A row of the ledger changed, because of `answer` or because its item was started or given up."""
        ...

    def stop(self) -> None:
        """The run is over, or was interrupted."""
        ...


class SilentDisplay:
    """For machines: the summary at the end says it all."""

    def start(self, total_items: int, run_id: str, where: Location) -> None:
        return

    def follow(self, signs: Signs) -> None:
        return

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        return

    def stop(self) -> None:
        return


class LogDisplay:
    """One line a state change, one warning a lost attempt; each with run and item as fields.

    Every half minute a line says how far the run is, how fast, and how long the rest takes.
    """

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._run_id = ""
        self._pace = RunPace()
        self._every_s = every_s
        self._over: threading.Event | None = None
        self._states: dict[str, ItemState] = {}
        """Of items in progress, which are few; one ends once."""

    def start(self, total_items: int, run_id: str, where: Location) -> None:
        self._run_id = run_id
        self._pace.start(total_items)
        log.info(LogLine("started", run=run_id, items=total_items, out=where))
        self._over = threading.Event()
        threading.Thread(target=self._say_how_far, args=(self._over,), name="progress", daemon=True).start()

    def follow(self, signs: Signs) -> None:
        self._pace.signs = signs

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        if isinstance(answer, Failure) and answer.transient and not row.state.ended:
            what = "tried again" if answer.kind == FailureKind.CONTEXT_LOST else "attempt lost"
            log.warning(LogLine(f"{what}: {answer.reason}", run=self._run_id, item=row.id, task=answer.task_id))
        if not row.state.ended:
            self._pace.change(row)
        if self._states.get(row.id) == row.state:
            return
        if row.state.ended:
            self._pace.change(row)
            self._states.pop(row.id, None)
        else:
            self._states[row.id] = row.state
        level = logging.ERROR if row.state.bad else logging.WARNING if row.state.ended and row.told else logging.INFO
        log.log(level, LogLine(run=self._run_id, item=row.id, state=row.state, **self._detail(row)))

    def stop(self) -> None:
        if self._over is not None:
            self._over.set()
        log.info(LogLine("over", run=self._run_id, ended=self._ended))

    @property
    def _ended(self) -> str:
        return f"{self._pace.ended}/{self._pace.total}"

    def _say_how_far(self, over: threading.Event) -> None:
        while not over.wait(self._every_s):
            left_s, rate = self._pace.seconds_left(), self._pace.frames_per_second
            figures = {"done": f"{self._pace.share:.0%}", "ended": self._ended, "frames_per_s": round(rate, 1)}
            left = None if left_s is None else clock(left_s)
            log.info(LogLine("in progress", run=self._run_id, **figures, left=left))

    def _detail(self, row: ItemRow) -> dict[str, object]:
        if not row.state.ended:
            return {}
        counts = {name: getattr(row, name) for name in ("frames", "chunks_computed", "chunks_reused")}
        quality = {"score": row.quality_score, "review": row.review_reason or None}
        return {"ended": self._ended} | counts | quality | {"reason": row.reason or None}


def choose_display(console: Console, *, machine: bool, log: LogFormat) -> Display:
    """Return the display for `console`: live where it is a terminal, lines elsewhere, none when a machine reads.

    A log that is JSON is made of lines everywhere.
    """
    if machine:
        return SilentDisplay()
    live = console.is_terminal and log_format(log) is LogFormat.text
    return LiveDisplay(console) if live else LogDisplay()
