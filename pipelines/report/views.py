"""What does the page say about a run and its items? Text and numbers; how they look is the template's business."""

import base64
import os
import time
from dataclasses import dataclass
from urllib.parse import quote

from pipelines.flow_use import FlowUse
from pipelines.ledger import ItemRow
from pipelines.reproduce import reproduce_command
from pipelines.stores.location import Location
from pipelines.summary import RunSummary
from pipelines.units import readable_bytes, readable_count, readable_seconds


@dataclass(frozen=True)
class Tile:
    """One figure of the head."""

    label: str
    figure: str
    detail: str


@dataclass(frozen=True)
class StageShare:
    name: str
    seconds: str
    percent: float


@dataclass(frozen=True)
class ProblemView:
    """A quarantined or failed item."""

    state: str
    video: str
    reason: str
    context: str
    command: str


@dataclass(frozen=True)
class GalleryCard:
    """An item with pictures: `columns` moments, each before and after."""

    id: str
    anchor: str
    href: str
    caption: str
    columns: int
    width: int
    height: int
    picture: str
    """data: URL of the JPEG strip."""


@dataclass(frozen=True)
class RowView:
    """A line of the table; the `sort_*` are what its columns are sorted by."""

    id: str
    video: str
    state: str
    anchor: str | None
    href: str | None
    frames: int
    size: str
    sort_size: int
    chunks: str
    sort_chunks: int
    seconds: str
    sort_seconds: float
    note: str


def tiles(summary: RunSummary) -> list[Tile]:
    """Return the head's figures, the most asked-for first."""
    earlier = f", {readable_count(summary.finished_earlier)} by an earlier run" if summary.finished_earlier else ""
    return [
        Tile("outputs", f"{readable_count(summary.good)} / {readable_count(summary.items)}", f"items{earlier}"),
        Tile("speed", f"{summary.frames_per_second:.1f}", "frames a second"),
        *_efficiency(summary),
        Tile("frames", readable_count(summary.frames_computed), "computed by this run"),
        Tile("chunks", readable_count(summary.chunks_computed), f"computed, {summary.chunks_reused} reused"),
        *_flow_tile(summary.flow_use),
        Tile("time", readable_seconds(summary.seconds), "wall clock"),
        Tile("written", readable_bytes(summary.bytes_written), f"memory at most {summary.memory}"),
    ]


def _efficiency(summary: RunSummary) -> list[Tile]:
    if not summary.efficiency:
        return []
    alone = f"of {summary.model_frames_per_second:.1f} frames/s of the model alone × {summary.workers}"
    return [Tile("efficiency", f"{summary.efficiency:.0%}", alone)]


def _flow_tile(use: FlowUse) -> list[Tile]:
    """What the flow cache was good for; nothing where no flow was needed."""
    segments = use.found + use.computed
    if not segments:
        return []
    return [Tile("flow", f"{use.hit_rate:.0%}", f"of {readable_count(segments)} segments cached")]


def stage_shares(summary: RunSummary) -> list[StageShare]:
    """Return each stage's worker seconds and its share of them all."""
    total = sum(summary.seconds_by_stage.values())
    return [
        StageShare(stage, readable_seconds(seconds), 100 * seconds / total)
        for stage, seconds in summary.seconds_by_stage.items()
        if total > 0
    ]


def problem_view(row: ItemRow, out: str) -> ProblemView:
    attempts = f"{row.attempts} attempts" if row.attempts > 1 else ""
    context = " · ".join(part for part in (row.kind, row.stage and f"while at {row.stage}", attempts) if part)
    return ProblemView(row.state, row.video, row.reason, context, reproduce_command(row, out))


def gallery_card(row: ItemRow, jpeg: bytes, page_folder: Location, *, number: int) -> GalleryCard:
    caption = f"{row.width}×{row.height} · {readable_count(row.frames)} frames"
    return GalleryCard(
        id=row.id,
        anchor=f"preview-{number}",
        href=_link(row.output, page_folder),
        caption=caption,
        columns=int(row.facts["preview_columns"]),
        width=int(row.facts["preview_width"]),
        height=int(row.facts["preview_height"]),
        picture="data:image/jpeg;base64," + base64.b64encode(jpeg).decode(),
    )


def row_view(row: ItemRow, page_folder: Location, anchor: str | None) -> RowView:
    seconds = sum(row.seconds.values())
    done = row.chunks_computed + row.chunks_reused
    reused = f" ({row.chunks_reused} reused)" if row.chunks_reused else ""
    note = row.reason or ("finished by an earlier run" if row.reused else "")
    has_output = row.state.ended and not row.state.bad
    return RowView(
        id=row.id,
        video=row.video,
        state=row.state,
        anchor=anchor,
        href=_link(row.output, page_folder) if has_output else None,
        frames=row.frames,
        size=f"{row.width}×{row.height}" if row.width else "",
        sort_size=row.width * row.height,
        chunks=f"{done} / {row.chunks_planned}{reused}" if row.chunks_planned else "",
        sort_chunks=done,
        seconds=readable_seconds(seconds) if seconds else "",
        sort_seconds=round(seconds, 3),
        note=note,
    )


def when(seconds_since_epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(seconds_since_epoch)).strip()


def _link(target: str, page_folder: Location) -> str:
    """Return a link from the page to a file beside it; quoted whole, so that no name can be taken for a scheme."""
    relative = os.path.relpath(target, str(page_folder))  # of two URLs of a bucket as well
    return quote(relative, safe="/", errors="surrogateescape")
