"""How does a run become one HTML file? A template, and views that say in plain text what it shows.

The page holds its own styles, script and pictures and loads nothing. File names come from anywhere: the template
escapes every value, and a content security policy lets no script run but the page's own.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipelines.comparison import compare
from pipelines.ledger import ItemRow, ItemState
from pipelines.report.views import GalleryCard, gallery_card, problem_view, row_view, stage_shares, tiles, when
from pipelines.stores.files import Files
from pipelines.stores.location import Location
from pipelines.summary import RunSummary

PREVIEW_BYTES = 24 * 2**20
"""Pictures of a page, in all: about a hundred items; a browser opens it without a pause."""
TABLE_ROWS = 5000
"""Items in the page's table; more make it slow, and the ledger holds them all."""

_ATTENTION_FIRST = {ItemState.QUARANTINED: 0, ItemState.FAILED: 1}


def write_report(
    place: Location,
    summary: RunSummary,
    rows: Sequence[ItemRow],
    load_preview: Callable[[ItemRow], bytes | None],
    files: Files,
) -> None:
    """Write the page in one step. Raises StoreError when it cannot be written.

    `load_preview` returns an item's JPEG strip: `preview_columns` cells of `preview_width` x `preview_height` (in
    `row.facts`) side by side, those before in the upper row and those after in the lower; None where there is none.
    """
    ordered = sorted(rows, key=lambda row: _ATTENTION_FIRST.get(row.state, 2))
    cards, left_out = _gallery(ordered, place.parent, load_preview)
    script = _asset("report.js")
    page = _environment().get_template("report.html.jinja")
    shown_ids = {card.id: card.anchor for card in cards}
    html = page.render(
        summary=summary,
        started=when(summary.started_at),
        tiles=tiles(summary),
        stages=stage_shares(summary),
        comparisons=compare(summary),
        problems=[problem_view(row, summary.out) for row in ordered if row.state.bad],
        cards=cards,
        cards_left_out=left_out,
        items=[row_view(row, place.parent, shown_ids.get(row.id)) for row in ordered[:TABLE_ROWS]],
        items_left_out=max(0, len(ordered) - TABLE_ROWS),
        states=summary.states,
        style=Markup(_asset("report.css")),  # these two are our own files, not values of the run
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    files.write(place, html.encode("utf-8", "replace"))


def _gallery(
    rows: Sequence[ItemRow], page_folder: Location, load_preview: Callable[[ItemRow], bytes | None]
) -> tuple[list[GalleryCard], int]:
    """Return the cards that fit into the page, and how many items with a preview did not."""
    cards: list[GalleryCard] = []
    room = PREVIEW_BYTES
    left_out = 0
    for row in rows:
        if not row.facts.get("preview_columns"):
            continue
        jpeg = load_preview(row) if room > 0 else None
        if room <= 0 or (jpeg is not None and len(jpeg) > room):
            left_out += 1
        elif jpeg is not None:
            room -= len(jpeg)
            cards.append(gallery_card(row, jpeg, page_folder, number=len(cards) + 1))
    return cards, left_out


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("pipelines.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(name: str) -> str:
    return (files("pipelines.report") / name).read_text(encoding="utf-8")
