"""Preview of a job's masks: made and drawn into the pictures before anything is restored.

A mask that has to be made is kept in the job's store, so that the run finds it.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ItemError
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.job.paths import absolute_item, absolute_paths
from reelmend.pipelines.preview.mask_pictures import MaskedPictures
from reelmend.pipelines.preview.page import Card, page
from reelmend.pipelines.stages.probe import examine, see_sources
from reelmend.pipelines.stages.probe_record import ProbeRecord
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.run_layout import MASK_PREVIEW
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.utils.hashing import digest_of
from reelmend.pipelines.utils.units import counted, readable_share

VIDEO_S = 6.0
"""Of an item's video: where most is masked."""
_MOST_RANGES = 6
_JPEG_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 85]


@dataclass(frozen=True)
class MaskPreview:
    """What was shown of an item's mask."""

    item: str
    video: str
    mask: str
    share: float
    """Of all pixels of all frames that are masked, grown by `mask.dilation`."""
    frames: int
    """Frames in which anything is masked."""
    shown: str
    """When, in words."""
    notes: tuple[str, ...]
    problem: str = ""
    """Why the item has no preview; then there are no figures."""


def preview_masks(
    job: JobConfig, most_items: int, on_item: Callable[[MaskPreview], None]
) -> tuple[Location, list[MaskPreview]]:
    """Write a page with the masks of up to `most_items` of a job's items, spread over it, and return its place.

    `on_item` is called when an item is done. Raises ConfigError, SetupError, StoreError.
    """
    items = discover(job)
    job = absolute_paths(job)
    context = RunContext("mask-preview", job)
    worker_context, files = WorkerContext(context), Files(job.s3)
    folder = context.work / MASK_PREVIEW
    cards, found = [], []
    for item in map(absolute_item, spread(items, most_items)):
        preview, card = _of_item(item, worker_context, folder, files)
        cards.append(card)
        found.append(preview)
        on_item(preview)
    place = folder / "index.html"
    left_out = len(items) - len(cards)
    more = f"{counted(left_out, 'more item')} not shown; see more with --items" if left_out else ""
    files.write(place, page(f"Masks of {job.name}", cards, more).encode())
    return place, found


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """Return up to so many items: the first, the last, and others in between."""
    if len(items) <= most:
        return list(items)
    return [items[number * (len(items) - 1) // max(1, most - 1)] for number in range(most)]


def _of_item(item: Item, worker_context: WorkerContext, folder: Location, files: Files) -> tuple[MaskPreview, Card]:
    names = item.id, str(item.video), item.mask_name
    try:
        record, card = _card(item, worker_context, folder, files)
    except ItemError as exc:
        preview = MaskPreview(*names, 0.0, 0, "", (), str(exc))
        return preview, Card(item.id, facts=(("mask", item.mask_name),), notes=(str(exc),))
    finally:
        worker_context.inputs.release()
    masked = sum(stop - start for start, stop in record.mask.masked)
    preview = MaskPreview(*names, record.mask.masked_fraction, masked, _shown(record), record.mask.notes)
    facts = (
        ("mask", item.mask_name),
        ("masked", f"{readable_share(preview.share)} of all pixels, in {masked} of {record.info.frames} frames"),
        ("shown", preview.shown),
    )
    return preview, replace(card, facts=facts, notes=preview.notes)


def _card(item: Item, worker_context: WorkerContext, folder: Location, files: Files) -> tuple[ProbeRecord, Card]:
    job = worker_context.settings(item)
    record, _, _ = examine(item, job, see_sources(item, worker_context), worker_context)
    mask = worker_context.mask_of(item, record.mask_key)
    if mask is None or not record.mask.masked:
        return record, Card(item.id)
    pictures, name = MaskedPictures(record, mask, job.mask), digest_of("mask preview", item.id)
    sheet = cv2.imencode(".jpg", cv2.cvtColor(pictures.sheet(), cv2.COLOR_RGB2BGR), _JPEG_QUALITY)[1].tobytes()
    files.write(folder / f"{name}.jpg", sheet)
    with tempfile.TemporaryDirectory() as local:
        video = Path(local) / "video.mp4"
        pictures.write_video(video, *pictures.busiest(VIDEO_S))
        files.write(folder / f"{name}.mp4", video.read_bytes())
    return record, Card(item.id, picture=f"{name}.jpg", video=f"{name}.mp4")


def _shown(record: ProbeRecord) -> str:
    """Say when anything is masked: `0.00-2.40 s, 7.12-9.00 s`."""
    info, ranges = record.info, record.mask.masked

    def seconds(frame: int) -> float:
        last = 1 / float(info.rate) if frame == info.frames else 0.0
        return float((info.pts[min(frame, info.frames - 1)] - info.pts[0]) * info.time_base) + last

    words = [f"{seconds(start):.2f}-{seconds(stop):.2f} s" for start, stop in ranges[:_MOST_RANGES]]
    more = [f"and {len(ranges) - _MOST_RANGES} more times"] if len(ranges) > _MOST_RANGES else []
    return ", ".join([*words, *more]) or "never"
