"""A damaged file among the run's own keeps nobody out: the same command mends it and says so, and looking works."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger.head import read_head, write_head
from tests.clips import moving_box, write_clip, write_mask_image

LEDGER = Path("out/_reelmend/ledger")


def type_in(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def run(*words: str) -> Result:
    return type_in("run", "--videos", "in/*.mp4", "--masks", "mask.png", "--out", "out", "run.executor=inline", *words)


def one(pattern: str) -> Path:
    return next(Path("out/_reelmend").glob(pattern))


@pytest.fixture
def killed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two items restored, by a run that was killed before its events came into the parts."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name in ("a", "b"):
        write_clip(Path(f"in/{name}.mp4"), frames=3)
    write_mask_image(Path("mask.png"), moving_box(frames=1)[0])
    assert run().exit_code == 0
    head = read_head(LEDGER, Files())
    assert head is not None
    write_head(LEDGER, replace(head, events=0, ended_at=0.0), Files())


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.mark.usefixtures("killed_run")
def test_whatever_is_damaged_the_same_command_goes_on_and_nothing_is_computed_again() -> None:
    outputs = [Path(f"out/{name}.mp4") for name in ("a", "b")]
    before = [path.stat().st_mtime_ns for path in outputs]
    for pattern in ("ledger/events/*/000000.jsonl", "ledger/head.json", "ledger/parts/*"):
        flip_a_bit(one(pattern))
        result = run()
        assert (result.exit_code, result.exception) == (0, None), (pattern, result.stderr)
        assert "An earlier run finished every item" in result.stdout
        shown = type_in("status", "out", "--json")
        assert (shown.exit_code, json.loads(shown.stdout)["states"]) == (0, {"restored": 2}), pattern
    assert [path.stat().st_mtime_ns for path in outputs] == before


@pytest.mark.usefixtures("killed_run")
def test_looking_at_a_folder_with_damaged_files_says_so_and_shows_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    flip_a_bit(one("plan.json"))
    flip_a_bit(one("ledger/events/*/000000.jsonl"))
    shown = type_in("status", "out", "--json")
    assert (shown.exit_code, json.loads(shown.stdout)["ended"]) == (0, False)
    assert "plan.json is damaged" in caplog.text
    assert "segment 0 of the events in" in caplog.text
    assert run().exit_code == 0
    flip_a_bit(one("run.json"))
    shown = type_in("status", "out", "--json")
    assert (shown.exit_code, json.loads(shown.stdout)["ended"]) == (0, True), "the ledger says that it has ended"
    assert "run.json is damaged" in caplog.text
