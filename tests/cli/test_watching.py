"""What does somebody see who looks at a run from another process, while it goes on and after it was killed?"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.storage.ledger import ItemState, read_ledger
from reelmend.pipelines.storage.run_layout import LEDGER
from tests.clips import moving_box, scene, write_clip, write_mask_image

PATIENCE_S = 120
CLIPS, FRAMES = 6, 12
"""Enough that the run goes on when its first item has reached the ledger, which takes a second."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some clips, each of which has to be computed, and a mask."""
    folder = tmp_path_factory.mktemp("clips")
    for index in range(CLIPS):
        write_clip(folder / f"{index}.mp4", pictures=scene(FRAMES, seed=index), audio=False)
    write_mask_image(folder / "mask.png", moving_box(frames=1)[0])
    return folder


@pytest.fixture
def words(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A run over the clips, as it is typed."""
    monkeypatch.chdir(tmp_path)
    what = ["--videos", f"{clips}/*.mp4", "--masks", f"{clips}/mask.png", "--out", "out"]
    return ["run", *what, "run.executor=inline", "plan.shots=false"]


@pytest.fixture
def run(words: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """The run, held where its first item is done and in the ledger."""
    command = [sys.executable, "-m", "reelmend.pipelines.cli", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True) as process:
        deadline = time.monotonic() + PATIENCE_S
        while not (Path("out/_reelmend") / LEDGER / "head.json").exists() or not _has_restored(process):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield process
        process.kill()


def _has_restored(process: "subprocess.Popen[str]") -> bool:
    """Hold the run while it is looked at, and from the time on when it has an item done."""
    process.send_signal(signal.SIGSTOP)
    done = any(row.state is ItemState.RESTORED for row in read_ledger(Path("out/_reelmend") / LEDGER))
    if not done:
        process.send_signal(signal.SIGCONT)
    return done


def status(*words: str) -> Any:
    result = CliRunner().invoke(app, ["status", "out", "--json", *words])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout) if "--watch" not in words else [*map(json.loads, result.stdout.splitlines())]


def shown() -> str:
    return CliRunner().invoke(app, ["status", "out"]).stdout


def test_a_run_that_goes_on_is_watched_until_it_has_ended(run: "subprocess.Popen[str]") -> None:
    first = status()
    assert (first["life"], first["ended"], first["items"]) == ("running", False, CLIPS)
    assert first["heartbeat_age_s"] < 60
    assert f"process {run.pid} on" in first["holder"]
    assert first["frames_per_second_now"] > 0
    assert first["seconds_left"] > 0
    assert first["predicted"]["frames"] == FRAMES * CLIPS
    run.send_signal(signal.SIGCONT)
    last = status("--watch", "--every", "0.5")[-1]
    assert (last["life"], last["ended"], last["states"]) == ("ended", True, {"restored": CLIPS})
    assert last["seconds_left"] is None
    assert last["slowest"]
    assert run.wait(PATIENCE_S) == 0


def test_a_killed_run_shows_how_far_it_came_and_the_same_command_ends_it(
    run: "subprocess.Popen[str]", words: list[str]
) -> None:
    assert " is running (last heartbeat " in shown()
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert " was stopped or killed (last heartbeat " in shown()
    assert "predicted and actual" in shown()
    document = status()
    assert (document["life"], document["ended"]) == ("stopped", False)
    assert sum(document["states"].values()) == CLIPS
    restored = document["states"]["restored"]
    again = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(again.stdout)["finished_earlier"] >= restored
    assert status()["life"] == "ended"
