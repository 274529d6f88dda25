"""Append-only log of changes, in numbered segments of JSON lines.

A line holds `at` (seconds since the epoch), `run`, `what` it is about, and, for an `item`, the fields of its row that
changed, with their new values. Values are absolute, so that replaying an event twice is replaying it once.

    state     the item came to another state; with `attempts`, and `reason` where there is one
    attempt   a task of it failed and is tried again: `task`, `error`
    progress  its counts grew; not more often than every few seconds
    run       the run began, or ended
    end       the segment's last line: how many `lines` it has before this one

Each line has a checksum (`sum`, CRC-32 of the line without it), so that damage costs the lines that it hit and no more.
"""

import json
import logging
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from reelmend.pipelines.errors import ReelmendError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger.rows import ItemRow, ItemState
from reelmend.pipelines.storage.location import Location, RemotePath
from reelmend.pipelines.storage.sealed import seal_lines, unseal_lines

log = logging.getLogger(__name__)

Event = dict[str, Any]

LOCAL_PACE_S, REMOTE_PACE_S = 1.0, 5.0
"""Between two segments: a kill loses what was heard since the last one, and a day makes 17 000 objects of a bucket."""

_FIELDS = frozenset(ItemRow.__dataclass_fields__) - {"id", "run", "earlier"}
"""What can change while a run has the item."""
_dumps = json.JSONEncoder(ensure_ascii=False).encode


class EventLog:
    """Writes one run's events, from its own thread, so that nobody waits for the store."""

    def __init__(self, folder: Location, files: Files) -> None:
        self._folder, self._files = folder, files
        self._waiting: list[str] = []
        self._segment: list[str] = []  # what number `next` holds, or is to hold
        self._adding, self._writing = threading.Lock(), threading.Lock()
        self._pace_s = REMOTE_PACE_S if isinstance(folder, RemotePath) else LOCAL_PACE_S
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._write_until_closed, name="events", daemon=True)
        self.next = 0
        """Number of the segment that comes next; those before it are written."""

    def start(self) -> None:
        self._thread.start()

    def add(self, event: Event) -> None:
        line = _dumps(event)
        with self._adding:
            self._waiting.append(line)

    def sync(self) -> None:
        """Write what was added so far. Raises StoreError; nothing is lost then, the next try has it too."""
        with self._writing:
            self._write_segment()
            with self._adding:
                self._segment, self._waiting = self._waiting, []
            self._write_segment()

    def close(self) -> None:
        """Stop the thread and write the rest. Raises StoreError."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        self.sync()

    def _write_segment(self) -> None:
        """A write that failed may have been done, and read by somebody: tried again, the segment holds the same."""
        if self._segment:
            self._files.write(segment_place(self._folder, self.next), seal_lines(self._segment))
            self._segment = []
            self.next += 1

    def _write_until_closed(self) -> None:
        while not self._closed.wait(self._pace_s):
            try:
                self.sync()
            except ReelmendError as exc:
                log.warning("the ledger's events could not be written yet: %s", exc)
            except Exception:  # a thread that ended would leave readers with an old ledger and nobody told
                log.exception("the ledger's events could not be written yet")


def segment_place(folder: Location, number: int) -> Location:
    return folder / f"{number:06d}.jsonl"


class Segment(NamedTuple):
    """What a file of the log says."""

    number: int
    events: list[Event]
    """Those that are as they were written."""
    damage: str = ""
    """What has become of others; empty where there are none."""


def read_events(folder: Location, first: int, files: Files, *, to_the_last: bool = False) -> Iterator[Segment]:
    """Yield the segments from number `first` on, up to one that is not there.

    With `to_the_last`, for a run that has ended or died, those behind a missing one, too, which counts as damaged.
    Raises StoreError.
    """
    number = first
    while (content := files.read(segment_place(folder, number))) is not None:
        yield _segment(number, content)
        number += 1
    if to_the_last:
        yield from _behind_gap(folder, number, files)


def _behind_gap(folder: Location, first: int, files: Files) -> Iterator[Segment]:
    names = {entry.place.stem for entry in files.children(folder) if entry.place.name.endswith(".jsonl")}
    last = max((int(name) for name in names if name.isdigit()), default=-1)
    for number in range(first, last + 1):
        content = files.read(segment_place(folder, number))
        yield Segment(number, [], "it is not there") if content is None else _segment(number, content)


def _segment(number: int, content: bytes) -> Segment:
    events, whole = unseal_lines(content)
    return Segment(number, events, "" if whole else f"{len(events)} events of it can be read, others cannot")


def replay(event: Event, row: ItemRow) -> None:
    """Give the row the values that the event holds."""
    for name in event.keys() & _FIELDS:
        value = event[name]
        if isinstance(value, dict):
            getattr(row, name).update(value)
        else:
            setattr(row, name, ItemState(value) if name == "state" else value)


class LastEmitted:
    """What the log has said of one row so far, so that the next event holds only what is new."""

    def __init__(self, row: ItemRow) -> None:
        """Begins with the row as it was when it was pending: so the parts hold it."""
        self.at = 0.0
        self._values = _values(ItemRow(row.id, row.video, row.mask, row.output, run=row.run, earlier=row.earlier))

    @property
    def state(self) -> ItemState:
        """The state that the log has last said the item is in."""
        state: ItemState = self._values["state"]
        return state

    def news(self, row: ItemRow, at: float) -> Event:
        """Return the fields that have changed since the last call; of those that are maps, the entries that have."""
        before, self._values, self.at = self._values, _values(row), at
        return {name: _new(value, before[name]) for name, value in self._values.items() if value != before[name]}


def _values(row: ItemRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _FIELDS}
    return {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}


def _new(value: Any, before: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: told for key, told in value.items() if before.get(key) != told}
