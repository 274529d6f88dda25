"""What goes from the flow cache when it is full? What was least recently used, and never what a live run needs.

A segment is needed from when a live run plans its item to when that item has ended. Before every thousand deletions
the records of live runs are read again; the run that deletes keeps its own in memory, and adds to it only between
deletions. So what another run planned in the last two seconds may go, as may anything that somebody deletes: it is
then absent, and computed again by whoever wants it.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.cache.records import Names, joined, needed_now
from pipelines.cache.survey import Survey, survey
from pipelines.store import Store

BATCH = 1000
_CLOCK_S = 2.0
"""Times of writing are told to the second."""

log = logging.getLogger(__name__)

Held = Callable[[], AbstractContextManager[Names]]
"""Gives what the asking run itself needs, of which nothing is added while the context lasts."""


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


def prune(store: Store, limits: Limits, held: Held, *, dry_run: bool = False) -> Pruned:
    """Remove what has to go. Raises StoreError; what was removed by then stays so."""
    seen = survey(store)
    with held() as own:
        needed = joined([own, seen.needed])
    going = choose(seen, needed, limits)
    if not dry_run:
        going = _remove(store, seen, going, held)
        _forget(store, seen, going)
    needed_bytes = int(seen.sizes[np.unique(seen.positions(needed))].sum())
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


def _remove(store: Store, seen: Survey, going: NDArray[np.int64], held: Held) -> NDArray[np.int64]:
    """Delete, and return what was not needed after all by anybody."""
    gone = []
    for start in range(0, len(going), BATCH):
        needed = needed_now(store)
        with held() as own:
            needed_at = seen.positions(joined([own, needed]))
            batch = going[start : start + BATCH]
            batch = batch[~np.isin(batch, needed_at)]
            store.delete_many(seen.keys(batch))
        gone.append(batch)
    return np.concatenate(gone) if gone else going


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
            and record.written_s < seen.now_s - _CLOCK_S
            and tells_nothing(record.names, record.written_s)
        ]
    )
