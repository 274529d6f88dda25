"""What a stranger meets first agrees with itself: CI, templates, versions, hooks, glossary."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return document


def test_public_ci_runs_what_a_developer_runs_on_every_python_that_the_package_names() -> None:
    job = read(".github/workflows/ci.yml")["jobs"]["check"]
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert job["strategy"]["matrix"]["python"] == named
    assert PROJECT["requires-python"] == f">={named[0]}"
    assert {"run": ".ci/run"} in job["steps"]


def test_a_bug_report_asks_for_what_the_doctor_says() -> None:
    fields = {one["id"]: one for one in read(".github/ISSUE_TEMPLATE/bug.yml")["body"] if "id" in one}
    assert "`reelmend doctor`" in fields["doctor"]["attributes"]["label"]
    assert fields["doctor"]["validations"]["required"]


def test_version_and_licence_are_the_same_everywhere() -> None:
    citation = read("CITATION.cff")
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_hooks_before_a_commit_call_tools_of_the_environment_and_files_that_exist() -> None:
    (local,) = read(".pre-commit-config.yaml")["repos"]
    words = [word for hook in local["hooks"] for word in hook["entry"].split()]
    assert {"check", "format"} <= {*words}
    assert all((ROOT / word).exists() for word in words if word.startswith("tests/"))


def test_the_glossary_is_in_order_and_explains_no_word_twice() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\*", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    assert words == sorted({*words})
    assert {"item", "shot", "block", "region", "chunk", "halo", "part", "receipt", "lease", "preset"} <= {*words}


def test_every_page_is_in_the_navigation() -> None:
    nav = yaml.dump(read("mkdocs.yml")["nav"])
    pages = [str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if page not in nav] == []


def test_every_module_opens_with_what_it_holds_not_with_a_question() -> None:
    modules = [path for layer in ("core_model", "pipelines", "cluster") for path in (ROOT / layer).rglob("*.py")]
    first = {path: (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0] for path in modules}
    assert [str(path.relative_to(ROOT)) for path, line in first.items() if "?" in line] == []
