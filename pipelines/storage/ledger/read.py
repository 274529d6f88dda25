"""The ledger as it is now: parts first, then the events behind them, also while a run writes both."""

import logging
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger.events import Event, Segment, read_events, replay
from reelmend.pipelines.storage.ledger.head import Damaged, Head, events_folder, part_place, read_head
from reelmend.pipelines.storage.ledger.partition import decode_rows
from reelmend.pipelines.storage.ledger.rows import ItemRow
from reelmend.pipelines.storage.location import Location

log = logging.getLogger(__name__)

_AHEAD = 8
"""Parts that are on their way while one is looked at."""
_TRIES = 5
"""A run that begins replaces head and parts; a reader that comes between them starts again."""


def read_ledger(place: Location, files: Files | None = None) -> list[ItemRow]:
    """Return the rows: those of the last run in its order, then those it left out. Raises ConfigError if there is none.

    `place` is the folder `<out>/_reelmend/ledger`.
    """
    return list(LedgerView(place, files or Files()).rows.values())


class LedgerView:
    """The ledger as it is now; `refresh` catches up with a run at the price of the events that are new."""

    head: Head
    rows: dict[str, ItemRow]
    last_errors: dict[str, str]
    """By item id, why its last attempt was lost, as far as the events that were read say so."""
    heard_at: float
    """When the newest of what is known here happened, by the run's clock, in seconds since the epoch."""

    def __init__(self, place: Location, files: Files) -> None:
        """Raises ConfigError where there is no ledger."""
        self._place, self._files = place, files
        self._read_all()

    def rows_of_run(self) -> list[ItemRow]:
        """Return the rows of the items that the last run takes up, in its order."""
        return [row for row in self.rows.values() if row.run == self.head.run]

    def refresh(self) -> None:
        """Raises ConfigError when the ledger is gone."""
        head = _require_head(self._place, self._files)
        if head.run != self.head.run:
            self._read_all()
            return
        self.head = head
        self.heard_at = max(self.heard_at, head.written_at)
        self._replay()

    def _read_all(self) -> None:
        for _ in range(_TRIES):
            head = _require_head(self._place, self._files)
            rows: dict[str, ItemRow] = {}
            for name, content in zip(head.parts, read_parts(self._place, head.parts, self._files), strict=True):
                if content is None:
                    break
                rows |= {row.id: row for row in rows_of_part(self._place, name, content)}
            else:
                self.head, self.rows, self.last_errors = head, rows, {}
                self.heard_at, self._next = head.written_at, head.events
                self._replay(to_the_last=True)
                return
        raise ConfigError(f"the ledger {self._place} is missing a part; run the same command again")

    def _replay(self, *, to_the_last: bool = False) -> None:
        folder = events_folder(self._place, self.head.run)
        for segment in read_events(folder, self._next, self._files, to_the_last=to_the_last):
            if segment.damage:
                log.warning("segment %d of the events in %s is damaged: %s", segment.number, folder, segment.damage)
            for event in segment.events:
                self.heard_at = max(self.heard_at, event["at"])
                row = self.rows.get(event.get("item", ""))
                if row is not None:
                    replay(event, row)
                    if "error" in event:
                        self.last_errors[row.id] = event["error"]
            self._next = segment.number + 1


def rows_of_part(place: Location, name: str, content: bytes) -> list[ItemRow]:
    """Raises Damaged for what is not as it was written."""
    try:
        return decode_rows(content)
    except ConfigError as exc:
        part = part_place(place, name)
        raise Damaged(f"the ledger's part {part} {exc}; run the same command again to set it aside") from exc


def read_parts(place: Location, names: Iterable[str], files: Files) -> Iterator[bytes | None]:
    """Yield the parts' bytes, None for one that is not there, several being on their way at once."""
    with ThreadPoolExecutor(_AHEAD) as readers:
        on_the_way: deque[Future[bytes | None]] = deque()
        for name in names:
            on_the_way.append(readers.submit(files.read, part_place(place, name)))
            if len(on_the_way) > _AHEAD:
                yield on_the_way.popleft().result()
        while on_the_way:
            yield on_the_way.popleft().result()


def events_behind(place: Location, head: Head, files: Files, *, to_the_last: bool = True) -> dict[str, list[Event]]:
    """Return, by item, the events that the parts do not hold yet; some exist while a run is alive or was killed."""
    by_item: dict[str, list[Event]] = defaultdict(list)
    for segment in read_events(events_folder(place, head.run), head.events, files, to_the_last=to_the_last):
        add_events(segment, by_item)
    return dict(by_item)


def add_events(segment: Segment, by_item: dict[str, list[Event]]) -> None:
    for event in segment.events:
        if "item" in event:
            by_item[event["item"]].append(event)


def settled_rows(place: Location, files: Files) -> Iterator[tuple[ItemRow, float]]:
    """Yield the rows behind which there are no events, with when their part was written by the store's clock.

    Raises ConfigError where there is no ledger, or a part of it cannot be read.
    """
    head = _require_head(place, files)
    changed = events_behind(place, head, files, to_the_last=False)  # a row is believed if its record is no younger
    written = {entry.place.name: entry.modified_s for entry in files.children(part_place(place, ""))}
    for name, content in zip(head.parts, read_parts(place, head.parts, files), strict=True):
        if content is not None and name in written:
            yield from ((row, written[name]) for row in decode_rows(content) if row.id not in changed)


def _require_head(place: Location, files: Files) -> Head:
    head = read_head(place, files)
    if head is None:
        raise ConfigError(f"no ledger at {place}: no run has written there yet")
    return head
