"""Survey of the flow cache: its segments, their sizes, and their last use."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.flow_cache.keys import FLOW_FOLDER, segment_name
from reelmend.pipelines.storage.flow_cache.records import Names, Record, joined, read_records

_SEGMENT = np.dtype([("name", "S16"), ("bytes", "i8"), ("made_s", "f8")])
UNKNOWN = "unknown"
"""Flow of which no record says what computed it."""


@dataclass(frozen=True, eq=False)
class Survey:
    """The segments, sorted by name, as arrays of one length: 48 bytes a segment, for there may be millions."""

    now_s: float
    """When it was started, by the store's clock."""
    names: Names
    sizes: NDArray[np.int64]
    """Bytes."""
    made_s: NDArray[np.float64]
    records: tuple[Record, ...] = ()
    used_s: NDArray[np.float64] = field(init=False)
    """When each was written or used last."""
    flow: NDArray[np.int64] = field(init=False)
    """Which of `flows` computed each."""
    flows: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        used_s, flow = self.made_s.copy(), np.zeros(len(self.names), np.int64)
        flows = (UNKNOWN, *sorted({record.flow for record in self.records}))
        for record in self.records:
            there = self.positions(record.names)
            used_s[there] = np.maximum(used_s[there], record.written_s)
            flow[there] = flows.index(record.flow)
        for name, value in (("used_s", used_s), ("flow", flow), ("flows", flows)):
            object.__setattr__(self, name, value)

    @property
    def bytes(self) -> int:
        return int(self.sizes.sum())

    @property
    def needed(self) -> Names:
        """What live runs needed when the records were read."""
        return joined(record.names for record in self.records if record.lives(self.now_s))

    def positions(self, names: Names) -> NDArray[np.int64]:
        """Return where those of `names` are that are there."""
        if not len(self.names):
            return np.empty(0, np.int64)
        at = np.searchsorted(self.names, names).clip(max=len(self.names) - 1)
        there: NDArray[np.int64] = at[self.names[at] == names]
        return there


def survey(store: Store) -> Survey:
    """Look at the whole cache: a request a thousand segments, and one a record. Raises StoreError."""
    now_s = store.now()
    rows = np.fromiter(_segments(store), _SEGMENT)
    rows = rows[np.argsort(rows["name"])]
    return Survey(now_s, rows["name"], rows["bytes"], rows["made_s"], tuple(read_records(store)))


def _segments(store: Store) -> Iterator[tuple[bytes, int, float]]:
    for key, entry in store.list(FLOW_FOLDER):
        try:
            yield segment_name(key), entry.size, entry.modified_s
        except ValueError:
            continue  # somebody else's file
