"""Estimate of an item before the run, from headers and the manifest; nothing is decoded."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from reelmend.core_model.regions import Region
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.blocks import masked_ranges, plan_frames
from reelmend.pipelines.engines.region_sizes import regions_for
from reelmend.pipelines.engines.registry import halo_share, lay_shots, reads_flow, works_in_regions
from reelmend.pipelines.engines.worked_area import WHOLE, Worked, worked_of_regions
from reelmend.pipelines.errors import ItemError, ReelmendError, SetupError, SourceUnreadable, StoreError
from reelmend.pipelines.forecast.header_reader import MaskHeader, Size
from reelmend.pipelines.forecast.headers import Headers
from reelmend.pipelines.job.load import apply_overrides
from reelmend.pipelines.media.canvas.canvas import Canvas, canvas_of, canvas_of_size
from reelmend.pipelines.media.canvas.framing import on_canvas
from reelmend.pipelines.media.capabilities import check_output
from reelmend.pipelines.media.frame_range import range_of
from reelmend.pipelines.media.inspection import VideoHeader
from reelmend.pipelines.media.masks.align import grown
from reelmend.pipelines.media.masks.drawn import DrawnMask
from reelmend.pipelines.media.masks.expression import read_expression
from reelmend.pipelines.media.sizes import flow_size
from reelmend.pipelines.storage.suffixes import is_image
from reelmend.pipelines.tasks import Item

_LOOKED_AT = 10
_OF_ITEM = (ItemError, SourceUnreadable, StoreError)
CHECKED_ITEMS = 500
"""Items whose header a run looks at before it starts, to say what the output cannot hold."""


@dataclass(frozen=True)
class Looked:
    """What is known of an item before its video is decoded."""

    item: Item
    frames: int = 0
    canvas: Canvas | None = None
    """None where the item cannot be restored."""
    fps: float = 0.0
    """0 where nobody said."""
    missing: float | None = None
    """Share of the canvas that is missing, 0..1. None where the mask is not one image, whose area is read at once."""
    worked: Worked | None = None
    """What of the frames is worked on, likewise."""
    notes: tuple[str, ...] = ()
    """What the output cannot hold."""
    problem: str = ""
    """Why the item would be quarantined."""


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
    """Share of work that blocks' surroundings add when every chunk has its own worker; less when one continues."""
    segments: int = 0
    flow_bytes: int = 0
    part_bytes: int | None = None
    """None where the mask is not one image, whose area is read at once."""
    notes: list[str] = field(default_factory=list)
    """What the output cannot hold."""
    problem: str = ""
    """Why the item would be quarantined; then there are no figures."""


def has_figures(item: Item) -> bool:
    """Whether the manifest says all that a plan needs, so that the video need not be opened."""
    return bool(item.frames and item.width and item.height)


def restored_frames(item: Item, job: JobConfig) -> int:
    """Return how many of an item's frames the job restores: all, or about a range's."""
    frames, within = item.frames or 0, range_of(job.frames)
    return frames if within is None else within.count(frames, item.fps or 0.0)


def look_at(item: Item, job: JobConfig, looks: Headers) -> Looked:
    """Open what the manifest does not say: the video's header, and the mask if it is one image."""
    if item.problem:
        return Looked(item, problem=item.problem)
    try:
        if item.mask is not None and not looks.exists(item.mask):
            return Looked(item, problem=f"its mask {item.mask} does not exist")
        frames, canvas, fps, notes, header = _figures(item, job, looks)
        missing, worked = _at_mask(item, canvas, job, looks, header)
        drawn = _drawn_of(item)
        if drawn is not None and missing is not None:
            missing *= drawn.share_of_frames(frames, fps)
        return Looked(item, frames, canvas, fps, missing, worked, tuple(notes))
    except _OF_ITEM as exc:
        _refuse_outage(item, exc)
        return Looked(item, problem=str(exc))


def plan_item(
    looked: Looked, job: JobConfig, *, flow_bytes_per_pixel: float, part_bytes_per_pixel: float
) -> PlannedItem:
    """Return the item's line; `job` with the item's own overrides."""
    item, canvas, frames = looked.item, looked.canvas, looked.frames
    if canvas is None:
        return PlannedItem(item, problem=looked.problem)
    whole = [(0, frames)]
    segments, chunks = plan_frames(
        frames,
        lay_shots(job, whole, whole, frames),
        masked_ranges(whole, frames),
        chunk_length=job.plan.chunk_length,
        segment_length=job.flow.segment_length,
        reads_flow=reads_flow(job),
    )
    segments = tuple(segment for segment in segments if not segment.on_demand)
    worked = looked.worked or WHOLE
    flow_width, flow_height = flow_size(canvas.picture_size, job)
    pairs = worked.regions * sum(s.stop - s.start for s in segments)
    missing = None if looked.missing is None else looked.missing * canvas.width * canvas.height * frames
    return PlannedItem(
        item,
        frames,
        *canvas.size,
        looked.fps,
        chunks=len(chunks),
        halo=halo_share(job, chunks),
        segments=round(len(segments) * worked.regions),
        flow_bytes=round(pairs * flow_width * flow_height * worked.flow * flow_bytes_per_pixel),
        part_bytes=None if missing is None else round(missing * part_bytes_per_pixel),
        notes=list(looked.notes),
    )


