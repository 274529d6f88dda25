"""What does a person see who types something wrong? One line on stderr, exit status 2, no traceback, no work done."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app


def type_in(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(autouse=True)
def an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REELMEND_DEBUG", raising=False)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["stitch.codc=h264"], "stitch.codc: no such setting (command line); did you mean stitch.codec?"),
        (["no.yaml"], "no.yaml: no such job file"),
        (["--preset", "fats"], "--preset fats: no such preset; did you mean fast?"),
        (
            ["a.mp4"],
            "a.mp4: not a job file (.yaml) or a KEY=VALUE setting; for a video use --videos a.mp4 --masks MASK",
        ),
        (["a.yaml", "b.yaml"], "expected one job file, got a.yaml and b.yaml"),
        ([], "no input: give --videos 'in/*.mp4' --masks PATTERN, or --manifest FILE, or a job file"),
        (["--videos", "in/*.mp4"], "no video matches 'in/*.mp4' (container files and folders of images)"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_mistake_is_one_line_and_nothing_is_written(
    command: str, words: list[str], line: str, tmp_path: Path
) -> None:
    result = type_in(command, *words)
    assert (result.exit_code, result.stderr, result.stdout) == (2, f"error: {line}\n", "")
    assert list(tmp_path.iterdir()) == []


LONG = "n" * 300


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--videos", f"{LONG}.mp4", "--masks", "m.png"], f"no video matches '{LONG}.mp4'"),
        (["run", LONG], f"{LONG}: not a job file (.yaml) or a KEY=VALUE setting"),
        (["run", "--videos", "s3://b/a.mp4", f"s3.ca_bundle={LONG}"], f"{LONG}: no such file"),
        (["status", LONG], f"{LONG}: not a job file"),
        (["cache", "stat", LONG], f"{LONG}: not a job file"),
        (["demo", "--out", LONG], f"--out {LONG}: File name too long"),
    ],
    ids=["video", "word", "ca_bundle", "status", "cache", "demo"],
)
def test_a_name_that_is_too_long_is_nothing_that_is_there(words: list[str], said: str, tmp_path: Path) -> None:
    result = type_in(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    Path("job.yaml").write_text("stich: {codec: h264}\nstitch: {crf: 99}\n")
    result = type_in("run", "job.yaml", "run.workers=two")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "error: stich.codec: no such setting (job.yaml); did you mean stitch.codec?",
        "error: run.workers: 'two' is not a whole number (command line)",
        "error: stitch.crf: 99 is outside 0..51 (job.yaml)",
    ]


def test_debug_shows_where_an_error_came_from() -> None:
    result = type_in("run", "no.yaml", "--debug")
    assert result.exit_code == 2
    assert result.stderr.startswith("Traceback")
    assert "ConfigError: no.yaml: no such job file" in result.stderr


@pytest.mark.parametrize("command", ["status", "report"])
def test_a_folder_without_a_run_is_named(command: str) -> None:
    result = type_in(command, "--out", "nowhere")
    assert result.exit_code == 2
    assert "nowhere/_reelmend/ledger" in result.stderr
    assert "no run has written there yet" in result.stderr


def test_a_demo_does_not_touch_a_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    result = type_in("demo", "--out", ".")
    assert result.exit_code == 2
    assert result.stderr == "error: --out .: not empty, and not an earlier demo; use another folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("command", ["demo", "plan", "run", "status", "report", "doctor"])
def test_each_command_explains_itself_with_an_example(command: str) -> None:
    result = type_in(command, "--help")
    assert result.exit_code == 0
    assert f"Example: reelmend {command}" in " ".join(result.stdout.split())
