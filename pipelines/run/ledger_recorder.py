"""Writer of a run's ledger: every change at once as an event; the parts follow."""

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from reelmend.pipelines.errors import ConfigError, ReelmendError, SetupError, StoreAway, StoreError
from reelmend.pipelines.observe.observer import RunObserver
from reelmend.pipelines.observe.overview import fraction_done
from reelmend.pipelines.observe.summary import frames_computed
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.lease import Lease, lost_to_another
from reelmend.pipelines.storage.ledger.events import Event, EventLog, LastEmitted
from reelmend.pipelines.storage.ledger.head import Head, Pace, events_folder, write_head
from reelmend.pipelines.storage.ledger.partition import PART_ROWS
from reelmend.pipelines.storage.ledger.read import read_ledger
from reelmend.pipelines.storage.ledger.rows import ItemRow
from reelmend.pipelines.storage.ledger.write import PartWriter, read_outcomes, take_over
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Failure, Receipt

log = logging.getLogger(__name__)

CHECKPOINT_S = 20.0
"""Between two times at which the parts catch up: a reader replays no more events than that. On a store that is slow to
write, longer: see `_SHARE`."""
PROGRESS_S = 5.0
"""Between two events of an item whose state stays the same: several for each `CHECKPOINT_S`."""
RECENT_S = 120.0
"""What a run has done in this time, at least, is its speed now: several chunks, and several times `CHECKPOINT_S`."""
_SHARE = 20
"""Parts are written for at most a twentieth of the time."""


