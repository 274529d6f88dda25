"""The ledger made a run's own, and what it leaves out kept: new parts first, then the head, in one step.

What is damaged is set aside in `damaged/`, said, and made again from what is left: items of the run find themselves
finished by their own records, others keep what parts and later events say of them.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger.events import Event, read_events, replay, segment_place
from reelmend.pipelines.storage.ledger.head import (
    Damaged,
    Head,
    Pace,
    damaged_place,
    events_folder,
    head_place,
    part_place,
    read_head,
    write_head,
)
from reelmend.pipelines.storage.ledger.partition import PART_ROWS, decode, decode_rows, encode
from reelmend.pipelines.storage.ledger.read import add_events, events_behind, read_parts
from reelmend.pipelines.storage.ledger.rows import ItemRow, ItemState
from reelmend.pipelines.storage.location import Location

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
            raise ConfigError(
                f"the ledger {place} is missing its part {name}; run the same command without flags to repair it"
            )
        try:
            rows = decode(content, ("id", "video", "state", "earlier"))
        except ConfigError as exc:
            part = part_place(place, name)
            raise Damaged(f"the ledger's part {part} {exc}; run the same command without flags to repair it") from exc
        for item, video, state, earlier in rows:
            said = [state, *(ItemState(event["state"]) for event in behind.get(item, ()) if "state" in event)]
            found[item] = Outcome(video, next((ended for ended in reversed(said) if ended.ended), earlier))
    return found


class PartWriter:
    """Puts rows into their own parts. Those of `rows` may be written again as they change."""

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
    before = _head_before(place, run, files)
    kept = list(_keep(place, before, rows.keys(), writer, files)) if before else []
    parts = (*writer.write_all(list(rows.values())), *kept)
    at = now()
    head = Head(run, started_at, len(rows), parts, written_at=at, left_out=dict(left_out), pace=Pace(at))
    write_head(place, head, files)
    for entry in files.children(part_place(place, "")):
        if entry.place.name not in parts:
            files.delete(entry.place)
    return head


def _head_before(place: Location, run: str, files: Files) -> Head | None:
    """Return the head, or one of whatever parts there are where it is damaged. Raises ConfigError for a newer one."""
    try:
        return read_head(place, files)
    except Damaged as exc:
        log.warning("%s", exc)
        set_aside(place, head_place(place), f"{run}-head.json", files)
    parts = sorted(entry.place.name for entry in files.children(part_place(place, "")) if not entry.is_folder)
    runs = [entry.place.name for entry in files.children(place / "events") if entry.is_folder]
    if not parts or not runs:
        return None
    return Head(max(runs), 0.0, 0, tuple(parts))


def set_aside(place: Location, damaged: Location, name: str, files: Files) -> None:
    """Move a file of the ledger out of the way, to be looked at. Raises StoreError."""
    content = files.read(damaged)
    if content is None:
        return
    files.write(damaged_place(place, name), content)
    files.delete(damaged)
    log.warning("%s is set aside as %s", damaged, damaged_place(place, name))


def _keep(place: Location, head: Head, taken: Set[str], writer: PartWriter, files: Files) -> Iterator[str]:
    """Yield the names of parts with the rows of all items but those taken; a part that stays as it is stays."""
    behind = _whole_events(place, head, files)
    loose: dict[str, ItemRow] = {}
    number = 0
    for name, content in zip(head.parts, read_parts(place, head.parts, files), strict=True):
        try:
            ids = [item for (item,) in decode(content or b"", ("id",))]
            stays = taken.isdisjoint(ids) and behind.keys().isdisjoint(ids) and loose.keys().isdisjoint(ids)
            if stays and len(ids) > PART_ROWS // 2:  # many small runs would leave as many small parts
                yield name
                continue
            rows = [row for row in decode_rows(content or b"") if row.id not in taken]
            loose |= {row.id: row for row in _up_to_date(rows, behind)}
        except ConfigError as exc:
            log.warning("part %s of the ledger %s, its rows are lost: %s", name, place, exc)
            set_aside(place, part_place(place, name), name, files)
        while len(loose) >= PART_ROWS:
            first = list(loose.values())[:PART_ROWS]
            yield writer.write_kept(number, first)
            loose, number = {row.id: row for row in [*loose.values()][PART_ROWS:]}, number + 1
    if loose:
        yield writer.write_kept(number, list(loose.values()))


def _whole_events(place: Location, head: Head, files: Files) -> dict[str, list[Event]]:
    """As `events_behind`; what is damaged is set aside, and said."""
    by_item: dict[str, list[Event]] = defaultdict(list)
    folder = events_folder(place, head.run)
    for segment in read_events(folder, head.events, files, to_the_last=True):
        add_events(segment, by_item)
        if segment.damage:
            damaged = segment_place(folder, segment.number)
            log.warning("the ledger's events %s are damaged: %s", damaged, segment.damage)
            set_aside(place, damaged, f"{head.run}-{damaged.name}", files)
    return dict(by_item)


def _up_to_date(rows: list[ItemRow], behind: Mapping[str, list[Event]]) -> list[ItemRow]:
    for row in rows:
        for event in behind.get(row.id, ()):
            replay(event, row)
    return rows
