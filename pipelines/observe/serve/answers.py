"""Answers to the live page: a page of items, and the progress of the run."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reelmend.pipelines.observe.report.page import (
    Live,
    picture_beside,
    render,
    render_line,
    render_machines,
    render_totals,
)
from reelmend.pipelines.observe.report.rows import chunks_done, has_picture, note_on, row_values, score_order
from reelmend.pipelines.observe.run_status import Life, RunStatus
from reelmend.pipelines.observe.serve.watched import Moment, WatchedRun
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.utils.redaction import redact
from reelmend.pipelines.utils.units import readable_seconds

MOST_ROWS = 200
"""In one answer."""
_LONGEST_TEXT = 500

_ANSWERS = {"", "yes", "no"}
_BAD = "bad"  # as a state: quarantined or failed
_STATES = {"", _BAD, *(state.value for state in ItemState)}


class AskedWrongly(ValueError):
    """A parameter that the page never sends. The text says which."""


@dataclass(frozen=True)
class ItemQuery:
    """Which items, in which order, and which page of them."""

    state: str = ""
    text: str = ""
    pictures: bool = False
    review: str = ""
    sort: str = ""
    falling: bool = False
    offset: int = 0
    limit: int = 100

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "ItemQuery":
        """Read the parameters of an address. Raises AskedWrongly."""
        unknown = query.keys() - cls.__dataclass_fields__.keys()
        if unknown:
            raise AskedWrongly(f"unknown: {', '.join(sorted(unknown))}")
        wanted = cls(
            state=query.get("state", ""),
            text=query.get("text", "").lower(),
            pictures=query.get("pictures", "") == "true",
            review=query.get("review", ""),
            sort=query.get("sort", ""),
            falling=query.get("falling", "") == "true",
            offset=_whole_number(query, "offset", 0),
            limit=_whole_number(query, "limit", 100),
        )
        if wanted.state not in _STATES or (wanted.sort and wanted.sort not in _ORDERS):
            raise AskedWrongly("no such state or order")
        if wanted.review not in _ANSWERS:
            raise AskedWrongly("review is yes or no")
        if wanted.limit > MOST_ROWS or len(wanted.text) > _LONGEST_TEXT:
            raise AskedWrongly(f"at most {MOST_ROWS} items at once, and a text of {_LONGEST_TEXT} letters")
        return wanted

    def fits(self, row: ItemRow) -> bool:
        if self.state and not (row.state.bad if self.state == _BAD else row.state == self.state):
            return False
        if self.pictures and not has_picture(row):
            return False
        if self.review and row.review != (self.review == "yes"):
            return False
        told = f"{row.id}\n{row.video}\n{note_on(row)}\n{row.review_reason}"
        return not self.text or self.text in told.lower()


def live_page(run: WatchedRun) -> str:
    """Return the page itself, without items: it asks for them."""
    moment, live = run.moment, _live(run)
    return render(moment.summary, moment.seen, {"version": live.version}, live=live)


def now(run: WatchedRun, known: str) -> dict[str, Any]:
    """Return how far the run is; as HTML: machines, and line and totals where they are not those of the version known."""
    run.refresh()
    moment, live = run.moment, _live(run)
    is_known = known == str(live.version)
    return {
        "version": live.version,
        "life": moment.stands.life,
        "pulse": _pulse(moment.stands),
        "trouble": redact(run.trouble),
        "line": None if is_known else render_line(moment.summary, moment.seen, live),
        "machines": render_machines(moment.now),
        "totals": None if is_known else render_totals(moment.summary, moment.seen, live),
    }


def items(moment: Moment, wanted: ItemQuery) -> dict[str, Any]:
    """Return a page of the items that are wanted, and how many there are in all."""
    ordered = moment.in_order(_ORDERS[wanted.sort]) if wanted.sort else moment.ordered
    found = [row for row in (reversed(ordered) if wanted.falling else ordered) if wanted.fits(row)]
    shown = found[wanted.offset :][: wanted.limit]
    rows = [row_values(row, moment.summary.out, picture_beside, None) for row in shown]
    return {"rows": rows, "total": len(found)}


def _live(run: WatchedRun) -> Live:
    stands = run.moment.stands
    now = run.moment.now
    return Live(stands.life is Life.RUNNING, run.version, stands.frames_per_second, stands.tried_again, now)


def _pulse(stands: RunStatus) -> str:
    """Return in a few words whether the run is alive."""
    since = f", last sign {readable_seconds(stands.sign.age_s)} ago" if stands.sign else ""
    return {Life.RUNNING: "live", Life.ENDED: "ended", Life.BEGINNING: "another run is starting"}.get(
        stands.life, f"stopped or killed{since}"
    )


def _natural(text: str) -> str:
    """Return a key by which clip_9 comes before clip_10."""
    return re.sub(r"[0-9]+", lambda digits: digits[0].zfill(20), text.lower())


_ORDERS: dict[str, Callable[[ItemRow], Any]] = {
    "state": lambda row: row.state.value,
    "id": lambda row: _natural(row.id),
    "frames": lambda row: row.frames,
    "size": lambda row: row.width * row.height,
    "chunks": chunks_done,
    "seconds": lambda row: sum(row.seconds.values()),
    "score": score_order,
    "note": lambda row: _natural(note_on(row)),
}


def _whole_number(query: Mapping[str, str], name: str, otherwise: int) -> int:
    text = query.get(name, str(otherwise))
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise AskedWrongly(f"{name} is a whole number")
    return int(text)
