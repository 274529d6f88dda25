"""Progress of a run, time left and slowest items, from the ledger's rows alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.storage.ledger import ItemRow, ItemState

SLOWEST = 5
"""Items that are named as the slowest."""


@dataclass(frozen=True)
class SlowItem:
    row: ItemRow
    seconds: float
    """Wall clock from its start to its end, or to now."""


@dataclass(frozen=True)
class Overview:
    """What a person who watches a run wants to know besides its totals."""

    done: float
    """Share of the items' work that is done, 0..1."""
    seconds_left: float | None
    """None: the run is over, or too little is done to say."""
    in_work: int
    """Items that are started and have not ended."""
    slowest: list[SlowItem]
    """The longest first, those in progress and those that ended."""


def overview(summary: RunSummary, rows: Sequence[ItemRow], *, ended: bool) -> Overview:
    """Sum up a run's rows as they were at `summary.ended_at`."""
    done = sum(map(fraction_done, rows))
    started = [row for row in rows if row.started_at and not row.reused]
    slow = [SlowItem(row, max(0.0, (row.ended_at or summary.ended_at) - row.started_at)) for row in started]
    return Overview(
        done=done / len(rows) if rows else 1.0,
        seconds_left=None if ended else seconds_left(done, len(rows), summary.finished_earlier, summary.seconds),
        in_work=sum(not row.state.ended and row.state is not ItemState.PENDING for row in rows),
        slowest=sorted(slow, key=lambda item: -item.seconds)[:SLOWEST],
    )


def fraction_done(row: ItemRow) -> float:
    """Return the share of the item's tasks that are done, 0..1; an item that has ended is done, however it ended."""
    if row.state.ended:
        return 1.0
    done = row.tasks_computed + row.tasks_reused
    return min(1.0, done / row.tasks_planned) if row.tasks_planned else 0.0


def seconds_left(done: float, items: int, finished_earlier: int, elapsed_s: float) -> float | None:
    """Return how long the rest takes at the pace so far, None where nothing says so yet. `done` is counted in items.

    Items that an earlier run finished took no time, so they say nothing about the ones to come.
    """
    worked = done - finished_earlier
    return elapsed_s * (items - done) / worked if worked > 0 else None
