"""Writes the tables of what is done when memory is insufficient, and when CUDA fails: `python docs/make_ladder.py`."""

from pathlib import Path

from reelmend.core_model.device import memory_ladder, recovery

TABLES = {
    Path(__file__).with_name("architecture.md"): ("ladder", memory_ladder.as_markdown),
    Path(__file__).with_name("gpu.md"): ("recovery", recovery.as_markdown),
}
"""By page, the name of its table and what writes it."""


def page(path: Path) -> str:
    """Return the page's text with its table as it should be."""
    name, table = TABLES[path]
    begin, end = f"<!-- {name}: written by python docs/make_ladder.py -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = path.read_text().partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{table()}{end}{after}"


if __name__ == "__main__":
    for path in TABLES:
        path.write_text(page(path))
