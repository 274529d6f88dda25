"""Options that people type by habit are understood, or answered with what to type."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from reelmend.pipelines.cli.near_misses import ALIASES
from tests.clips import moving_box, write_clip, write_mask_image


def type_in(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(autouse=True)
def an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("alias", ALIASES)
def test_a_spelling_by_habit_is_understood(alias: str) -> None:
    words = {"--videos": "in/*.mp4", "--masks": "m.png", "--out": "out"}
    typed = [word for name, value in words.items() for word in (alias if ALIASES[alias] == name else name, value)]
    result = type_in("plan", *typed)
    assert result.stderr == "error: no video matches 'in/*.mp4' (container files and folders of images)\n"


def test_a_spelling_with_an_equals_sign_is_understood() -> None:
    assert "no video matches 'a.mp4'" in type_in("plan", "--video=a.mp4").stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--crf", "20"], "settings are written without dashes: stitch.crf=20"),
        (["--stitch.crf=20"], "stitch.crf=20"),
        (["--codec", "--json"], "stitch.codec=VALUE"),
        (["--chunk-length", "9"], "plan.chunk_length=9"),
        (["--max-side", "640"], "process.max_side=640 or flow.max_side=640"),
        (["--vidoes", "a.mp4"], "--videos"),
    ],
)
def test_a_setting_typed_as_an_option_is_answered_with_its_spelling(words: list[str], said: str) -> None:
    result = type_in("plan", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_first_and_frames_are_one_or_the_other() -> None:
    result = type_in("plan", "--first", "3s", "--frames", "0:250")
    assert result.stderr == "error: --frames and --first cannot be combined; use --frames 0:250\n"


def test_one_video_is_written_to_the_file_that_was_named() -> None:
    write_clip(Path("a.mp4"), 4, audio=False)
    write_mask_image(Path("m.png"), moving_box(1)[0])
    words = ["run", "--videos", "a.mp4", "--masks", "m.png", "-o", "new/x.mp4", "run.executor=inline"]
    result = type_in(*words)
    assert result.exit_code == 0, result.stderr
    assert f"output  {Path('new/x.mp4').absolute()}\n" in result.stdout
    assert sorted(path.name for path in Path("new").iterdir()) == ["_reelmend", "x.mp4"]
    written = Path("new/x.mp4").stat().st_mtime_ns
    again = type_in(*words, "--json")
    assert f'"{Path("new/x.mp4").absolute()}"' in again.stdout
    assert Path("new/x.mp4").stat().st_mtime_ns == written
    assert type_in("status", "new/x.mp4").exit_code == 0


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("x.mkv", "stitch.codec=h264 writes x.mp4; use that name, or set stitch.codec=ffv1"),
        ("x.avi", "stitch.codec=h264 writes x.mp4; use that name, or choose a stitch.codec that suits"),
        ("x.mp4", "--out x.mp4 is one file, but the job has more than one video; pass a folder"),
        ("a.mp4", "--out a.mp4 is an input of this job; choose another name"),
    ],
)
def test_a_file_that_cannot_be_the_output_is_refused(out: str, said: str) -> None:
    for name in "ab" if out == "x.mp4" else "a":
        Path(f"{name}.mp4").touch()
    Path("m.png").touch()
    result = type_in("run", "--videos", "[ab].mp4", "--masks", "m.png", "--out", out)
    assert (result.exit_code, result.stderr.strip().endswith(said)) == (2, True), result.stderr


def test_a_folder_that_is_called_like_a_video_is_a_folder() -> None:
    Path("x.mp4").mkdir()
    Path("a.mp4").touch()
    Path("m.png").touch()
    result = type_in("run", "--videos", "a.mp4", "--masks", "m.png", "--out", "x.mp4", "run.executor=inline")
    assert result.exit_code == 3  # a.mp4 is empty, and quarantined
    assert Path("x.mp4/_reelmend/report.html").exists()
