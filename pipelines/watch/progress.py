"""What does a person see while a run goes on? A live display in a terminal, log lines elsewhere."""

import logging
from typing import Protocol

from rich.console import Console

from pipelines.config import LogFormat
from pipelines.ledger import ItemRow, ItemState
from pipelines.logs import LogLine, log_format
from pipelines.stores.location import Location
from pipelines.tasks import Failure, Receipt
from pipelines.watch.progress_live import LiveDisplay

log = logging.getLogger("reelmend")


class Display(Protocol):
    """Is told what happens in a run; shows it or not. Called from one thread."""

    def start(self, total_items: int, run_id: str, where: Location) -> None:
        """The run begins; its outputs go to the folder `where`."""
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

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        return

    def stop(self) -> None:
        return


class LogDisplay:
    """One line a state change, one warning a lost attempt; each with run and item as fields."""

    def __init__(self) -> None:
        self._run_id = ""
        self._total = 0
        self._ended = 0
        self._states: dict[str, ItemState] = {}
        """Of items in work, which are few; one ends once."""

    def start(self, total_items: int, run_id: str, where: Location) -> None:
        self._run_id, self._total = run_id, total_items
        log.info(LogLine("started", run=run_id, items=total_items, out=where))

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        if isinstance(answer, Failure) and answer.transient and not row.state.ended:
            log.warning(LogLine(f"attempt lost: {answer.reason}", run=self._run_id, item=row.id, task=answer.task_id))
        if self._states.get(row.id) == row.state:
            return
        if row.state.ended:
            self._states.pop(row.id, None)
            self._ended += 1
        else:
            self._states[row.id] = row.state
        level = logging.ERROR if row.state.bad else logging.WARNING if row.state.ended and row.told else logging.INFO
        log.log(level, LogLine(run=self._run_id, item=row.id, state=row.state, **self._detail(row)))

    def stop(self) -> None:
        log.info(LogLine("over", run=self._run_id, ended=f"{self._ended}/{self._total}"))

    def _detail(self, row: ItemRow) -> dict[str, object]:
        if not row.state.ended:
            return {}
        counts = {name: getattr(row, name) for name in ("frames", "chunks_computed", "chunks_reused")}
        quality = {"score": row.quality_score, "review": row.review_reason or None}
        return {"ended": f"{self._ended}/{self._total}"} | counts | quality | {"reason": row.reason or None}


def choose_display(console: Console, *, machine: bool, log: LogFormat) -> Display:
    """Return the display for `console`: live where it is a terminal, lines elsewhere, none when a machine reads.

    A log that is JSON is made of lines everywhere.
    """
    if machine:
        return SilentDisplay()
    live = console.is_terminal and log_format(log) is LogFormat.text
    return LiveDisplay(console) if live else LogDisplay()
