"""Conversion of ledger rows to Parquet and back, column by column, for up to a million of them."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.storage.ledger.rows import REASON_FACT, REVIEW_FACT, SCORE_FACT, ItemRow, ItemState
from reelmend.pipelines.utils.arrow import read_parquet

PART_ROWS = 5000
"""Rows of a part: written again in a twentieth of a second, and 200 objects for a million items."""

Encode = Callable[[Any], Any]


def _earlier(value: str | None) -> ItemState | None:
    return None if value is None else ItemState(value)


def _floats(column: Iterable[float]) -> list[float]:
    return list(map(float, column))


_dumps = json.JSONEncoder(sort_keys=True).encode
_WRITE: dict[str, Encode] = {"seconds": _dumps, "flow": _dumps, "work": _dumps, "facts": _dumps}
"""Columns that are JSON in a table."""
_READ: dict[str, Encode] = dict.fromkeys(_WRITE, json.loads) | {"state": ItemState, "earlier": _earlier}
_ARROW: dict[Any, pa.DataType] = {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_FIELDS = [f.name for f in fields(ItemRow)]
_FROM_FACTS: dict[str, pa.DataType] = {
    SCORE_FACT: pa.float64(),
    "quality_seen_share": pa.float64(),
    "quality_invented_share": pa.float64(),
    "quality_seen_away": pa.float64(),
    "quality_rim_mismatch": pa.float64(),
    "quality_flicker": pa.float64(),
    "quality_worst_frame": pa.int64(),
    REVIEW_FACT: pa.bool_(),
    REASON_FACT: pa.string(),
}
"""Facts that are columns too, null where an item lacks them, so that Parquet's readers can filter and sort by them.

They are never read back: `facts` has them, and parts of an older version do not have the columns.
"""
_KIND: dict[str, Encode] = {f.name: _floats if f.type is float else list for f in fields(ItemRow)}
"""What makes a column's values those that come back from a table: whole numbers do not stay whole among fractions."""
_SUMS = b"reelmend_sums"
"""Metadata of a part: by column, what its values are to add up to."""
_SCHEMA = pa.schema([(f.name, _ARROW.get(f.type, pa.string())) for f in fields(ItemRow)] + [*_FROM_FACTS.items()])


def encode(rows: Sequence[ItemRow]) -> bytes:
    """Return a Parquet file; any tool that reads Parquet can look into it."""
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in _FIELDS}
    columns |= {name: list(map(write, columns[name])) for name, write in _WRITE.items()}
    columns |= {name: [_as(kind, row.facts.get(name)) for row in rows] for name, kind in _FROM_FACTS.items()}
    sink = pa.BufferOutputStream()
    sums = json.dumps({name: _sum(_KIND[name](columns[name])) for name in _FIELDS})
    pq.write_table(pa.table(columns, schema=_SCHEMA.with_metadata({_SUMS: sums})), sink, compression="zstd")
    return bytes(sink.getvalue())


def decode(content: bytes, columns: Iterable[str] | None = None) -> list[tuple[Any, ...]]:
    """Return the rows as tuples of these columns, by default of all. Raises ConfigError for what is no such file."""
    names = _FIELDS if columns is None else list(columns)
    try:
        table = read_parquet(content, names)
        values = [table.column(name).to_pylist() for name in names]
        sums = json.loads((table.schema.metadata or {}).get(_SUMS, b"{}"))
        wrong = [name for name, column in zip(names, values, strict=True) if sums.get(name, 0) not in (0, _sum(column))]
        if wrong:
            raise ValueError(f"{wrong[0]} does not match its checksum")
        return list(zip(*(_read(name, column) for name, column in zip(names, values, strict=True)), strict=True))
    except (OSError, KeyError, ValueError, pa.ArrowException) as exc:
        raise ConfigError(f"cannot be read: {exc}") from exc


def decode_rows(content: bytes) -> list[ItemRow]:
    """Inverse of `encode`. Raises ConfigError."""
    return [ItemRow(*values) for values in decode(content)]


def _sum(column: Sequence[Any]) -> str:
    """Of the values as a table holds them: words as plain text, whatever class they have here."""
    plain = [str(value) if isinstance(value, str) else value for value in column]
    return hashlib.blake2b(repr(plain).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def _as(kind: pa.DataType, value: str | int | float | None) -> Any:
    """Return a fact as its column has it; null for what it cannot be, since records may be another one's to write."""
    if pa.types.is_string(kind):
        return None if value is None else str(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return bool(value) if pa.types.is_boolean(kind) else int(value) if pa.types.is_integer(kind) else float(value)


def _read(name: str, column: list[Any]) -> list[Any]:
    read = _READ.get(name)
    return column if read is None else list(map(read, column))
