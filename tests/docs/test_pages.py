"""Pages that are made from declarations are fresh, and links between pages lead somewhere."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md"), *(ROOT / "benchmarks").glob("*.md")])


def test_the_job_file_page_is_what_the_config_classes_say() -> None:
    maker = runpy.run_path(str(ROOT / "docs" / "make_job_file.py"))
    assert maker["PAGE"].read_text() == maker["page"](), "run: python docs/make_job_file.py"
    assert maker["SCHEMA"].read_text() == maker["schema"](), "run: python docs/make_job_file.py"


def test_the_command_page_is_what_the_declarations_say() -> None:
    maker = runpy.run_path(str(ROOT / "docs" / "make_cli.py"))
    assert maker["PAGE"].read_text() == maker["page"](), "run: python docs/make_cli.py"


def test_the_metrics_page_is_what_the_declarations_say() -> None:
    maker = runpy.run_path(str(ROOT / "docs" / "make_metrics.py"))
    assert maker["PAGE"].read_text() == maker["page"](), "run: python docs/make_metrics.py"


def test_the_pictures_of_the_concepts_are_what_the_planner_says() -> None:
    maker = runpy.run_path(str(ROOT / "docs" / "make_pictures.py"))
    drawn = {name: draw().svg() for name, draw in maker["PICTURES"].items()}
    fresh = {name: (maker["FOLDER"] / name).read_text() for name in drawn}
    assert drawn == fresh, "run: python docs/make_pictures.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_and_pictures_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_has_two_headings_of_one_name(page: Path) -> None:
    """They would have one anchor."""
    headings = re.findall(
        r"^#+ .*", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    assert sorted(headings) == sorted(set(headings))


def test_the_sources_that_the_architecture_names_are_there() -> None:
    sources = [
        f"/{path.relative_to(ROOT)}"
        for layer in ("core_model", "pipelines", "cluster", "tests")
        for path in (ROOT / layer).rglob("*.py")
    ]
    named = re.findall(r"`([\w/]+\.py)`", (ROOT / "docs/architecture.md").read_text())
    assert len(named) > 20
    assert not [name for name in named if not any(source.endswith(f"/{name}") for source in sources)]
