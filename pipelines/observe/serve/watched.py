"""Current state of a run: its ledger, read again on request once it is stale."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reelmend.pipelines.errors import ReelmendError
from reelmend.pipelines.observe.live_status import Now
from reelmend.pipelines.observe.overview import Overview
from reelmend.pipelines.observe.report.rows import attention_first
from reelmend.pipelines.observe.run_status import Life, RunStatus
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.storage.ledger import ItemRow

log = logging.getLogger(__name__)

FRESH_S = 2.0
"""For so long nobody needs a newer ledger."""
SHARE = 10
"""A ledger that takes a second to read is read every tenth second: watching a run must not keep a machine busy."""


@dataclass(frozen=True)
class Moment:
    """A run as its ledger said it was."""

    summary: RunSummary
    rows: Sequence[ItemRow]
    """Every item of the ledger; some may be of earlier runs."""
    seen: Overview
    stands: RunStatus
    now: Now | None = None
    """What the run reported last of itself; None where it is not in progress."""
    _orders: dict[Callable[[ItemRow], Any], list[ItemRow]] = field(default_factory=dict)

    @cached_property
    def ordered(self) -> list[ItemRow]:
        """The rows as a page shows them."""
        return attention_first(self.rows)

    @property
    def ended(self) -> bool:
        """False: the run is in progress, or was killed."""
        return self.stands.life is Life.ENDED

    def in_order(self, key: Callable[[ItemRow], Any]) -> list[ItemRow]:
        """Return the rows sorted by `key`; people turn the pages of one order, so each is made once."""
        if key not in self._orders:
            self._orders[key] = sorted(self.ordered, key=key)
        return self._orders[key]

    def differs(self, other: "Moment") -> bool:
        """Whether anything happened between the two: no row changes without the totals."""
        return (self.summary, self.stands.life) != (other.summary, other.stands.life)


class WatchedRun:
    """The last moment that was read. Many threads may ask: one of them reads, the others get the one before."""

    def __init__(self, moment: Moment, read: Callable[[], Moment], now: Callable[[], float] = time.monotonic) -> None:
        """`moment`: the run as it is; `read` returns what it is later, and is never called by two threads at once."""
        self._read, self._now = read, now
        self._reading = threading.Lock()
        self.moment = moment
        self.version = 1
        """Goes up whenever something has happened."""
        self.trouble = ""
        """Why the moment is older than it should be; empty when it is not."""
        self._due = now() + FRESH_S

    def refresh(self) -> None:
        """Read the run again if it is time; the next caller finds it in `moment`."""
        if self._now() < self._due or not self._reading.acquire(blocking=False):
            return
        try:
            began = self._now()
            self._take()
            self._due = self._now() + max(FRESH_S, SHARE * (self._now() - began))
        finally:
            self._reading.release()

    def _take(self) -> None:
        try:
            moment = self._read()
        except ReelmendError as exc:
            log.warning("the run cannot be read at the moment: %s", exc)
            self.trouble = f"The run cannot be read at the moment; showing its last known state: {exc}"
            return
        self.trouble = ""
        if moment.differs(self.moment):
            self.version += 1
        self.moment = moment
