"""Recognition of finished items without opening any of them, so that repeating a finished run starts no Ray.

For many items, nothing is asked item by item: what exists and when it was written comes from listings, and what the
records say from the ledger, whose rows hold the same. A record younger than its part of the ledger is read itself.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.media.masks.item_mask import recipe_of
from reelmend.pipelines.stages.digests import mark_of_mask
from reelmend.pipelines.stages.finished import Acceptance, Finished, read_record, record_key
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.files import CLOCK_S
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.storage.ledger.read import settled_rows
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Item, ProbeReceipt

FEW_ITEMS = 200
"""Up to here each record is read: fewer requests than listing a store that may hold a million."""
_READERS = 16
"""Records that are read at once: half of the connections of a process (`s3_client.CONNECTIONS`)."""
_GOOD = (ItemState.RESTORED, ItemState.UNTOUCHED)


def find_finished_earlier(
    items: Sequence[Item], ledger: Location, worker_context: WorkerContext
) -> dict[str, ProbeReceipt]:
    """Return the receipts, by item id, of items whose sources, settings and output are what their records say."""
    records = (
        _read_all(items, worker_context) if len(items) <= FEW_ITEMS else _read_in_bulk(items, ledger, worker_context)
    )
    known = [(item, done) for item in items if (done := records.get(item.id)) is not None]
    marks = worker_context.files.marks(_places(known))
    acceptance = Acceptance(worker_context)
    found = {}
    for item, done in known:
        video, mask = done.sources
        if acceptance.takes(item, done, (video.digest, mask.digest)) and _unchanged(
            item, recipe_of(item, worker_context.settings(item)), done, marks
        ):
            found[item.id] = done.receipt(item, worker_context.settings(item))
    return found


def _places(known: Iterable[tuple[Item, Finished]]) -> Iterable[Location]:
    for item, done in known:
        yield from (item.video, done.output)
        if item.mask is not None:
            yield item.mask


def _unchanged(item: Item, recipe: str, done: Finished, marks: Mapping[Location, str]) -> bool:
    video, mask = done.sources
    mask_mark = mark_of_mask(recipe, "" if item.mask is None else marks.get(item.mask, "gone"))
    return marks.get(item.video) == video.mark and mask_mark == mask.mark and marks.get(done.output) == done.output_mark


def _read_all(items: Sequence[Item], worker_context: WorkerContext) -> dict[str, Finished]:
    with ThreadPoolExecutor(_READERS) as readers:
        records = readers.map(lambda item: read_record(item, worker_context), items)
        return {item.id: done for item, done in zip(items, records, strict=True) if done is not None}


def _read_in_bulk(items: Sequence[Item], ledger: Location, worker_context: WorkerContext) -> dict[str, Finished]:
    written = {key: entry.modified_s for key, entry in worker_context.store.list("items")}
    if not written:
        return {}
    recorded = {item.id: (item, written[key]) for item in items if (key := record_key(item)) in written}
    told: dict[str, Finished] = {}
    # A ledger that cannot be read is no loss here: the records themselves are still there.
    with contextlib.suppress(ConfigError):
        for row, written_at in settled_rows(ledger, worker_context.files):
            if row.id not in recorded or row.state not in _GOOD or "item_key" not in row.facts:
                continue
            # What was written about when its part was is not believed of the part.
            if recorded[row.id][1] < written_at - CLOCK_S:
                told[row.id] = _as_record(row)
    return told | _read_all([item for item, _ in recorded.values() if item.id not in told], worker_context)


def _as_record(row: ItemRow) -> Finished:
    return Finished("untouched" if row.state is ItemState.UNTOUCHED else "restored", row.reason, row.facts)
