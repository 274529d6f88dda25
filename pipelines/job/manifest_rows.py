"""Rows of a manifest in Parquet, CSV or JSONL, one at a time, in constant memory."""

import csv
import io
import json
from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reelmend.pipelines.errors import ConfigError, StoreError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location

SUFFIXES = (".parquet", ".csv", ".jsonl", ".ndjson")
_BATCH_ROWS = 4096


def read_rows(place: Location, files: Files, columns: set[str], wanted: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the manifest at `place` in order, of a Parquet file only the columns that are `wanted`.

    Adds the names of all columns that there are to `columns`. Raises ConfigError, a line of JSONL by its number.
    """
    suffix = place.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(f"{place}: a manifest is .parquet, .csv or .jsonl, not {suffix or 'without suffix'!r}")
    try:
        content = files.read(place)
        if content is None:
            raise ConfigError(f"cannot read manifest {place}: there is no such file")
        if suffix == ".parquet":
            yield from _parquet(content, columns, wanted)
            return
        text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
        for row in csv.DictReader(text) if suffix == ".csv" else _json_lines(text):
            if not row.keys() <= columns:
                columns.update(row)
            yield row
    except (StoreError, OSError, pa.ArrowException, UnicodeDecodeError, csv.Error) as exc:
        raise ConfigError(f"cannot read manifest {place}: {exc}") from exc


def _parquet(content: bytes, columns: set[str], wanted: Collection[str]) -> Iterator[dict[str, Any]]:
    table = pq.ParquetFile(pa.BufferReader(content))
    names = table.schema_arrow.names
    if table.metadata.num_rows:
        columns.update(names)
    read = [name for name in names if name in wanted]
    for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=read, use_threads=False):
        yield from batch.to_pylist()


def _json_lines(text: io.TextIOWrapper) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as exc:  # also numbers and nesting beyond what Python reads
            raise ConfigError(f"line {number} of the manifest is not JSON: {exc}") from exc
        if not isinstance(row, dict):
            raise ConfigError(f"line {number} of the manifest is not a JSON object")
        yield row
