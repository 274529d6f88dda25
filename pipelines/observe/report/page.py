"""A run as a page: a template for its totals, rows for its script, and pictures.

A report of a small run is one file that can be sent to somebody. From INLINE_ROWS items or PREVIEW_BYTES of pictures on
that file would be too large to send and slow to open: then the page holds the first items only, reads the others from
scripts in the folder `report` beside it, and loads pictures from there as they are scrolled to. It asks no server:
scripts and pictures are what a page opened from a disk may load.

File names come from anywhere: the template escapes every value, the script makes text of them and never markup, and a
content security policy lets no script run but the page's own and what that loads.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files as package_files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reelmend.pipelines.observe.comparison import compare
from reelmend.pipelines.observe.live_status import Now
from reelmend.pipelines.observe.overview import Overview, overview
from reelmend.pipelines.observe.refinement import refinement_in_words
from reelmend.pipelines.observe.report.machine_views import machine_parts
from reelmend.pipelines.observe.report.rows import FIELDS, PICTURE, attention_first, row_values, to_script
from reelmend.pipelines.observe.report.views import (
    found_all_done,
    slow_views,
    stage_shares,
    tiles,
    tiles_under_way,
    tried_again_views,
    when,
)
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.stages.previews import FOLDER, kind_of, load_preview
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemFacts, ItemRow, ItemState
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.utils.hashing import digest_of
from reelmend.pipelines.utils.units import readable_count, readable_seconds

PREVIEW_BYTES = 24 * 2**20
"""Pictures inside a page, at most: about a hundred and ten items, and a file that a mail still takes."""
INLINE_ROWS = 2000
"""Items inside a page, at most: a megabyte."""
FIRST_ROWS = 100
"""Items inside a page that reads the others from scripts: what its table shows first."""
PART_ROWS = 2000
"""Items a script."""
SHOWN_ROWS = 100_000
"""Items of a report, at most: a browser holds them in about 160 MB. `reelmend serve` pages through any number."""

_SCRIPTS_HERE = (
    "elements.js",
    "told.js",
    "cards.js",
    "players.js",
    "rows_here.js",
    "entries.js",
    "lists.js",
    "read_others.js",
)
_SCRIPTS_LIVE = (
    "elements.js",
    "told.js",
    "cards.js",
    "players.js",
    "rows_served.js",
    "entries.js",
    "lists.js",
    "refresh.js",
)


def write_report(place: Location, summary: RunSummary, rows: Sequence[ItemRow], files: Files) -> None:
    """Write the page at `place`, and what is beside it, from rows and the pictures of `reelmend.pipelines.stages.previews`.

    The page itself appears in one step, after everything it needs. Raises StoreError when it cannot be written.
    """
    work = place.parent
    ordered = attention_first(rows)
    small = len(rows) <= INLINE_ROWS and _picture_bytes(rows) <= PREVIEW_BYTES
    shown, inside = (ordered, len(rows)) if small else (ordered[:SHOWN_ROWS], FIRST_ROWS)
    source = partial(_picture_inside, work, files) if small else picture_beside
    values = [row_values(row, summary.out, source, work) for row in shown]
    parts = {
        f"items-{digest_of('report', summary.run_id, summary.ended_at)[:8]}-{number}.js": values[start:][:PART_ROWS]
        for number, start in enumerate(range(inside, len(values), PART_ROWS), 1)
    }
    for name, part in parts.items():
        files.write(work / "report" / name, f"reelmendRows({to_script(part)})".encode())
    told = {"rows": values[:inside], "parts": [f"report/{name}" for name in parts]}
    html = render(summary, overview(summary, rows, ended=True), told, left_out=len(rows) - len(shown))
    files.write(place, html.encode("utf-8", "replace"))
    for entry in files.children(work / "report"):
        if entry.place.name.startswith("items-") and entry.place.name not in parts:
            files.delete(entry.place)  # of a report that this one takes the place of


@dataclass(frozen=True)
class Live:
    """What a page needs to follow its run."""

    under_way: bool
    version: int
    """Goes up whenever the run's rows have changed."""
    frames_per_second: float
    """In the last minutes."""
    tried_again: Sequence[tuple[ItemRow, str]]
    """Items in progress that lost an attempt, and why."""
    now: Now | None = None
    """Machines and speed, as the run reported them last."""


