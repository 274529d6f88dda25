"""A job in which nothing can be restored: one line that says what to do, exit status 2, before Ray or a ledger."""

import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from tests.clips import write_clip, write_mask_image


@pytest.fixture(autouse=True)
def a_folder_with_a_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "a.mp4", frames=3, audio=False)
    write_mask_image(tmp_path / "m.png", np.eye(64, 96, dtype=np.bool_))
    Path("notes.txt").write_text("no video")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["run", "--out", "out", *words])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--videos", "a.mp4", "--masks", "none.png"], "its mask none.png does not exist; pass --masks with one file"),
        (["--videos", "a.mp4"], "its mask a_mask.png does not exist"),
        (["--videos", "notes.txt", "--masks", "m.png"], "notes.txt: is not a video that can be read"),
        (["--videos", "a.mp4", "--masks", "a.mp4"], "every video is also a mask: a.mp4"),
        (
            ["--videos", "a.mp4", "--masks", "m.png", "outpaint.scale_w=1.5"],
            "outpaint.scale_w: is set, but mode is inpaint",
        ),
    ],
)
def test_it_is_refused_before_anything_starts(words: list[str], said: str) -> None:
    before = "reelmend.cluster.executor" in sys.modules
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr.replace(f"{Path.cwd()}/", "")
    assert result.stdout == ""
    assert not Path("out").exists()
    assert ("reelmend.cluster.executor" in sys.modules) == before, "Ray was not even imported"


def test_one_item_that_can_be_tried_is_enough_for_a_run() -> None:
    Path("b.mp4").write_text("no video")
    result = run("--videos", "a.mp4", "b.mp4", "--masks", "m.png", "run.executor=inline")
    assert result.exit_code == 3
    assert "1 restored, 1 quarantined" in result.stdout.replace(" (1 to review)", "")


def test_outputs_below_a_recursive_glob_are_no_inputs_of_the_next_run() -> None:
    words = ["--videos", "**/*", "--masks", "m.png", "run.executor=inline"]
    first, second = run(*words), run(*words)
    assert (first.exit_code, second.exit_code) == (0, 0), second.stderr
    assert "An earlier run finished every item" in second.stdout
    assert "out/a.mp4: an earlier run wrote it" in second.stderr
