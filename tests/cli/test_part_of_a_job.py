"""A run that is told to leave items out: real clips, in this process."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from reelmend.pipelines.storage.ledger import read_ledger
from tests.clips import moving_box, write_clip, write_mask_image

LEDGER = Path("out/_reelmend/ledger")


def type_in(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def run(*words: str) -> Result:
    what = ["--videos", "in/*.mp4", "--masks", "mask.png", "--out", "out"]
    return type_in("run", *what, "run.executor=inline", "plan.shots=false", *words)


def states() -> dict[str, str]:
    return {row.id: str(row.state) for row in read_ledger(LEDGER)}


@pytest.fixture(autouse=True)
def a_run_that_left_one_item_quarantined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    write_clip(Path("in/a.mp4"), frames=4)
    write_mask_image(Path("mask.png"), moving_box(frames=1)[0])
    Path("in/bad.mp4").write_text("no video")
    assert run().exit_code == 3


def test_only_new_leaves_everything_else_as_it_is() -> None:
    write_clip(Path("in/new.mp4"), frames=4)
    result = run("--only-new")
    assert result.exit_code == 0, "what this run took up is restored"
    assert "items     1: 1 restored" in result.stdout
    assert "skipped: 2 not new" in result.stdout
    assert states() == {"new": "restored", "a": "restored", "bad": "quarantined"}
    nothing = run("--only-new")
    assert nothing.exit_code == 0
    assert "skipped: 3 not new\nNo items are left to process." in nothing.stdout
    assert states() == {"a": "restored", "bad": "quarantined", "new": "restored"}


def test_a_mended_item_is_retried_alone_and_its_reason_is_gone() -> None:
    write_clip(Path("in/bad.mp4"), frames=4)
    document = json.loads(run("--retry-quarantined", "--json").stdout)
    assert (document["states"], document["left_out"]) == ({"restored": 1}, {"not quarantined": 1})
    rows = {row.id: row for row in read_ledger(LEDGER)}
    assert (rows["bad"].reason, rows["bad"].kind, rows["a"].state) == ("", "", "restored")
    assert "No items are left to process." in run("--retry-quarantined").stdout


def test_what_is_still_bad_is_quarantined_again_and_a_plain_run_tries_it_too() -> None:
    assert run("--retry-quarantined").exit_code == 3
    assert states() == {"bad": "quarantined", "a": "restored"}
    result = run()
    assert result.exit_code == 3
    assert "2: 1 restored (1 to review), 1 quarantined (1 by an earlier run)" in result.stdout


def test_status_and_report_show_what_earlier_runs_did_as_well() -> None:
    write_clip(Path("in/new.mp4"), frames=4)
    run("--since", "1h", "--only-new")
    shown = type_in("status", "out").stdout
    assert "items     1: 1 restored" in shown
    assert "skipped: 2 not new" in shown
    assert "items of earlier runs, not in this one: 1 restored, 1 quarantined" in shown
    assert all(name in Path("out/_reelmend/report.html").read_text() for name in ("new", "bad"))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--only-new", "--retry-quarantined"],
            "--only-new and --retry-quarantined cannot be combined; use one of them",
        ),
        (
            ["--since", "tuesday"],
            "--since tuesday: not a valid date or age; use 2026-11-20, 2026-11-20T18:00, 90m, 36h, 7d or 2w",
        ),
    ],
)
def test_flags_that_make_no_sense_are_refused_in_one_line_before_any_work(words: list[str], line: str) -> None:
    before = states()
    result = run(*words)
    assert (result.exit_code, result.stderr, result.stdout) == (2, f"error: {line}\n", "")
    assert states() == before
