"""What a page's script is told of an item: a short list of values, in an order that is said once.

An item with a name of ordinary length takes about 500 bytes; ten thousand of them are read by a browser in no time.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pipelines.ledger import ItemRow, ItemState
from pipelines.previews import sheet_of
from pipelines.reproduce import reproduce_command
from pipelines.stores.location import Location
from pipelines.units import readable_seconds

FIELDS = (
    "id",
    "video",
    "state",
    "frames",
    "width",
    "height",
    "chunks",  # done
    "chunksPlanned",
    "chunksReused",
    "seconds",  # of workers, over all stages
    "time",  # the same for a person
    "note",
    "href",  # of the output, or null
    "picture",  # what PICTURE names, or null
    "problem",  # [context, command] of a bad item, or null
    "score",  # 0..1, or null where nobody has judged
    "review",  # whether a person should look at a restored item
    "reviewReason",
    "quality",  # what the score stands on, in words
)
PICTURE = (
    "source",
    "outline",  # source of the second sheet, or null
    "width",  # of a cell
    "height",
    "stepX",
    "stepY",
    "columns",
    "moments",  # their frame numbers
    "start",
    "moving",
    "rate",
    "wholeWidth",
    "wholeHeight",
    "wholeStepX",
    "wholeStepY",
    "worst",  # frame number, or null
)
"""The values of `picture`: those of `pipelines.previews.Sheet`."""

_RANKS = {ItemState.QUARANTINED: 0, ItemState.FAILED: 1, ItemState.PENDING: 5}
_RANK_REVIEW, _RANK_IN_WORK, _RANK_ENDED = 2, 3, 4
NO_SCORE = 2.0
"""Stands for a missing score where items are sorted: after all others."""

PictureSource = Callable[[str], str | None]
"""Returns what the picture of a name is loaded from, or None where it is gone."""


def attention_first(rows: Iterable[ItemRow]) -> list[ItemRow]:
    """Return bad items, those to review, lowest score first, those in work, those that are done and those to come.

    Else they are in the run's order.
    """
    return sorted(rows, key=_urgency)


def _urgency(row: ItemRow) -> tuple[int, float]:
    if needs_review(row):
        return _RANK_REVIEW, score_order(row)
    return _RANKS.get(row.state, _RANK_ENDED if row.state.ended else _RANK_IN_WORK), 0.0


def needs_review(row: ItemRow) -> bool:
    """Whether a person should look at what was restored."""
    return row.state is ItemState.RESTORED and bool(row.facts.get("review"))


def score_order(row: ItemRow) -> float:
    return float(row.facts.get("quality_score", NO_SCORE))


def row_values(row: ItemRow, out: str, picture: PictureSource, page_folder: Location | None) -> list[Any]:
    """Return the values of FIELDS. `page_folder`: where the page lies that links to outputs; None for no links."""
    seconds = sum(row.seconds.values())
    has_output = row.state.ended and not row.state.bad
    return [
        row.id,
        row.video,
        str(row.state),
        row.frames,
        row.width,
        row.height,
        chunks_done(row),
        row.chunks_planned,
        row.chunks_reused,
        round(seconds, 3),
        readable_seconds(seconds) if seconds else "",
        note_on(row),
        _link(str(row.facts.get("output", row.output)), page_folder)
        if has_output and page_folder is not None
        else None,
        _picture(row, picture),
        [_context(row), reproduce_command(row, out)] if row.state.bad else None,
        round(float(row.facts["quality_score"]), 3) if "quality_score" in row.facts else None,
        needs_review(row),
        str(row.facts.get("review_reason", "")) if needs_review(row) else "",
        quality_in_words(row.facts),
    ]


def chunks_done(row: ItemRow) -> int:
    return row.chunks_computed + row.chunks_reused


def note_on(row: ItemRow) -> str:
    return row.reason or ("finished by an earlier run" if row.reused else "")


def has_picture(row: ItemRow) -> bool:
    return bool(row.facts.get("preview"))


def to_script(value: Any) -> str:
    """Return JSON that may stand in a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def quality_in_words(facts: Mapping[str, str | int | float]) -> str:
    """Return what a score stands on, in one line; empty where nobody has judged."""
    figures = {name: float(facts[f"quality_{name}"]) for name in _QUALITY if f"quality_{name}" in facts}
    said = []
    if (seen := figures.get("seen_share")) is not None:
        away = figures.get("seen_away")
        frames = f", {away:.3g} {'frame' if away == 1 else 'frames'} away on average" if seen and away else ""
        said.append(f"{seen:.0%} of the hole seen in other frames{frames}".replace("%", " %"))
    if invented := figures.get("invented_share"):
        said.append("under 1 % invented" if invented < 0.01 else f"{invented:.0%} invented".replace("%", " %"))
    return "; ".join(said)


_QUALITY = ("seen_share", "seen_away", "invented_share")


def _picture(row: ItemRow, source: PictureSource) -> Sequence[Any] | None:
    sheet = sheet_of(row.facts)
    picture = source(sheet.picture) if sheet else None
    if sheet is None or picture is None:
        return None
    outline = source(sheet.outline) if sheet.outline else None
    layout = (*sheet.size, *sheet.step, sheet.columns, sheet.moments, sheet.start, sheet.moving, sheet.rate)
    return [picture, outline, *layout, *sheet.whole, *sheet.whole_step, row.facts.get("quality_worst_frame")]


def _context(row: ItemRow) -> str:
    attempts = f"{row.attempts} attempts" if row.attempts > 1 else ""
    return " · ".join(part for part in (row.kind, row.stage and f"while at {row.stage}", attempts) if part)


def _link(target: str, page_folder: Location) -> str:
    """Return a link from the page to a file beside it; quoted whole, so that no name can be taken for a scheme."""
    relative = os.path.relpath(target, str(page_folder))  # of two URLs of a bucket as well
    return quote(relative, safe="/", errors="surrogateescape")
