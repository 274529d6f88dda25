"""Leftovers of a finished run: what it keeps beside its results for runs to come, and their removal.

Parts and optical flow are by far the most of it, and are computed again when they are needed. What says which items are
finished, the ledger, the report and its pictures are no leftovers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.flow_cache.eviction import Limits, prune
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.run_layout import REPLACED

_BATCH = 1000  # names in memory at a time, as many as one listing of a bucket has


@dataclass(frozen=True)
class Leftover:
    """One kind of them."""

    kind: str
    place: Location
    files: int
    bytes: int
    needed_bytes: int = 0
    """Of flow that live runs elsewhere need, which stays."""


def elsewhere(context: RunContext) -> list[str]:
    """Return the stores outside the run's folder: other runs may use them, so nothing is removed there."""
    chosen = {"store.root": context.job.store.root, "store.flow": context.job.store.flow}
    inside = f"{context.work}/"
    return [f"{key}={place}" for key, place in chosen.items() if place and not f"{place}/".startswith(inside)]


def remove_leftovers(context: RunContext, files: Files, *, replaced: bool, dry_run: bool) -> list[Leftover]:
    """Remove parts and flow of a run's own store, and with `replaced` what was moved out of the outputs' way.

    Return what went, or would go with `dry_run`. The caller holds the run's lease. Raises StoreError; what was removed
    by then stays so.
    """
    store, found = Store(context.work / "store", files), []
    parts = _remove("parts", store.root / "parts", files, dry_run=dry_run)
    pruned = prune(store, Limits(max_bytes=0), dry_run=dry_run)
    found = [parts, Leftover("flow", store.root / "flow", pruned.segments, pruned.bytes, pruned.needed_bytes)]
    if replaced:
        found.append(_remove("replaced", context.work / REPLACED, files, dry_run=dry_run))
    return [one for one in found if one.files or one.needed_bytes]


def _remove(kind: str, folder: Location, files: Files, *, dry_run: bool) -> Leftover:
    count = size = 0
    entries = files.walk(folder)
    while batch := list(islice(entries, _BATCH)):
        count, size = count + len(batch), size + sum(entry.size for entry in batch)
        if not dry_run:
            places: Sequence[Location] = [entry.place for entry in batch]
            files.delete_many(places)
    return Leftover(kind, folder, count, size)
