"""How does a run make the ledger its own, and keep what it leaves out? New parts first, then the head, in one step."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType

from pipelines.errors import ConfigError
from pipelines.ledger.events import Event, replay
from pipelines.ledger.head import Head, Pace, part_place, read_head, write_head
from pipelines.ledger.partition import PART_ROWS, decode, decode_rows, encode
from pipelines.ledger.read import events_behind, read_parts
from pipelines.ledger.rows import ItemRow, ItemState
from pipelines.stores.files import Files
from pipelines.stores.location import Location

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How the runs so far left an item."""

    video: str
    state: ItemState | None
    """None: no run has brought it to an end."""


def read_outcomes(place: Location, files: Files) -> dict[str, Outcome]:
    """Return what is known by item id; nothing where there is no ledger. Raises ConfigError for a damaged one."""
    head = read_head(place, files)
    if head is None:
        return {}
    behind = events_behind(place, head, files)
    found: dict[str, Outcome] = {}
    for name, content in zip(head.parts, read_parts(place, head.parts, files), strict=True):
        if content is None:
            raise ConfigError(f"the ledger {place} lacks its part {name}; the same command without flags mends it")
        for item, video, state, earlier in decode(content, ("id", "video", "state", "earlier")):
            said = [state, *(ItemState(event["state"]) for event in behind.get(item, ()) if "state" in event)]
            found[item] = Outcome(video, next((ended for ended in reversed(said) if ended.ended), earlier))
    return found


class PartWriter:
    """Puts rows into parts of their own. Those of `rows` may be written again as they change."""

    def __init__(self, place: Location, files: Files, run: str) -> None:
        self._place, self._files, self._run = place, files, run

    def name(self, index: int) -> str:
        return f"{self._run}-{index:05d}.parquet"

    def write(self, index: int, rows: Sequence[ItemRow]) -> None:
        """Write the part with this index again. Raises StoreError."""
        self._put(self.name(index), rows[index * PART_ROWS : (index + 1) * PART_ROWS])

    def write_all(self, rows: Sequence[ItemRow]) -> list[str]:
        """Return the parts' names."""
        count = self.count(rows)
        for index in range(count):
            self.write(index, rows)
        return [self.name(index) for index in range(count)]

    @staticmethod
    def count(rows: Sequence[ItemRow]) -> int:
        return -(-len(rows) // PART_ROWS)

    def write_kept(self, number: int, rows: Sequence[ItemRow]) -> str:
        name = f"{self._run}-kept-{number:05d}.parquet"
        self._put(name, rows)
        return name

    def _put(self, name: str, rows: Sequence[ItemRow]) -> None:
        self._files.write(part_place(self._place, name), encode(rows))


def take_over(
    place: Location,
    rows: Mapping[str, ItemRow],
    run: str,
    files: Files,
    *,
    started_at: float,
    left_out: Mapping[str, int] = MappingProxyType({}),
    now: Callable[[], float] = time.time,
) -> Head:
    """Make these the ledger's first rows, behind them those of all other items as they were. Raises StoreError.

    Until the head is written, readers see the ledger of the run before; from then on this one's.
    """
    writer = PartWriter(place, files, run)
    before = _head_before(place, files)
    kept = list(_keep(place, before, rows.keys(), writer, files)) if before else []
    parts = (*writer.write_all(list(rows.values())), *kept)
    at = now()
    head = Head(run, started_at, len(rows), parts, written_at=at, left_out=dict(left_out), pace=Pace(at))
    write_head(place, head, files)
    for entry in files.children(part_place(place, "")):
        if entry.place.name not in parts:
            files.delete(entry.place)
    return head


def _head_before(place: Location, files: Files) -> Head | None:
    try:
        return read_head(place, files)
    except ConfigError as exc:
        log.warning("%s; it is written anew, and what it said of items that this run leaves out is lost", exc)
        return None


def _keep(place: Location, head: Head, taken: Set[str], writer: PartWriter, files: Files) -> Iterator[str]:
    """Yield the names of parts with the rows of all items but those taken; a part that stays as it is stays."""
    behind = events_behind(place, head, files)
    loose: list[ItemRow] = []
    number = 0
    for name, content in zip(head.parts, read_parts(place, head.parts, files), strict=True):
        try:
            ids = [item for (item,) in decode(content or b"", ("id",))]
            stays = taken.isdisjoint(ids) and behind.keys().isdisjoint(ids)
            if stays and len(ids) > PART_ROWS // 2:  # many small runs would leave as many small parts
                yield name
                continue
            loose += _up_to_date([row for row in decode_rows(content or b"") if row.id not in taken], behind)
        except ConfigError as exc:
            log.warning("part %s of the ledger %s, its rows are lost: %s", name, place, exc)
        while len(loose) >= PART_ROWS:
            yield writer.write_kept(number, loose[:PART_ROWS])
            loose, number = loose[PART_ROWS:], number + 1
    if loose:
        yield writer.write_kept(number, loose)


def _up_to_date(rows: list[ItemRow], behind: Mapping[str, list[Event]]) -> list[ItemRow]:
    for row in rows:
        for event in behind.get(row.id, ()):
            replay(event, row)
    return rows
