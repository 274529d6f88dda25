"""A finished run of many items as it lies in a folder or a bucket, without the work of one."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.stages.finished import Finished, item_key, record_key, settings_key
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import put_json
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.storage.ledger.facts import Facts
from reelmend.pipelines.storage.ledger.write import take_over
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Item


def make_items(folder: Location, out: Location, count: int) -> list[Item]:
    """Items that share one mask; nothing is written."""
    names = [f"clip_{index:07d}" for index in range(count)]
    return [Item(name, folder / f"{name}.mp4", folder / "mask.png", out / f"{name}.mkv") for name in names]


def write_finished_run(items: Sequence[Item], ledger: Location, job: JobConfig, worker_context: WorkerContext) -> None:
    """Write a few bytes for each video and output, the records, and the ledger after them."""
    places = {place for item in items for place in (item.video, item.mask, item.output) if place is not None}
    with ThreadPoolExecutor(16) as writers:
        list(writers.map(lambda place: worker_context.files.write(place, str(place).encode()), places))
        marks = worker_context.files.marks(places)
        settings = settings_key(job, worker_context)
        records = [_record(item, marks, settings) for item in items]
        values = [asdict(record) for record in records]
        list(writers.map(put_json, [worker_context.store] * len(items), map(record_key, items), values))
    rows = {item.id: _row(item, record) for item, record in zip(items, records, strict=True)}
    take_over(ledger, rows, "first", worker_context.files, started_at=0.0)


def _record(item: Item, marks: dict[Location, str], settings: str) -> Finished:
    assert item.mask is not None
    video, mask = f"v-{item.id}", "m"
    facts: Facts = {"video_digest": video, "mask_digest": mask, "item_key": item_key(video, mask, settings)}
    facts |= {"output": str(item.output), "frames": 1}
    seen = {"video": item.video, "mask": item.mask, "output": item.output}
    return Finished("restored", "", facts | {f"{name}_mark": marks[at] for name, at in seen.items()})


def _row(item: Item, record: Finished) -> ItemRow:
    return ItemRow(item.id, str(item.video), str(item.mask), str(item.output), ItemState.RESTORED, facts=record.facts)
