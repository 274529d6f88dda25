"""What would a run do, and what does it say beforehand? From headers and the manifest; nothing is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from pipelines.canvas import Canvas, canvas_of, canvas_of_size
from pipelines.config import JobConfig
from pipelines.engines import halo_share, lay_shots
from pipelines.errors import ItemError
from pipelines.flow_cache import expected_bytes
from pipelines.glance import Glance
from pipelines.job import apply_overrides
from pipelines.manifest import discover
from pipelines.media.capabilities import check_output
from pipelines.media.framing import on_canvas
from pipelines.media.info import VideoHeader, glance_video
from pipelines.media.kinds import is_image
from pipelines.plan import masked_ranges, plan_frames
from pipelines.sizes import Size, flow_size
from pipelines.tasks import Item

PART_BYTES_PER_PIXEL = 1.3
"""Of a restored pixel: RGB as PNG, measured on hand-held film."""
_LOOKED_AT = 10
CHECKED_ITEMS = 500
"""Items whose header a run looks at before it starts, to say what the output cannot hold."""


@dataclass(frozen=True)
class PlannedItem:
    """One line of `reelmend plan`. Shots are not known before the video is decoded: one shot is assumed."""

    item: Item
    frames: int = 0
    width: int = 0
    """Of the output; so is `height`."""
    height: int = 0
    fps: float = 0.0
    chunks: int = 0
    halo: float = 0.0
    """Share of work that blocks' surroundings add when every chunk has a worker of its own; less when one goes on."""
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
    glance = Glance(job)
    return [_plan_item(item, apply_overrides(job, item.overrides), glance) for item in discover(job)]


def output_notes(items: Sequence[Item], job: JobConfig) -> list[str]:
    """Return what the outputs of the first items cannot hold, one line a fact and video.

    Of videos in buckets nothing is looked at: that would take longer than it is worth, and their rows say it later.
    """
    notes = []
    for item in items[:CHECKED_ITEMS]:
        if not isinstance(item.video, Path):
            continue
        try:
            found = _notes(glance_video(item.video), apply_overrides(job, item.overrides))
        except ItemError:
            continue  # the probe will say why, and quarantine it
        notes += [f"{item.video}: {note}" for note in found]
    return notes


def first_size(items: Sequence[Item], job: JobConfig) -> Size | None:
    """Return the output's size of the first item whose header can be read, within reason."""
    glance = Glance(job)
    for item in items[:_LOOKED_AT]:
        try:
            return canvas_of(glance.at_video(item.video), apply_overrides(job, item.overrides)).size
        except ItemError:
            continue
    return None


def _notes(header: VideoHeader, job: JobConfig) -> list[str]:
    return check_output(on_canvas(header, canvas_of(header, job)), job.stitch)


def _plan_item(item: Item, job: JobConfig, glance: Glance) -> PlannedItem:
    if item.mask is not None and not glance.files.exists(item.mask):
        return PlannedItem(item, problem=f"its mask {item.mask} does not exist")
    try:
        frames, canvas, fps, notes = _figures(item, job, glance)
        area = _missing_area(item, canvas, glance)
    except ItemError as exc:
        return PlannedItem(item, problem=str(exc))
    whole = [(0, frames)]
    segments, chunks = plan_frames(
        frames,
        lay_shots(job, whole, whole, frames),
        masked_ranges(whole, frames),
        chunk_length=job.plan.chunk_length,
        segment_length=job.flow.segment_length,
    )
    return PlannedItem(
        item,
        frames,
        *canvas.size,
        fps,
        chunks=len(chunks),
        halo=halo_share(job, chunks),
        segments=len(segments),
        flow_bytes=expected_bytes(sum(s.stop - s.start for s in segments), flow_size(canvas.picture_size, job)),
        part_bytes=None if area is None else round(area * frames * PART_BYTES_PER_PIXEL),
        notes=notes,
    )


def _figures(item: Item, job: JobConfig, glance: Glance) -> tuple[int, Canvas, float, list[str]]:
    """Return (frames, canvas, fps, notes), from the manifest where it gives all of them."""
    if item.frames and item.width and item.height and item.fps:
        return item.frames, canvas_of_size((item.width, item.height), job), item.fps, []
    header = glance.at_video(item.video)
    header = replace(header, width=item.width or header.width, height=item.height or header.height)
    fps = item.fps or float(header.rate)
    return item.frames or header.frames or 0, canvas_of(header, job), fps, _notes(header, job)


def _missing_area(item: Item, canvas: Canvas, glance: Glance) -> float | None:
    """Return the pixels of a frame that are missing, around the picture and in it."""
    picture = canvas.picture_width * canvas.picture_height
    around = canvas.width * canvas.height - picture
    if item.mask is None:
        return around
    if not is_image(item.mask):
        return None
    content = glance.files.read(item.mask)
    grey = None if not content else cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if grey is None else around + float((grey > 127).mean()) * picture
