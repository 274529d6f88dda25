"""Blocks of code in the pages, and the commands in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
MEASURED = "benchmarks/README.md"
"""Its commands take minutes and hours; that they exist is all that is looked at."""

_FENCE = re.compile(r"^```(\w*)(?: title=\S+)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(reelmend [^`]+)`")
_MARK = re.compile(r"^# (needs|takes) .+$", re.MULTILINE)


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str

    @property
    def mark(self) -> str:
        """What the block says that it needs, which is why no test runs it; empty when it runs."""
        found = _MARK.search(self.text)
        return found.group() if found else ""

    @property
    def commands(self) -> list[str]:
        """One a line, without comments that fill a line."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def blocks_of(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text()
    for found in _FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])


def shell_blocks(page: str) -> list[Block]:
    return [block for block in blocks_of(page) if block.language == "sh" or (page == MEASURED and not block.language)]


def inline_commands(page: str) -> list[str]:
    """Commands of reelmend in the running text."""
    return [" ".join(found.split()) for found in _INLINE.findall(_FENCE.sub("", (ROOT / page).read_text()))]
