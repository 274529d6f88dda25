"""Does a run say which share of its workers' time it spent in the model?"""

import json
from pathlib import Path

from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from tests.jobs import add_item, finish, lossless_job


def test_a_run_says_how_good_it_is_and_a_finished_one_does_not(tmp_path: Path) -> None:
    add_item(tmp_path, frames=8)
    job = lossless_job(tmp_path)
    summary, rows = finish(job)
    in_stages = summary.seconds_by_stage["flow"] + summary.seconds_by_stage["inpaint"]
    assert 0 < summary.model_seconds == rows["clip"].model_seconds < in_stages
    assert (summary.workers, 0 < summary.efficiency < 1) == (1, True)
    again, _ = finish(job)
    assert (again.efficiency, again.model_seconds) == (0, 0)


def test_the_figure_is_on_the_screen_in_the_json_and_in_the_report(tmp_path: Path) -> None:
    add_item(tmp_path, frames=4)
    words = ["run", "--videos", str(tmp_path / "in/clip.mp4"), "--out", str(tmp_path / "out"), "run.executor=inline"]
    shown = CliRunner().invoke(app, words)
    assert "of the ideal " in shown.stdout, shown.output
    assert "of the ideal " in (tmp_path / "out/_reelmend/report.html").read_text()
    assert 0 < json.loads((tmp_path / "out/_reelmend/run.json").read_text())["efficiency"] < 1
