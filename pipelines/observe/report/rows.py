"""An item as a page's script gets it: a short list of values, in an order that is stated once.

An item with a name of ordinary length takes about 500 bytes; ten thousand of them are read by a browser in no time.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from reelmend.pipelines.observe.refinement import item_refinement_in_words
from reelmend.pipelines.observe.reproduce import reproduce_command
from reelmend.pipelines.stages.previews import sheet_of
from reelmend.pipelines.storage.ledger import Facts, ItemFacts, ItemRow, ItemState
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.utils.units import readable_seconds, readable_share

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
)
"""The values of `picture`: those of `reelmend.pipelines.stages.previews.Sheet`."""

_RANKS = {ItemState.QUARANTINED: 0, ItemState.FAILED: 1, ItemState.PENDING: 5}
_RANK_REVIEW, _RANK_IN_WORK, _RANK_ENDED = 2, 3, 4
NO_SCORE = 2.0
"""Stands for a missing score where items are sorted: after all others."""

PictureSource = Callable[[str], str | None]
"""Returns what the picture of a name is loaded from, or None where it is gone."""


def attention_first(rows: Iterable[ItemRow]) -> list[ItemRow]:
    """Return bad items, those to review, lowest score first, those in progress, those that are done and those to come.

    Else they are in the run's order.
    """
    return sorted(rows, key=_urgency)


def _urgency(row: ItemRow) -> tuple[int, float]:
    if row.review:
        return _RANK_REVIEW, score_order(row)
    return _RANKS.get(row.state, _RANK_ENDED if row.state.ended else _RANK_IN_WORK), 0.0


def score_order(row: ItemRow) -> float:
    return NO_SCORE if row.quality_score is None else row.quality_score


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
        _link(ItemFacts.from_map(row.facts).output or row.output, page_folder)
        if has_output and page_folder is not None
        else None,
        _picture(row, picture),
        [_context(row), reproduce_command(row, out)] if row.state.bad else None,
        row.quality_score,
        row.review,
        row.review_reason,
        "; ".join(filter(None, [quality_in_words(row.facts), mask_in_words(row.facts), *made_in_words(row.facts)])),
    ]


def chunks_done(row: ItemRow) -> int:
    return row.chunks_computed + row.chunks_reused


def note_on(row: ItemRow) -> str:
    return row.reason or ("finished by an earlier run" if row.reused else "")


def has_picture(row: ItemRow) -> bool:
    return bool(ItemFacts.from_map(row.facts).preview)


def to_script(value: Any) -> str:
    """Return JSON that may stand in a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def quality_in_words(facts: Facts) -> str:
    """Return what a score stands on, in one line; empty where nothing was measured."""
    known = ItemFacts.from_map(facts)
    seen, away = known.quality_seen_share, known.quality_seen_away or 0.0
    if seen is None:
        return ""
    if not seen:
        return "no other frame shows what the hole hides"
    far = f"{away:.1f}".removesuffix(".0") if away < 10 else f"{away:.0f}"
    frames = f", {far} {'frame' if far == '1' else 'frames'} away on average" if away else ""
    return f"{100 * seen:.0f} % of the hole seen in other frames{frames}"


def mask_in_words(facts: Facts) -> str:
    """Return how much of an item is masked, and when; empty where that is not known."""
    known = ItemFacts.from_map(facts)
    if not known.masked_fraction or not known.masked_frames:
        return ""
    return f"mask: {readable_share(known.masked_fraction)} of the video, in frames {known.masked_frames}"


def made_in_words(facts: Facts) -> Iterator[str]:
    """Yield what of an item was refined, and the size that its detail chose."""
    known = ItemFacts.from_map(facts)
    yield item_refinement_in_words(known)
    if known.restored_side:
        yield f"restored at {known.restored_side} px"


def _picture(row: ItemRow, source: PictureSource) -> Sequence[Any] | None:
    sheet = sheet_of(row.facts)
    picture = source(sheet.picture) if sheet else None
    if sheet is None or picture is None:
        return None
    outline = source(sheet.outline) if sheet.outline else None
    layout = (*sheet.size, *sheet.step, sheet.columns, sheet.moments, sheet.start, sheet.moving, sheet.rate)
    return [picture, outline, *layout, *sheet.whole, *sheet.whole_step]


def _context(row: ItemRow) -> str:
    attempts = f"{row.attempts} attempts" if row.attempts > 1 else ""
    return " · ".join(part for part in (row.kind, row.stage and f"while at {row.stage}", attempts) if part)


def _link(target: str, page_folder: Location) -> str:
    """Return a link from the page to a file beside it; quoted whole, so that no name can be taken for a scheme."""
    relative = os.path.relpath(target, str(page_folder))  # of two URLs of a bucket as well
    return quote(relative, safe="/", errors="surrogateescape")
