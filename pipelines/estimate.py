"""What would a run do, and what does it say beforehand? From headers and the manifest; nothing is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2

from pipelines.config import JobConfig
from pipelines.engines import build_engine
from pipelines.errors import ItemError
from pipelines.job import apply_overrides
from pipelines.manifest import discover
from pipelines.media.capabilities import check_output
from pipelines.media.info import VideoHeader, glance_video
from pipelines.media.kinds import is_image
from pipelines.plan import plan_frames
from pipelines.sizes import flow_size
from pipelines.tasks import Item

FLOW_BYTES_PER_VALUE = 1.2
"""Of a cached flow component: float16 after zstd, measured on hand-held film."""
PART_BYTES_PER_PIXEL = 1.3
"""Of a restored pixel: RGB as PNG, measured on hand-held film."""
CHECKED_ITEMS = 500
"""Items whose header a run looks at before it starts, to say what the output cannot hold."""


@dataclass(frozen=True)
class PlannedItem:
    """One line of `reelmend plan`. Shots are not known before the video is decoded: one shot is assumed."""

    item: Item
    frames: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    chunks: int = 0
    segments: int = 0
    flow_bytes: int = 0
    part_bytes: int | None = None
    """None where the mask is not one image, whose area is read at once."""
    notes: list[str] = field(default_factory=list)
    """What the output cannot hold."""
    problem: str = ""
    """Why the item would be quarantined; then there are no figures."""


def plan_job(job: JobConfig) -> list[PlannedItem]:
    """Return a line an item. Raises ConfigError as a run would."""
    halo = build_engine(job).halo
    return [_plan_item(item, apply_overrides(job, item.overrides), halo) for item in discover(job)]


def output_notes(items: Sequence[Item], job: JobConfig) -> list[str]:
    """Return what the outputs of the first items cannot hold, one line a fact and video."""
    notes = []
    for item in items[:CHECKED_ITEMS]:
        try:
            header = glance_video(item.video)
        except ItemError:
            continue  # the probe will say why, and quarantine it
        notes += [f"{item.video}: {note}" for note in check_output(header, apply_overrides(job, item.overrides).stitch)]
    return notes


def _plan_item(item: Item, job: JobConfig, halo: int) -> PlannedItem:
    if not item.mask.exists():
        return PlannedItem(item, problem=f"its mask {item.mask} does not exist")
    try:
        frames, width, height, fps, notes = _figures(item, job)
        area = _masked_area(item, width * height)
    except ItemError as exc:
        return PlannedItem(item, problem=str(exc))
    whole = [(0, frames)]
    segments, chunks = plan_frames(
        frames, whole, whole, settings=job.plan, segment_length=job.flow.segment_length, halo=halo
    )
    flow_width, flow_height = flow_size((width, height), job)
    values = 4 * flow_width * flow_height * sum(s.stop - s.start for s in segments)
    return PlannedItem(
        item,
        frames,
        width,
        height,
        fps,
        chunks=len(chunks),
        segments=len(segments),
        flow_bytes=round(values * FLOW_BYTES_PER_VALUE),
        part_bytes=None if area is None else round(area * frames * PART_BYTES_PER_PIXEL),
        notes=notes,
    )


def _figures(item: Item, job: JobConfig) -> tuple[int, int, int, float, list[str]]:
    """Return (frames, width, height, fps, notes), from the manifest where it gives all of them."""
    if item.frames and item.width and item.height and item.fps:
        return item.frames, item.width, item.height, item.fps, []
    header: VideoHeader = glance_video(item.video)
    return (
        item.frames or header.frames or 0,
        item.width or header.width,
        item.height or header.height,
        item.fps or float(header.rate),
        check_output(header, job.stitch),
    )


def _masked_area(item: Item, pixels: int) -> float | None:
    if not is_image(item.mask):
        return None
    grey = cv2.imread(str(item.mask), cv2.IMREAD_GRAYSCALE)
    return None if grey is None else float((grey > 127).mean()) * pixels
