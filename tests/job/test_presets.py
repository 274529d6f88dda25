"""Presets are laid one over the other, and what each of them changed can be seen."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import reelmend
from reelmend.pipelines.cli import app
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import dump_job, load_job, load_sources
from reelmend.pipelines.job.preset_effects import effect_line, effects_comment, preset_effects


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_two_presets_are_laid_one_over_the_other_and_the_later_one_wins() -> None:
    job = load_job(preset=["propainter", "fast"])
    assert job.engine == "propainter", "of the first, which the second says nothing about"
    assert (job.process.max_side, job.flow.max_side) == (960, 432), "of the second"
    assert load_job(preset=["fast", "propainter"]).process.max_side == 1280
    assert job.preset == ["propainter", "fast"]


def test_a_job_file_names_presets_and_those_of_the_command_line_lie_over_them(tmp_path: Path) -> None:
    file = write(tmp_path / "job.yaml", "preset: [propainter, cpu]\nstitch: {speed: slow}\n")
    job = load_job(file, "fast")
    assert (job.engine, job.process.max_side, job.plan.chunk_length) == ("propainter", 960, 80)
    assert job.stitch.speed == "slow", "the file itself wins over every preset"
    assert load_job(file, overrides=["preset=fast"]) == job
    assert load_job(write(tmp_path / "one.yaml", "preset: fast\n")).flow.max_side == 432


def test_a_preset_may_be_a_file_whose_path_starts_at_the_job_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = write(tmp_path / "jobs" / "mine.yaml", "flow: {max_side: 100}\npropainter: {raft: raft.pth}\n")
    file = write(tmp_path / "jobs" / "job.yaml", "preset: mine.yaml\n")
    assert load_job(file).flow.max_side == 100
    assert load_job(file).propainter.raft == str(tmp_path / "jobs" / "raft.pth"), "a path in it starts at its folder"
    monkeypatch.chdir(tmp_path)
    assert load_job(preset="jobs/mine.yaml").flow.max_side == 100
    assert reelmend.load_job(preset=["fast", mine.as_posix()]).flow.max_side == 100


@pytest.mark.parametrize(
    ("text", "presets", "line"),
    [
        ("preset: fats\n", [], "{job} fats: no such preset; did you mean fast?"),
        ("preset: 3\n", [], "preset: '3' is not a list of presets, as in [propainter, fast] ({job})"),
        ("", ["no.yaml"], "no.yaml: no such preset"),
        ("", ["{folder}/mine.yaml"], "{folder}/mine.yaml: a preset cannot name other presets"),
    ],
)
def test_a_preset_that_cannot_be_used_is_named(tmp_path: Path, text: str, presets: list[str], line: str) -> None:
    write(tmp_path / "mine.yaml", "preset: fast\n")
    file = write(tmp_path / "job.yaml", text)
    with pytest.raises(ConfigError) as caught:
        load_job(file, [preset.format(folder=tmp_path) for preset in presets])
    assert str(caught.value).startswith(line.format(job=file, folder=tmp_path))


def test_presets_of_different_engines_are_said_and_so_is_an_engine_that_the_job_sets_itself(tmp_path: Path) -> None:
    slow = write(tmp_path / "slow.yaml", "engine: propagation\n")
    assert load_sources(preset=["propainter", "fast"]).notes == []
    assert load_sources(preset=["propainter", str(slow)]).notes == [
        f"presets propainter and {slow} choose different engines, propainter and propagation: later presets win"
    ]
    assert load_sources(preset="propainter", overrides=["engine=propagation"]).notes == [
        "preset propainter chooses the engine propainter, but command line sets engine=propagation, which wins"
    ]


def test_the_saved_job_says_what_presets_changed_and_loads_without_them(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.yaml", "flow: {max_side: 100}\nstitch: {crf: 9}\n")
    job = load_job(preset=["fast", str(mine)], overrides=["stitch.speed=slow"])
    one, two = preset_effects(job)
    assert one.settings == {"process.max_side": 960}
    assert one.replaced == {"flow.max_side": str(mine), "stitch.crf": str(mine), "stitch.speed": "the job"}
    assert two.settings == {"flow.max_side": 100, "stitch.crf": 9}
    assert effect_line(two) == "flow.max_side=100 stitch.crf=9"

    saved = write(tmp_path / "config.yaml", effects_comment(job) + dump_job(job))
    assert f"#   {mine}: flow.max_side=100 stitch.crf=9\n" in saved.read_text()
    mine.unlink()
    again = load_job(saved)
    assert (again.flow.max_side, again.stitch.crf, again.process.max_side, again.preset) == (100, 9, 960, [])
    assert effects_comment(JobConfig()) == ""


def test_plan_shows_presets_and_says_when_they_disagree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "slow.yaml", "engine: propagation\n")
    write(tmp_path / "clips.jsonl", '{"video": "a.mp4", "mask": "m.png", "frames": 9, "width": 64, "height": 48}\n')
    words = ["--manifest", "clips.jsonl", "--preset", "propainter", "--preset", "slow.yaml"]
    result = CliRunner().invoke(app, ["plan", "--no-probe", *words])
    assert result.exit_code == 0
    assert (
        "propainter: process.max_side=1280 process.out_of_memory=smaller; engine as slow.yaml sets it" in result.stdout
    )
    assert "choose different engines, propainter and propagation" in result.stderr
