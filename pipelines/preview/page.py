"""Page of previews: a card per item, with a picture, a short video, and what is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@dataclass(frozen=True)
class Card:
    """One item."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    """(name, value)"""
    notes: tuple[str, ...] = ()
    picture: str = ""
    """File next to the page; empty without one, and so is `video`."""
    video: str = ""


def page(title: str, cards: Sequence[Card], more: str = "") -> str:
    """Return the page as HTML; every text is escaped. It needs no server, and no script runs in it."""
    return _environment().get_template("page.html.jinja").render(title=title, cards=cards, more=more)


@cache
def _environment() -> Environment:
    loader = PackageLoader("reelmend.pipelines", "preview")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
