"""Eviction from the flow cache: the least recently used segments, but never what a live run needs.

A segment is needed from when a live run plans its item to when that item has ended. Before every thousand deletions
the records of live runs are read again; the run that deletes has its own in memory, and plans no item whose segments
are being deleted. So what another run planned in the last two seconds may go, as may anything that somebody deletes:
it is then absent, and computed again when it is needed.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.files import CLOCK_S
from reelmend.pipelines.storage.flow_cache.keys import key_named
from reelmend.pipelines.storage.flow_cache.records import Names, needed_now, padded
from reelmend.pipelines.storage.flow_cache.survey import Survey, survey

BATCH = 1000
"""Segments that are deleted together: as many as S3 takes in one request (`s3_files._KEYS_A_REQUEST`)."""

log = logging.getLogger(__name__)

LetGo = Callable[[Names], AbstractContextManager[Names]]
"""Gives those segments that the asking run itself does not need, nor comes to need while the context lasts."""


@dataclass(frozen=True)
class Limits:
    """What has to go; what is set must hold."""

    max_bytes: int | None = None
    unused_s: float | None = None
    """What was not used for this long."""


@dataclass(frozen=True)
class Pruned:
    """What went, or would go, and what was there before."""

    segments: int
    bytes: int
    segments_before: int
    bytes_before: int
    needed_bytes: int
    """Of what live runs need, which stays."""

    @property
    def bytes_left(self) -> int:
        return self.bytes_before - self.bytes


def prune(store: Store, limits: Limits, let_go: LetGo = nullcontext, *, dry_run: bool = False) -> Pruned:
    """Remove what has to go. Raises StoreError; what was removed by then stays so."""
    seen = survey(store)
    going = choose(seen, seen.needed, limits)
    if not dry_run:
        going = _remove(store, seen, going, let_go)
        _forget(store, seen, going)
    needed_bytes = int(seen.sizes[np.unique(seen.positions(seen.needed))].sum())
    return Pruned(len(going), int(seen.sizes[going].sum()), len(seen.names), seen.bytes, needed_bytes)


def choose(seen: Survey, needed: Names, limits: Limits) -> NDArray[np.int64]:
    """Return the positions of what has to go, the least recently used first."""
    order = np.argsort(seen.used_s, kind="stable")
    order = order[~np.isin(order, seen.positions(needed))]
    count = 0
    if limits.max_bytes is not None and seen.bytes > limits.max_bytes:
        freed = np.cumsum(seen.sizes[order])
        count = int(np.searchsorted(freed, seen.bytes - limits.max_bytes)) + 1
    if limits.unused_s is not None:
        count = max(count, int(np.searchsorted(seen.used_s[order], seen.now_s - limits.unused_s)))
    return order[:count]


def _remove(store: Store, seen: Survey, going: NDArray[np.int64], let_go: LetGo) -> NDArray[np.int64]:
    """Delete what nobody has come to need meanwhile, and return what that was."""
    gone = [going[:0]]
    for start in range(0, len(going), BATCH):
        names = seen.names[going[start : start + BATCH]]
        with let_go(names[~np.isin(names, needed_now(store))]) as leaving:
            store.delete_many(key_named(name) for name in padded(leaving))
        gone.append(seen.positions(leaving))
    return np.concatenate(gone)


def _forget(store: Store, seen: Survey, gone: NDArray[np.int64]) -> None:
    """Remove the records that tell nothing which a later one, or the segments themselves, do not tell.

    Of a record as young as the survey, the segments may have been written after they were listed: it stays.
    """
    stays = np.ones(len(seen.names), bool)
    stays[gone] = False

    def tells_nothing(names: Names, written_s: float) -> bool:
        at = seen.positions(names)
        return not (stays[at] & (seen.used_s[at] <= written_s)).any()

    store.delete_many(
        [
            record.key
            for record in seen.records
            if not record.lives(seen.now_s)
            and record.written_s < seen.now_s - CLOCK_S
            and tells_nothing(record.names, record.written_s)
        ]
    )
