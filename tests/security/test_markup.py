"""Whatever files and reasons are called, a page shows it as text: the same elements and the same script."""

import json
from html.parser import HTMLParser
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reelmend.pipelines.observe.overview import overview
from reelmend.pipelines.observe.report.page import live_policy, render
from reelmend.pipelines.observe.report.rows import row_values, to_script
from reelmend.pipelines.observe.summary import summarise
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.storage.location import location_of
from tests.pages import quarantined, restored

_MARKUP = st.sampled_from(
    [
        *("<", ">", "&", '"', "'", "/", "\\", "`", "]]>", "{{", "${x}", "&lt;", "<!--", "-->", "</script>"),
        *("<img src=x onerror=alert(1)>", "javascript:", "data:text/html,<b>", "//evil.example/", "../"),
        *("\u2028", "\u202e", "\0"),
    ]
)
NAMES = st.lists(_MARKUP | st.text(max_size=3), max_size=6).map("".join)


def page(rows: list[ItemRow], name: str) -> str:
    told: dict[str, Any] = {
        "run_id": name, "name": name, "engine": name, "executor": name, "out": name, "halted": name, "started_at": 0.0,
        "ended_at": 9.0,
    }  # fmt: skip
    summary = summarise(rows, **told)
    values = [row_values(row, "out", lambda _: None, location_of("out/_reelmend")) for row in rows]
    return render(summary, overview(summary, rows, ended=True), {"rows": values, "parts": []})


def _elements(html: str) -> list[tuple[str, list[str]]]:
    """Tags with the names of their attributes, in order."""
    parser = _Elements()
    parser.feed(html)
    return parser.found


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(NAMES, NAMES)
@example("</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>')
def test_no_name_adds_an_element_or_an_attribute(name: str, reason: str) -> None:
    hostile = page([restored(name), quarantined(name, reason or "x")], f"x{name}")
    assert _elements(hostile) == _elements(page([restored("a"), quarantined("b", "c")], "x"))


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(st.lists(NAMES))
def test_what_a_script_is_told_ends_no_script_and_comes_out_as_it_went_in(names: list[str]) -> None:
    text = to_script(names)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == names


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(NAMES)
@example("javascript:alert(1)")
@example("//evil.example/x")
def test_a_link_leads_to_a_file_beside_the_page(name: str) -> None:
    row = restored("a", output=f"out/{name}".replace("\0", ""))
    link = row_values(row, "out", lambda _: None, location_of("out/_reelmend"))[12]
    assert link.startswith("..")
    assert ":" not in link


def test_both_pages_let_no_other_script_run() -> None:
    for policy in (live_policy(), page([restored("a")], "x")):
        assert "default-src 'none'" in policy.replace("&#39;", "'")
        assert "script-src 'sha256-" in policy.replace("&#39;", "'")
