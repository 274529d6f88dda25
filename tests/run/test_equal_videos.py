"""Two videos of the same content: what one run found out is of use for the other, under its own name."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from tests.clips import moving_box, scene, write_clip, write_mask_video

SETTINGS = ["run.executor=inline", "plan.shots=false"]


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run over `a.mp4`, with sound, whose twin `b.mp4` takes its place afterwards."""
    monkeypatch.chdir(tmp_path)
    write_clip(Path("a.mp4"), pictures=scene(6))
    write_mask_video(Path("m.mkv"), moving_box(6), codec="ffv1")
    assert restore("a.mp4").exit_code == 0
    shutil.move("a.mp4", "b.mp4")


def restore(video: str, *words: str) -> Result:
    return CliRunner().invoke(app, ["run", "--videos", video, "--masks", "m.mkv", "--out", "out", *words, *SETTINGS])


@pytest.mark.usefixtures("first")
def test_the_sound_is_that_of_the_video_that_is_there() -> None:
    result = restore("b.mp4")
    assert result.exit_code == 0, result.output
    assert Path("out/b.mp4").read_bytes() == Path("out/a.mp4").read_bytes()


@pytest.mark.usefixtures("first")
def test_a_reason_names_the_video_that_it_is_about() -> None:
    result = restore("b.mp4", "frames=50:60")
    assert result.exit_code == 3
    assert "b.mp4: frames=50:60 starts after the end" in result.stdout
    assert "a.mp4" not in result.stdout
