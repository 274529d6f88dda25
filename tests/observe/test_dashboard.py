"""Does the dashboard ask for what is there, all of it, and is it what its maker writes?"""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from reelmend.pipelines.observe.metrics import METRICS, Kind

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "reelmend.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
NAMES = {metric.name: metric for metric in METRICS}


def variable(name: str) -> dict[str, Any]:
    variables: list[dict[str, Any]] = DASHBOARD["templating"]["list"]
    (found,) = [each for each in variables if each["name"] == name]
    return found


def asked(query: str) -> list[str]:
    return re.findall(r"\breelmend_\w+", query.replace("${metrics}", "reelmend"))


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_names_metrics_that_the_code_exports(query: str) -> None:
    assert asked(query)
    assert set(asked(query)) <= NAMES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_is_on_the_dashboard(name: str) -> None:
    assert any(name in asked(query) for query in QUERIES)


@pytest.mark.parametrize("query", QUERIES)
def test_queries_group_and_filter_by_labels_that_their_metrics_have(query: str) -> None:
    grouped = {label.strip() for found in re.findall(r"by \(([^)]*)\)", query) for label in found.split(",")}
    for name, selector in re.findall(r"\$\{metrics\}(\w+)\{([^}]*)\}", query):
        filtered = set(re.findall(r"(\w+)=", selector)) - {"job"}  # a scraper adds that one
        assert grouped | filtered <= set(NAMES[f"reelmend{name}"].labels)


@pytest.mark.parametrize("query", QUERIES)
def test_only_counters_have_a_rate(query: str) -> None:
    for name in re.findall(r"rate\(\$\{metrics\}(\w+)\{", query):
        assert NAMES[f"reelmend{name}"].kind is Kind.COUNTER


def test_the_metrics_variable_offers_both_exporters() -> None:
    assert [option["value"] for option in variable("metrics")["options"]] == ["reelmend", "ray_reelmend"]
    assert variable("metrics")["query"] == "a run's own port : reelmend,Ray : ray_reelmend"
    assert variable("job")["query"]["query"].replace("${metrics}", "reelmend") == (
        "label_values(reelmend_items_open, job)"
    )


def test_panels_do_not_cover_each_other() -> None:
    cells = [
        (column, row)
        for panel in DASHBOARD["panels"]
        for x, y, width, height in [panel["gridPos"].values()]
        for column in range(x, x + width)
        for row in range(y, y + height)
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) < 24
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_the_dashboard_opens_with_single_figures_whose_colours_change_at_thresholds() -> None:
    figures = [panel for panel in DASHBOARD["panels"] if panel["type"] == "stat"]
    assert [panel["title"] for panel in figures[:4]] == ["Done", "Left", "Frames a second", "Failed"]
    assert {panel["gridPos"]["y"] for panel in figures} == {0}
    assert all(len(panel["targets"]) == 1 for panel in figures), "a figure is one number"
    steps = {panel["title"]: panel["fieldConfig"]["defaults"]["thresholds"]["steps"] for panel in figures}
    assert steps["Failed"] == [{"color": "green", "value": None}, {"color": "red", "value": 1}]
    assert [step["color"] for step in steps["Frames a second"]] == ["red", "green"]
    for panel in figures:
        values = [step["value"] for step in steps[panel["title"]]]
        assert values[0] is None, "Grafana takes the first step from minus infinity"
        assert values[1:] == sorted(values[1:])


def test_the_file_is_what_its_maker_writes() -> None:
    maker = runpy.run_path(str(ROOT / "deploy" / "grafana" / "make_dashboard.py"))
    assert maker["FILE"].read_text() == maker["text"](), "run: python deploy/grafana/make_dashboard.py"
