"""How do rows of the ledger become a Parquet file, and rows again? Column by column: it may be a million of them."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import ConfigError
from pipelines.ledger.rows import ItemRow, ItemState
from pipelines.tables import read_parquet

PART_ROWS = 5000
"""Rows of a part: written again in a twentieth of a second, and 200 objects for a million items."""

Encode = Callable[[Any], Any]


def _earlier(value: str | None) -> ItemState | None:
    return None if value is None else ItemState(value)


_dumps = json.JSONEncoder(sort_keys=True).encode
_WRITE: dict[str, Encode] = {"seconds": _dumps, "flow": _dumps, "work": _dumps, "facts": _dumps}
"""Columns that are JSON in a table."""
_READ: dict[str, Encode] = dict.fromkeys(_WRITE, json.loads) | {"state": ItemState, "earlier": _earlier}
_ARROW: dict[Any, pa.DataType] = {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_SCHEMA = pa.schema([(f.name, _ARROW.get(f.type, pa.string())) for f in fields(ItemRow)])


def encode(rows: Sequence[ItemRow]) -> bytes:
    """Return a Parquet file; any tool that reads Parquet can look into it."""
    columns = {name: [getattr(row, name) for row in rows] for name in _SCHEMA.names}
    columns |= {name: list(map(write, columns[name])) for name, write in _WRITE.items()}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=_SCHEMA), sink, compression="zstd")
    return bytes(sink.getvalue())


def decode(content: bytes, columns: Iterable[str] | None = None) -> list[tuple[Any, ...]]:
    """Return the rows as tuples of these columns, by default of all. Raises ConfigError for what is no such file."""
    names = _SCHEMA.names if columns is None else list(columns)
    try:
        table = read_parquet(content, names)
        values = [table.column(name).to_pylist() for name in names]
        return list(zip(*(_read(name, column) for name, column in zip(names, values, strict=True)), strict=True))
    except (OSError, KeyError, ValueError, pa.ArrowException) as exc:
        raise ConfigError(f"cannot be read: {exc}") from exc


def decode_rows(content: bytes) -> list[ItemRow]:
    """Inverse of `encode`. Raises ConfigError."""
    return [ItemRow(*values) for values in decode(content)]


def _read(name: str, column: list[Any]) -> list[Any]:
    read = _READ.get(name)
    return column if read is None else list(map(read, column))
