"""A table is read by nobody but the caller: a thread that let go of the bytes after the end would abort the process."""

import sys
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelmend.pipelines.utils.arrow import read_arrow, read_parquet

TABLE = pa.table({"number": list(range(1000)), "name": [f"row {n}" for n in range(1000)]})


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def arrow() -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.mark.parametrize(("write", "read"), [(parquet, read_parquet), (arrow, read_arrow)])
def test_a_table_is_read_whole_and_nobody_holds_its_bytes_afterwards(
    write: Callable[[], bytes], read: Callable[[bytes], pa.Table]
) -> None:
    content = write()
    held = sys.getrefcount(content)
    for _ in range(20):
        columns = read(content).to_pydict()
        assert sys.getrefcount(content) == held
    assert columns == TABLE.to_pydict()


@pytest.mark.parametrize("read", [read_parquet, read_arrow])
def test_what_is_no_table_is_refused(read: Callable[[bytes], pa.Table]) -> None:
    with pytest.raises((OSError, pa.ArrowException)):
        read(b"not a table")
