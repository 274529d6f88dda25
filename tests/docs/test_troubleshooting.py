"""The messages that the troubleshooting page explains are those that the code says."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTINUED = re.compile(r'"\s*\n\s*f?"')
"""Where a literal goes on in the next line."""


def messages() -> list[str]:
    rows = (ROOT / "docs" / "troubleshooting.md").read_text().splitlines()
    return [row.split("|")[1].strip() for row in rows if row.startswith("| ")][1:]


def test_every_message_of_the_page_is_in_the_code() -> None:
    sources = [
        path.read_text() for folder in ("core_model", "pipelines", "cluster") for path in (ROOT / folder).rglob("*.py")
    ]
    code = CONTINUED.sub("", "\n".join(sources))
    fragments = [(said, part.strip(" :;,")) for said in messages() for part in re.split(r"\.\.\.|WxH", said)]
    missing = [f"{said}: {part!r}" for said, part in fragments if part and part not in code]
    assert len(fragments) > 20
    assert not missing
