"""What happened to each item? One row an item, as Parquet next to the outputs, readable during the run."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import ConfigError
from pipelines.stores.files import Files
from pipelines.stores.location import Location
from pipelines.tables import read_parquet

WEIGHTS_FACT = "weights_"
"""Facts whose name begins so say which weights a network was read from."""


class ItemState(StrEnum):
    PENDING = "pending"  # not started
    PROBING = "probing"
    RUNNING = "running"  # flow and inpainting
    STITCHING = "stitching"
    RESTORED = "restored"
    UNTOUCHED = "untouched"  # empty mask: the source was copied, and the row says so
    QUARANTINED = "quarantined"  # the data is at fault: not tried again in this run
    FAILED = "failed"  # the machine was at fault, and attempts are used up

    @property
    def ended(self) -> bool:
        return self in _ENDED

    @property
    def bad(self) -> bool:
        return self in (ItemState.QUARANTINED, ItemState.FAILED)


_ENDED = frozenset({ItemState.RESTORED, ItemState.UNTOUCHED, ItemState.QUARANTINED, ItemState.FAILED})


@dataclass(slots=True)  # a run may hold millions
class ItemRow:
    """One row of the ledger. Counts are of tasks: a reused one found its artefact in the store."""

    id: str
    video: str
    mask: str
    """Empty when the item has none."""
    output: str
    state: ItemState = ItemState.PENDING
    kind: str = ""
    """Class name of the error that ended a bad item."""
    reason: str = ""
    """Why a bad item is bad, or a note on a good one."""
    stage: str = ""
    """Where a bad item stopped."""
    attempts: int = 0
    """The most attempts that any one of its tasks took."""
    frames: int = 0
    width: int = 0
    height: int = 0
    tasks_planned: int = 0
    tasks_reused: int = 0
    tasks_computed: int = 0
    chunks_planned: int = 0
    chunks_reused: int = 0
    chunks_computed: int = 0
    frames_done: int = 0
    """Frames of the chunks that are done; reaches `frames` less those without a mask."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Worker seconds by stage."""
    work: dict[str, dict[str, float]] = field(default_factory=dict)
    """By stage, what was computed and not reused: `frames` (of flow: pairs), `seconds`, `cpu_seconds`, `bytes`."""
    bytes_written: int = 0
    peak_rss_mb: float = 0.0
    peak_device_mb: float = 0.0
    """Of GPU memory, in the worker that needed most; 0 without one."""
    reused: bool = False
    """The output was finished by an earlier run; nothing was computed."""
    facts: dict[str, str | int | float] = field(default_factory=dict)
    """Figures of probe and stitch: digests, sizes, codec, preview key."""
    started_at: float = 0.0
    """Seconds since the epoch; 0 while pending."""
    ended_at: float = 0.0


def write_ledger(place: Location, rows: Iterable[ItemRow], files: Files) -> None:
    """Replace the ledger in one step. Raises StoreError."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([_to_record(row) for row in rows], schema=_SCHEMA), sink, compression="zstd")
    files.write(place, sink.getvalue().to_pybytes())


def read_ledger(place: Location, files: Files | None = None) -> list[ItemRow]:
    """Return the rows of a ledger, in the order of the run's items. Raises ConfigError where there is none."""
    value = (files or Files()).read(place)
    if value is None:
        raise ConfigError(f"no ledger at {place}: nothing has been run there yet")
    try:
        table = read_parquet(value)
    except (OSError, pa.ArrowException) as exc:
        raise ConfigError(f"the ledger {place} cannot be read: {exc}") from exc
    return [_from_record(record) for record in table.to_pylist()]


_JSON_COLUMNS = ("seconds", "work", "facts")
_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), ItemState: pa.string()}
_SCHEMA = pa.schema(
    [(f.name, pa.string() if f.name in _JSON_COLUMNS else _ARROW[cast(type, f.type)]) for f in fields(ItemRow)]
)


def _to_record(row: ItemRow) -> dict[str, Any]:
    record = {name: getattr(row, name) for name in _SCHEMA.names}
    record["state"] = str(row.state)
    return record | {name: json.dumps(record[name], sort_keys=True) for name in _JSON_COLUMNS}


def _from_record(record: dict[str, Any]) -> ItemRow:
    maps = {name: json.loads(record[name]) for name in _JSON_COLUMNS}
    return ItemRow(**{**record, **maps, "state": ItemState(record["state"])})