def output_notes(items: Sequence[Item], job: JobConfig, looks: Headers) -> list[str]:
    """Return what the outputs of the first items cannot hold, one line a fact and video.

    Of videos in buckets nothing is looked at: that would take longer than it is worth, and their rows say it later.
    """
    notes = []
    for item in items[:CHECKED_ITEMS]:
        if not isinstance(item.video, Path):
            continue
        try:
            found = _notes(looks.video(item.video), apply_overrides(job, item.overrides))
        except _OF_ITEM:
            continue  # the probe will say why, and quarantine it
        notes += [f"{item.video}: {note}" for note in found]
    return notes


def first_size(items: Sequence[Item], job: JobConfig, looks: Headers) -> Size | None:
    """Return the output's size of the first item whose header can be read, within reason."""
    for item in items[:_LOOKED_AT]:
        try:
            return canvas_of(looks.video(item.video), apply_overrides(job, item.overrides)).size
        except _OF_ITEM as exc:
            _refuse_outage(item, exc)
            continue
    return None


def _refuse_outage(item: Item, error: ReelmendError) -> None:
    """Raise an error of a bucket again: it is the store's. One of a local file is that file's."""
    if isinstance(error, StoreError | SetupError) and not isinstance(item.video, Path):
        raise error


def _notes(header: VideoHeader, job: JobConfig) -> list[str]:
    return check_output(on_canvas(header, canvas_of(header, job)), job.stitch)


def _figures(item: Item, job: JobConfig, looks: Headers) -> tuple[int, Canvas, float, list[str], VideoHeader | None]:
    """Return (frames, canvas, fps, notes, header), from the manifest where it gives them."""
    if item.frames and item.width and item.height:
        frames, canvas = restored_frames(item, job), canvas_of_size((item.width, item.height), job)
        return frames, canvas, item.fps or 0.0, [], None
    header = looks.video(item.video)
    told = replace(header, width=item.width or header.width, height=item.height or header.height)
    fps = item.fps or float(told.rate)
    notes = _notes(told, job)
    if not (item.frames or told.frames):
        notes.append("its number of frames is unknown until it is read; hours and price do not include it")
    frames = item.frames or told.frames or 0
    return restored_frames(replace(item, frames=frames, fps=fps), job), canvas_of(told, job), fps, notes, header


def _at_mask(
    item: Item, canvas: Canvas, job: JobConfig, looks: Headers, header: VideoHeader | None
) -> tuple[float | None, Worked | None]:
    """Return the share of the canvas that is missing, around the picture and in it, and what is worked on for that."""
    picture, whole = canvas.picture_width * canvas.picture_height, canvas.width * canvas.height
    around = whole - picture
    drawn = _drawn_of(item)
    if drawn is not None:
        mask = _drawn(drawn, canvas.picture_size, job)
    elif item.mask_expression:  # nobody knows before it is made
        read_expression(item.mask_expression).refuse_outside(canvas.picture_size)
        return None, None if works_in_regions(job) else WHOLE
    elif item.mask is None:
        return around / whole, WHOLE
    elif not is_image(item.mask):
        return None, None if works_in_regions(job) else WHOLE
    else:
        mask = looks.mask_image(item.mask, canvas.picture_size, job.mask, header)
    worked = WHOLE
    if works_in_regions(job):
        regions = regions_for(_on(mask, canvas.picture_size), canvas.size, job)
        worked = worked_of_regions(regions, canvas.size, job)
    return (around + mask.missing * picture) / whole, worked


def _drawn_of(item: Item) -> DrawnMask | None:
    """The item's mask where it is drawn by words alone."""
    return read_expression(item.mask_expression).drawn if item.mask_expression else None


def _drawn(drawn: DrawnMask, picture: Size, job: JobConfig) -> MaskHeader:
    """Return what a drawn mask covers of the picture. Raises MaskError where a shape is outside."""
    drawn.refuse_outside(picture)
    return MaskHeader.of(grown(drawn.levels(picture) // 255, job.mask.dilation))


def _on(mask: MaskHeader, picture: Size) -> list[Region]:
    """Return the boxes around a mask's holes in pixels of the picture."""
    across, down = picture[0] / mask.size[0], picture[1] / mask.size[1]
    return [
        Region(int(box.left * across), int(box.top * down), math.ceil(box.right * across), math.ceil(box.bottom * down))
        for box in mask.boxes
    ]
