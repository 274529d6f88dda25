"""Status of a run as seen from outside: alive, speed, slow items, failures.

From the ledger and the lease only, so from any machine that sees the store, and without asking the run.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reelmend.pipelines.observe.heartbeat import Heartbeat
from reelmend.pipelines.observe.overview import SlowItem, fraction_done, overview
from reelmend.pipelines.observe.summary import RunSummary, frames_computed
from reelmend.pipelines.storage.ledger import ItemRow, LedgerView, least_sure_first

_TOLD = 20
"""Failing items, and items to review, that a machine is notified of; it is also told how many there are."""


class Life(StrEnum):
    RUNNING = "running"
    BEGINNING = "beginning"  # another run has the folder, and has not come to its items yet
    ENDED = "ended"
    STOPPED = "stopped"  # it has not ended and gives no sign of life: killed, or cut off


@dataclass(frozen=True)
class RunStatus:
    """A run at one moment."""

    life: Life
    sign: Heartbeat | None
    """Of who has the folder, or had it last."""
    heard_at: float
    """When the newest of what is said here happened, in seconds since the epoch by the run's clock."""
    frames_per_second: float
    """In the last minutes (that of `RunSummary` is since the run began); 0 before there is something to say."""
    seconds_left: float | None
    """Until the run ends if it continues as in the last minutes; None when it does not run, or nobody can say."""
    slowest: list[SlowItem]
    """Those that took longest first; while it runs, only those in progress."""
    tried_again: list[tuple[ItemRow, str]]
    """Items in progress that lost an attempt, and why, as far as that is known here."""
    bad: list[ItemRow]
    """The quarantined and failed items, the last one first."""
    other_items: dict[str, int]
    """Items of the ledger that the run left out, by state."""
    review: list[ItemRow] = field(default_factory=list)
    """Restored items that somebody should look at, the least sure first."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able dict."""
        sign = self.sign
        return {
            "life": self.life,
            "holder": str(sign.holder) if sign else None,
            "heartbeat_age_s": sign.age_s if sign else None,
            "heard_at": self.heard_at,
            "frames_per_second_now": self.frames_per_second,
            "seconds_left": self.seconds_left,
            "slowest": [
                _brief(slow.row) | {"seconds": slow.seconds, "done": fraction_done(slow.row)} for slow in self.slowest
            ],
            "tried_again": [_brief(row) | {"error": error} for row, error in self.tried_again[:_TOLD]],
            "bad": [_brief(row) | {"kind": row.kind, "reason": row.reason} for row in self.bad[:_TOLD]],
            "bad_items": len(self.bad),
            "review": [
                _brief(row) | {"score": row.quality_score, "reason": row.review_reason} for row in self.review[:_TOLD]
            ],
            "review_items": len(self.review),
            "other_items": self.other_items,
        }


def standing(ledger: LedgerView, summary: RunSummary, sign: Heartbeat | None, *, ended: bool) -> RunStatus:
    """Return how the run that wrote the ledger stands. `summary`: its totals; `ended`: it has said that it is over."""
    rows, head = ledger.rows_of_run(), ledger.head
    life = _life(sign, head.run, ended)
    elapsed_s = ledger.heard_at - head.pace.at
    frames = sum(map(frames_computed, rows)) - head.pace.frames
    running = life is Life.RUNNING
    looked_at = [row for row in rows if not row.state.ended] if running else rows
    return RunStatus(
        life=life,
        sign=sign,
        heard_at=ledger.heard_at,
        frames_per_second=frames / elapsed_s if elapsed_s > 0 else 0.0,
        seconds_left=_seconds_left(rows, head.pace.items, elapsed_s) if running else None,
        slowest=overview(summary, looked_at, ended=True).slowest,
        tried_again=[
            (row, ledger.last_errors.get(row.id, "")) for row in rows if row.attempts > 1 and not row.state.ended
        ],
        bad=sorted((row for row in rows if row.state.bad), key=lambda row: -row.ended_at),
        other_items=dict(Counter(str(row.state) for row in ledger.rows.values() if row.run != head.run)),
        review=least_sure_first(rows),
    )


def _life(sign: Heartbeat | None, run: str, ended: bool) -> Life:
    alive = sign is not None and sign.alive
    if alive and sign is not None and sign.holder.run != run:
        return Life.BEGINNING
    if ended:
        return Life.ENDED
    return Life.RUNNING if alive else Life.STOPPED


def _seconds_left(rows: Sequence[ItemRow], done_before: float, elapsed_s: float) -> float | None:
    """Items that an earlier run finished took no time, so they say nothing about the ones to come."""
    own = [row for row in rows if not row.reused]
    done = sum(map(fraction_done, own))
    gained = done - done_before
    return elapsed_s * (len(own) - done) / gained if gained > 0 and elapsed_s > 0 else None


def _brief(row: ItemRow) -> dict[str, Any]:
    return {"id": row.id, "video": row.video, "state": row.state, "stage": row.stage, "attempts": row.attempts}
