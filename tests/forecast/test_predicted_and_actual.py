"""A run gives its rates back, a plan with them says what it took, and the next run sets both side by side."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.config import CostConfig, JobConfig
from reelmend.pipelines.forecast.forecast import forecast
from reelmend.pipelines.forecast.rates import rates_for
from reelmend.pipelines.job.manifest import walk
from reelmend.pipelines.observe.comparison import compare
from reelmend.pipelines.observe.summary import RunSummary
from tests.jobs import add_item, finish, lossless_job


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunSummary, JobConfig, Path]:
    """A finished run of two clips of different lengths, and a file of its rates, written by the command."""
    folder = tmp_path_factory.mktemp("first")
    add_item(folder, "a", frames=10)
    add_item(folder, "b", frames=16)
    job = lossless_job(folder)
    summary, _ = finish(job)
    rates = folder / "rates.yaml"
    said = CliRunner().invoke(app, ["bench", "rates", "--from-run", job.out, "--rates", str(rates), "--json"])
    assert said.exit_code == 0, said.stderr
    assert sum(rate["frames"] for rate in json.loads(said.stdout)["rates"]) == 26
    return summary, job, rates


@pytest.fixture
def run(first: tuple[RunSummary, JobConfig, Path], tmp_path: Path) -> tuple[RunSummary, JobConfig]:
    """The run, and a job like its own that writes elsewhere and knows its rates."""
    summary, job, rates = first
    cost = CostConfig(rates=str(rates), price_per_cpu_hour=36.0, currency="EUR", pools=[2])
    return summary, replace(job, out=str(tmp_path / "again"), cost=cost)


def test_a_plan_with_a_runs_rates_says_what_that_run_took(run: tuple[RunSummary, JobConfig]) -> None:
    summary, job = run
    totals, _ = forecast(walk(job), job, rates_for(job), looks=10)
    taken = {stage: done["cpu_seconds"] for stage, done in summary.work.items()}
    assert totals.cpu_seconds == pytest.approx(taken, rel=0.25)  # of two clips that were measured one by one
    assert sum(totals.cpu_seconds.values()) == pytest.approx(sum(taken.values()), rel=0.1)
    assert totals.flow_bytes == pytest.approx(summary.work["flow"]["bytes"], rel=0.01)
    assert totals.output_bytes == pytest.approx(summary.work["stitch"]["bytes"], rel=0.01)
    assert totals.price == pytest.approx(sum(totals.cpu_seconds.values()) / 100)


def test_a_run_sets_predicted_beside_actual_in_summary_and_report(run: tuple[RunSummary, JobConfig]) -> None:
    _, job = run
    summary, _ = finish(job)
    rows = {row.name: row for row in compare(summary)}
    assert (rows["frames"].predicted, rows["frames"].actual, rows["frames"].share) == ("26", "26", 1.0)
    assert rows["outputs, bytes"].share == pytest.approx(1, abs=0.01)
    assert rows["price, EUR"].share == pytest.approx(rows["core-hours"].share)
    page = Path(job.out, "_reelmend", "report.html").read_text()
    assert "Predicted and actual" in page
    assert "price, EUR" in page
    assert json.loads(Path(job.out, "_reelmend", "plan.json").read_text())["frames"] == 26


def test_a_run_that_goes_on_is_measured_by_what_was_left_for_it(
    run: tuple[RunSummary, JobConfig], tmp_path: Path
) -> None:
    for name in ("a", "b"):
        add_item(tmp_path, name, frames=3)
    job = replace(run[1], input=lossless_job(tmp_path).input)
    finish(job)
    add_item(tmp_path, "c", frames=5)
    summary, _ = finish(job)
    assert (summary.predicted["items"], summary.predicted["frames"], summary.frames) == (1, 5, 5)


def test_a_run_that_did_nothing_shows_no_rates(first: tuple[RunSummary, JobConfig, Path]) -> None:
    _, job, _ = first
    finish(job)
    said = CliRunner().invoke(app, ["bench", "rates", "--from-run", job.out])
    assert said.exit_code == 2
    assert "cannot measure rates" in said.stderr


def test_the_command_measures_clips_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["bench", "rates", "--sizes", "64x48", "--frames", "4"])
    assert said.exit_code == 0, said.stderr
    assert "2 rates written to rates.yaml" in said.stdout
    words = ["plan", "--manifest", "m.jsonl", "--no-probe", "cost.price_per_cpu_hour=1", "cost.pools=[4]"]
    figures = {"frames": 100, "width": 64, "height": 48}
    Path("m.jsonl").write_text(json.dumps({"video": "a.mp4", "mask": "m.png", **figures}))
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.stderr
    assert " USD" in shown.stdout
    assert " on 4 cores" in shown.stdout
