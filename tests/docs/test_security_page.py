"""Every answer to a threat in SECURITY.md names a test, and the test is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [row for row in (ROOT / "SECURITY.md").read_text().splitlines() if row.startswith("| ")][1:]


def names_in(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_threat_has_a_test_that_exists() -> None:
    assert len(ROWS) > 10
    for row in ROWS:
        named = re.findall(r"`(tests/\S+\.py)::(\w+)`", row.split("|")[3])
        assert named, row
        missing = [f"{path}::{name}" for path, name in named if name not in names_in(ROOT / path)]
        assert not missing


def test_the_page_and_the_list_lead_to_each_other() -> None:
    assert "(docs/security.md)" in (ROOT / "SECURITY.md").read_text()
    assert "`SECURITY.md`" in (ROOT / "docs" / "security.md").read_text()
