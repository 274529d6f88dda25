"""Writes the table of docs/architecture.md that says what is done when memory is insufficient: `python docs/make_ladder.py`."""

from pathlib import Path

from reelmend.core_model.device.memory_ladder import as_markdown

PAGE = Path(__file__).with_name("architecture.md")
_BEGIN = "<!-- ladder: written by python docs/make_ladder.py -->\n"
_END = "<!-- end of ladder -->\n"


def page() -> str:
    """Return the page's text with the table as it should be."""
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{as_markdown()}{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page())
