"""Reading of in-memory tables without reader threads that outlive it.

`pyarrow.parquet.read_table` goes through the dataset scanner, whose threads may let go of the Python bytes only after
the interpreter has ended: the process then dies of SIGABRT, with all its work done.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq


def read_parquet(content: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet file, or these columns of it. Raises OSError or pyarrow.ArrowException when it is none."""
    return pq.ParquetFile(pa.BufferReader(content)).read(columns=columns, use_threads=False)


def read_arrow(content: bytes) -> pa.Table:
    """Read a whole Arrow IPC file. Raises OSError or pyarrow.ArrowException when it is none."""
    options = pa.ipc.IpcReadOptions(use_threads=False)
    return pa.ipc.open_file(pa.BufferReader(content), options=options).read_all()