def render(
    summary: RunSummary,
    seen: Overview,
    told: dict[str, Any],
    *,
    live: Live | None = None,
    left_out: int = 0,
) -> str:
    """Return the page. `told`: what its script gets besides the names of the values in a row."""
    return _environment.get_template("report.html.jinja").render(
        **_totals(summary, seen, live),
        **machine_parts(live.now if live else None),
        started=when(summary.started_at),
        states_to_choose=[state.value for state in ItemState] if live else list(summary.states),
        items_left_out=left_out,
        policy=live_policy() if live else _policy_of_file(beside=bool(told.get("parts"))),
        style=Markup(_asset("report.css")),  # these two are our own files, not values of the run
        script=Markup(_script(_SCRIPTS_LIVE if live else _SCRIPTS_HERE)),
        told=Markup(to_script({"fields": FIELDS, "pictureFields": PICTURE, **told})),
    )


def render_line(summary: RunSummary, seen: Overview, live: Live) -> str:
    """Return the line on top of a live page, as HTML."""
    return _environment.get_template("line.html.jinja").render(**_totals(summary, seen, live))


def render_machines(now: Now | None) -> str:
    """Return speed and machines of a live page, as HTML."""
    return _environment.get_template("machines.html.jinja").render(**machine_parts(now))


def render_totals(summary: RunSummary, seen: Overview, live: Live) -> str:
    """Return the part of a live page that changes as its run progresses, as HTML."""
    return _environment.get_template("totals.html.jinja").render(**_totals(summary, seen, live))


def _totals(summary: RunSummary, seen: Overview, live: Live | None) -> dict[str, Any]:
    return {
        "summary": summary,
        "live": live,
        "tiles": tiles_under_way(summary, seen, live.frames_per_second) if live and live.under_way else tiles(summary),
        "done_percent": 100 * seen.done,
        "states": summary.states,
        "seconds_left": None if seen.seconds_left is None else readable_seconds(seen.seconds_left),
        "stages": stage_shares(summary),
        "comparisons": [] if found_all_done(summary) else compare(summary),
        "refined": refinement_in_words(summary.refined),
        "all_done_earlier": found_all_done(summary),
        "slowest": slow_views(seen),
        "tried_again": tried_again_views(live.tried_again) if live else [],
    }


def live_policy() -> str:
    """Return the content security policy of a live page."""
    return _policy("'self' data:", _digest(_SCRIPTS_LIVE), answers="'self'")


def _policy_of_file(*, beside: bool) -> str:
    """Return the policy of a report; `beside`: rows and pictures lie in files beside it.

    `file:` is how browsers name a disk; 'strict-dynamic' lets the page's script load scripts, and nothing else.
    """
    if beside:
        return _policy("'self' file: data:", f"{_digest(_SCRIPTS_HERE)} 'strict-dynamic'")
    return _policy("data:", _digest(_SCRIPTS_HERE))


def _policy(pictures: str, scripts: str, answers: str = "'none'") -> str:
    return (
        f"default-src 'none'; img-src {pictures}; style-src 'unsafe-inline'; script-src {scripts}; "
        f"connect-src {answers}; base-uri 'none'; form-action 'none'"
    )


@cache
def _script(names: tuple[str, ...]) -> str:
    return "".join(map(_asset, names))


def _digest(names: tuple[str, ...]) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(_script(names).encode()).digest()).decode()}'"


def _picture_bytes(rows: Sequence[ItemRow]) -> int:
    return sum(ItemFacts.from_map(row.facts).preview_bytes or 0 for row in rows)


def _picture_inside(work: Location, files: Files, name: str) -> str | None:
    picture = load_preview(work, name, files)
    return None if picture is None else f"data:{kind_of(name)};base64,{base64.b64encode(picture).decode()}"


def picture_beside(name: str) -> str:
    """Return the address of a picture beside the page."""
    return f"{FOLDER}/{name}"


def _asset(name: str) -> str:
    return (package_files("reelmend.pipelines.observe.report") / name).read_text(encoding="utf-8")


_environment = Environment(
    loader=PackageLoader("reelmend.pipelines.observe.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["count"] = readable_count
