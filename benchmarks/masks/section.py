"""Sections of benchmarks/masks.md, each written by one benchmark."""

from pathlib import Path

PAGE = Path(__file__).parents[1] / "masks.md"
HEAD = "# Masks: what each source finds\n"


def write_section(title: str, text: str) -> None:
    """Put a section in the place of the one with this title, or at the end."""
    page = PAGE.read_text() if PAGE.exists() else HEAD
    head, *sections = page.split("\n## ")
    kept = {section.split("\n", 1)[0]: section.split("\n", 1)[1].strip() for section in sections}
    kept[title] = text.strip()
    PAGE.write_text("\n\n## ".join([head.strip(), *(f"{name}\n\n{body}" for name, body in kept.items())]) + "\n")
