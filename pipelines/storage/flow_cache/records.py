"""Records of who needs and has used cached flow.

    flow_runs/RUN       what a live run needs: written again and again, removed at its end
    flow_used/RUN-N     what a run has used until the record was written: written once

A bucket does not tell when an object was read, and a request a reading, to note it, would cost as much as the flow. So
a run's driver notes thousands of segments in one object, and the object's time of writing, by the store's own clock,
is the time of use. A run that was silent for `SILENT_S` is dead: what it needed is what it used.
"""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.storage.artifacts import Store

RUNS, USED = "flow_runs", "flow_used"
SILENT_S = 60.0
"""Without a sign for this long, a run is taken for dead."""

Names = NDArray[np.bytes_]
"""Segments, as `segment_name` tells them apart: an array of S16."""

_NAME = np.dtype("S16")
_READERS = 16  # records that are read at once: half of the connections of a process


@dataclass(frozen=True, eq=False)
class Record:
    """What one object says."""

    key: str
    written_s: float
    """By the store's clock."""
    flow: str
    """Digest of the flow estimator of the run."""
    names: Names

    def lives(self, now_s: float) -> bool:
        """Whether it is that of a run which needs its segments now."""
        return self.key.startswith(f"{RUNS}/") and self.written_s > now_s - SILENT_S


def as_names(names: Iterable[bytes]) -> Names:
    return np.frombuffer(b"".join(names), _NAME)


def encode_record(flow: str, names: Names) -> bytes:
    return json.dumps({"flow": flow}).encode() + b"\n" + names.tobytes()


def read_records(store: Store, folders: Iterable[str] = (RUNS, USED)) -> list[Record]:
    """Return the records in these folders, oldest first; one that vanishes or is damaged meanwhile is left out."""
    entries = [(key, entry.modified_s) for folder in folders for key, entry in store.list(folder)]
    with ThreadPoolExecutor(_READERS) as readers:
        values = readers.map(lambda entry: store.get(entry[0]), entries)
        found = [_decode(*entry, value) for entry, value in zip(entries, values, strict=True) if value is not None]
    return sorted(found, key=lambda record: record.written_s)


def needed_now(store: Store) -> Names:
    """Return what live runs need, in a listing and a request a run."""
    now_s = store.now()
    return joined(record.names for record in read_records(store, [RUNS]) if record.lives(now_s))


def joined(names: Iterable[Names]) -> Names:
    return np.concatenate([as_names(()), *names])


def _decode(key: str, written_s: float, value: bytes) -> Record:
    header, _, names = value.partition(b"\n")
    facts: dict[str, Any] = json.loads(header)
    return Record(key, written_s, facts["flow"], np.frombuffer(names, _NAME))


def padded(names: Names) -> Iterator[bytes]:
    """Yield the names whole: numpy takes zeros at their ends for padding."""
    yield from (bytes(name).ljust(_NAME.itemsize, b"\0") for name in names)
