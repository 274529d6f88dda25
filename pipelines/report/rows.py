"""What is a page's script told of an item? A short list of values, in an order that is said once.

An item with a name of ordinary length takes about 250 bytes; ten thousand of them are read by a browser in no time.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote

from pipelines.ledger import ItemRow, ItemState
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
    "picture",  # [source, columns, width, height] of the strip of before and after, or null
    "problem",  # [context, command] of a bad item, or null
)

_RANKS = {ItemState.QUARANTINED: 0, ItemState.FAILED: 1, ItemState.PENDING: 4}
_RANK_ENDED, _RANK_IN_WORK = 3, 2

PictureSource = Callable[[ItemRow], str | None]
"""Returns what an item's strip is loaded from, or None where there is nothing to show."""


def attention_first(rows: Iterable[ItemRow]) -> list[ItemRow]:
    """Return bad items, then those in work, those that are done and those to come; else in the run's order."""
    return sorted(rows, key=lambda row: _RANKS.get(row.state, _RANK_ENDED if row.state.ended else _RANK_IN_WORK))


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
        _strip(row, picture),
        [_context(row), reproduce_command(row, out)] if row.state.bad else None,
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


def _strip(row: ItemRow, picture: PictureSource) -> Sequence[Any] | None:
    source = picture(row) if has_picture(row) else None
    if source is None:
        return None
    return [source, *(int(row.facts[f"preview_{name}"]) for name in ("columns", "width", "height"))]


def _context(row: ItemRow) -> str:
    attempts = f"{row.attempts} attempts" if row.attempts > 1 else ""
    return " · ".join(part for part in (row.kind, row.stage and f"while at {row.stage}", attempts) if part)


def _link(target: str, page_folder: Location) -> str:
    """Return a link from the page to a file beside it; quoted whole, so that no name can be taken for a scheme."""
    relative = os.path.relpath(target, str(page_folder))  # of two URLs of a bucket as well
    return quote(relative, safe="/", errors="surrogateescape")