class LedgerRecorder(RunObserver):
    """Of one run; called from one thread. First `begin`, then `change`, last `close`."""

    def __init__(
        self,
        place: Location,
        files: Files,
        lease: Lease,
        run: str,
        now: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now`: what a reader is told, seconds since the epoch; `elapsed` paces: it never jumps."""
        self.rows: list[ItemRow] = []
        """Of the items that the run takes up, in its order."""
        self.started_at = now()
        self._place, self._files, self._lease = place, files, lease
        self._run, self._now, self._elapsed = run, now, elapsed
        self._events = EventLog(events_folder(place, run), files)
        self._parts = PartWriter(place, files, run)
        self._head: Head | None = None
        self._told: dict[str, LastEmitted] = {}
        self._changed_parts: set[int] = set()
        self._part_of: dict[str, int] = {}
        self._pace = _PaceMeter()
        self._due = 0.0

    @property
    def begun(self) -> bool:
        """Whether the ledger is this run's."""
        return self._head is not None

    def begin(self, rows: Mapping[str, ItemRow], left_out: Mapping[str, int]) -> None:
        """Take the ledger over with these rows; those already settled by earlier runs are no news. Raises SetupError,
        StoreAway.

        `left_out`: items of the job that the run does not take up, by reason.
        """
        self.rows = list(rows.values())
        self._part_of = {row.id: index // PART_ROWS for index, row in enumerate(self.rows)}
        for row in self.rows:
            row.run = self._run
        try:
            self._remember_outcomes(rows)
            self._head = take_over(
                self._place,
                rows,
                self._run,
                self._files,
                started_at=self.started_at,
                left_out=left_out,
                now=self._now,
            )
        except StoreAway:
            raise
        except StoreError as exc:
            raise SetupError(str(exc)) from exc
        self._pace.begin(self._head.pace, self._elapsed())
        self._events.add(
            self._event("run", state="began", items=len(rows), host=socket.gethostname(), process=os.getpid())
        )
        self._events.start()
        self._due = self._elapsed() + CHECKPOINT_S

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        """Raises SetupError when the folder is another run's by now: this one has to stop."""
        self._lease.check()
        if self._lease.lost:
            raise lost_to_another(self._lease)
        if self._head is None:
            return  # found finished before the run has started
        self._tell(row, answer)
        self._pace.count(row)
        began = self._elapsed()
        if began >= self._due:
            self._checkpoint()
            ended = self._elapsed()
            self._due = ended + max(CHECKPOINT_S, _SHARE * (ended - began))

    def close(self, *, halted: str) -> None:
        """Write what is not written; when the folder is another run's by now, only this one's events."""
        if self._head is not None:
            self._events.add(self._event("run", state="ended", halted=halted))
        try:
            self._events.close()
        except ReelmendError as exc:
            log.warning("the ledger's last events are lost: %s", exc)
        self._lease.check(now=True)
        if not self._lease.lost:
            self._checkpoint(ended_at=self._now())

    def all_rows(self) -> Sequence[ItemRow]:
        """Return the whole ledger: the rows of items that the run left out come behind its own."""
        if self._head is None or len(self._head.parts) == self._parts.count(self.rows):
            return self.rows
        return read_ledger(self._place, self._files)

    def _remember_outcomes(self, rows: Mapping[str, ItemRow]) -> None:
        try:
            outcomes = read_outcomes(self._place, self._files)
        except ConfigError as exc:
            log.warning("the results of earlier runs are lost: %s", exc)
            return
        for item, outcome in outcomes.items():
            row = rows.get(item)
            if row is not None and row.video == outcome.video:
                row.earlier = outcome.state

    def _tell(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        now = self._elapsed()
        self._changed_parts.add(self._part_of[row.id])
        told = self._told.get(row.id) or self._told.setdefault(row.id, LastEmitted(row))
        lost = isinstance(answer, Failure) and answer.transient and not row.state.ended
        if told.state == row.state and not lost and now - told.at < PROGRESS_S:
            return
        what = "attempt" if lost else "progress" if told.state == row.state else "state"
        event = self._event(what, item=row.id, state=row.state, attempts=row.attempts) | told.news(row, now)
        if lost and isinstance(answer, Failure):
            event |= {"task": answer.task_id, "error": answer.reason}
        self._events.add(event)
        if row.state.ended:
            del self._told[row.id]

    def _event(self, what: str, **said: object) -> Event:
        return {"at": round(self._now(), 3), "run": self._run, "what": what, **said}

    def _checkpoint(self, ended_at: float = 0.0) -> None:
        """A ledger that cannot be written must not end a run that can still restore: it says so and continues."""
        if self._head is None:
            return
        try:
            self._events.sync()
            for index in sorted(self._changed_parts):
                self._parts.write(index, self.rows)
            now = self._now()
            pace = self._pace.recent(now, self._elapsed())
            head = replace(self._head, events=self._events.next, written_at=now, pace=pace, ended_at=ended_at)
            write_head(self._place, head, self._files)
            self._changed_parts.clear()
        except ReelmendError as exc:
            log.warning("the ledger could not be updated yet: %s", exc)


class _PaceMeter:
    """How far was the run some minutes ago? Counts what its rows gain; moments are kept at each look."""

    def __init__(self) -> None:
        self._frames = 0
        self._items = 0.0
        self._active: dict[str, tuple[int, float]] = {}
        self._moments: deque[tuple[float, Pace]] = deque()  # with when it was, by the clock that never jumps

    def begin(self, pace: Pace, elapsed: float) -> None:
        self._moments.append((elapsed, pace))

    def count(self, row: ItemRow) -> None:
        frames, items = self._active.pop(row.id, (0, 0.0))
        counted = (0, 0.0) if row.reused else (frames_computed(row), fraction_done(row))
        self._frames += counted[0] - frames
        self._items += counted[1] - items
        if not row.state.ended:
            self._active[row.id] = counted

    def recent(self, at: float, elapsed: float) -> Pace:
        """Return the last moment that is at least `RECENT_S` old, or the first."""
        self._moments.append((elapsed, Pace(at, self._frames, self._items)))
        while len(self._moments) > 1 and elapsed - self._moments[1][0] >= RECENT_S:
            self._moments.popleft()
        return self._moments[0][1]
