"""Sections of `benchmarks/masks.md`: each command replaces its own."""

from pathlib import Path

FILE = Path(__file__).parents[1] / "masks.md"
_TITLE = "# How well are masks found?\n"


def write_section(name: str, text: str, file: Path = FILE) -> None:
    """Write `## name` with a text of Markdown, in place of the section of that name where there is one."""
    whole = file.read_text() if file.exists() else _TITLE
    head, *parts = ("\n" + whole).split("\n## ")
    sections = {part.partition("\n")[0]: part.partition("\n")[2].strip("\n") for part in parts}
    sections[name] = text.strip("\n")
    body = "".join(f"\n## {title}\n\n{content}\n" for title, content in sections.items())
    file.write_text(head.strip("\n") + "\n" + body)
