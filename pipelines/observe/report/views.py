"""Totals of a report page as text and numbers; the template decides how they look."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from reelmend.pipelines.observe.overview import Overview, SlowItem
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.storage.flow_cache.usage import FlowUse
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.utils.units import readable_bytes, readable_count, readable_seconds

SPEED = "speed"
MOST_TRIED = 10
"""Items that are named as tried again."""


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
class SlowView:
    """An item that takes, or took, the longest."""

    id: str
    state: str
    seconds: str
    detail: str


@dataclass(frozen=True)
class TriedView:
    """An item that is in progress again after an attempt was lost."""

    id: str
    state: str
    detail: str


def tiles(summary: RunSummary) -> list[Tile]:
    """Return the head's figures, the most asked-for first. A new figure is a line here."""
    if found_all_done(summary):
        return [_outputs(summary), _time(summary)]
    return [
        _outputs(summary),
        Tile(SPEED, f"{summary.frames_per_second:.1f}", "frames a second"),
        *_efficiency(summary),
        Tile("frames", readable_count(summary.frames_computed), "computed by this run"),
        Tile("chunks", readable_count(summary.chunks_computed), f"computed, {summary.chunks_reused} reused"),
        *_flow_tile(summary.flow_use),
        _time(summary),
        Tile("written", readable_bytes(summary.bytes_written), f"memory at most {summary.memory}"),
    ]


def found_all_done(summary: RunSummary) -> bool:
    """Whether a run computed nothing because earlier ones had: its own figures would all be zero."""
    return summary.finished_earlier > 0 and not summary.chunks_computed + summary.chunks_reused


def _outputs(summary: RunSummary) -> Tile:
    earlier = f", {readable_count(summary.finished_earlier)} by an earlier run" if summary.finished_earlier else ""
    return Tile("outputs", readable_count(summary.good), f"of {readable_count(summary.items)} items{earlier}")


def _time(summary: RunSummary) -> Tile:
    return Tile("time", readable_seconds(summary.seconds), "wall clock")


def _efficiency(summary: RunSummary) -> list[Tile]:
    if not summary.efficiency:
        return []
    alone = f"of the ideal {summary.model_frames_per_second * summary.workers:.1f} frames/s"
    return [Tile("efficiency", f"{summary.efficiency:.0%}", alone)]


def _flow_tile(use: FlowUse) -> list[Tile]:
    """What the flow cache was good for; nothing where no flow was needed."""
    segments = use.found + use.computed
    if not segments:
        return []
    return [Tile("flow", f"{use.hit_rate:.0%}", f"of {readable_count(segments)} segments cached")]


def tiles_under_way(summary: RunSummary, seen: Overview, frames_per_second: float) -> list[Tile]:
    """Return the figures of a run in progress; `frames_per_second` of the last minutes."""
    left = "–" if seen.seconds_left is None else readable_seconds(seen.seconds_left)
    pace = f"frames a second now, {summary.frames_per_second:.1f} so far"
    now = Tile(SPEED, f"{frames_per_second:.1f}", pace)
    return [
        Tile("left, about", left, f"{100 * seen.done:.0f} % done, {readable_count(seen.in_work)} in progress"),
        *(now if tile.label == SPEED else tile for tile in tiles(summary)),
    ]


def stage_shares(summary: RunSummary) -> list[StageShare]:
    """Return each stage's worker seconds and its share of them all."""
    total = sum(summary.seconds_by_stage.values())
    return [
        StageShare(stage, readable_seconds(seconds), 100 * seconds / total)
        for stage, seconds in summary.seconds_by_stage.items()
        if total > 0
    ]


def slow_views(seen: Overview) -> list[SlowView]:
    return [_slow_view(item) for item in seen.slowest]


def _slow_view(item: SlowItem) -> SlowView:
    row = item.row
    detail = f"{readable_count(row.frames)} frames of {row.width}×{row.height}" if row.frames else ""
    return SlowView(row.id, row.state, readable_seconds(item.seconds), detail)


def tried_again_views(tried: Sequence[tuple[ItemRow, str]]) -> list[TriedView]:
    def view(row: ItemRow, error: str) -> TriedView:
        return TriedView(row.id, row.state, f"attempt {row.attempts}" + (f": {error}" if error else ""))

    return [view(row, error) for row, error in tried[:MOST_TRIED]]


def when(seconds_since_epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(seconds_since_epoch)).strip()
