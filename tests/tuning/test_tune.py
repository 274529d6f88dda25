"""`reelmend tune` on real clips: rows in processes of their own, a preset that a run takes, and nothing measured twice."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from clips import scene, write_clip
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from reelmend.pipelines.job.load import load_sources
from reelmend.pipelines.tuning import tune as tuning
from reelmend.pipelines.tuning.candidates import CANDIDATES, Candidate, Situation
from reelmend.pipelines.tuning.tune import Limits, tune

SIZE = (96, 64)


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    """A job of one clip with a logo, and of one that is longer."""
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    mask[8:24, 60:84] = 255
    (tmp_path / "in").mkdir()
    for name, frames in (("short", 6), ("long", 12)):
        pictures = scene(frames, SIZE)
        pictures[:, mask > 0] = 255
        write_clip(tmp_path / "in" / f"{name}.mp4", frames=frames, pictures=pictures)
        cv2.imwrite(str(tmp_path / "in" / f"{name}_mask.png"), mask)
    file = tmp_path / "job.yaml"
    file.write_text("input: {videos: [in/*.mp4]}\nrun: {executor: inline}\nout: out\nmask: {dilation: 1}\n")
    return file


def type_in(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_rows_are_measured_on_the_shortest_clip_and_the_chosen_one_is_at_least_as_fast_when_it_is_measured_again(
    job_file: Path, tmp_path: Path
) -> None:
    table = (
        Candidate("process.max_side", lambda situation: (48, 32), falling=True),
        Candidate("mask.dilation", lambda situation: (0,)),
    )
    loaded, limits = load_sources(job_file), Limits(clips=1, frames=4, loss_db=50.0)
    outcome = tune(loaded, tmp_path / "t.rows.jsonl", limits, lambda what, row: None, table)
    assert [(clip.name, len(clip.frames)) for clip in outcome.found.clips] == [("short", 4)]
    assert outcome.not_varied == [("mask.dilation", f"set by the job ({job_file}), which wins over a preset")]
    assert [verdict.row.settings for verdict in outcome.verdicts] == [
        {"process.max_side": 48},
        {"process.max_side": 32},
    ]
    assert all(verdict.row.psnr_db != outcome.own.psnr_db for verdict in outcome.verdicts), "holes are restored smaller"
    if outcome.chosen.settings:
        own, chosen = outcome.fresh[-1]
        assert chosen.seconds_per_frame <= own.seconds_per_frame
        assert outcome.speedup >= 1

    again = tune(loaded, tmp_path / "t.rows.jsonl", limits, lambda what, row: None, table)
    assert again.measured == 0
    assert again.chosen == outcome.chosen
    other = tune(
        load_sources(job_file, overrides=["plan.shots=false"]),
        tmp_path / "t.rows.jsonl",
        limits,
        lambda what, row: None,
        (),
    )
    assert other.measured == 1, "other settings are another row"


def test_the_command_writes_a_preset_that_a_run_takes_and_that_says_what_it_was_made_for(
    job_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster = (Candidate("process.max_side", lambda situation: (32,)),)
    monkeypatch.setattr(tuning, "MEASURED_FASTER", True, raising=False)
    monkeypatch.setattr("reelmend.pipelines.tuning.tune.tune.__defaults__", (faster,))
    words = ["tune", job_file, "--loss", "90", "--clips", "1", "--clip-frames", "4", "--json"]
    result = type_in(*words)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    preset = yaml.safe_load((tmp_path / "tuned.yaml").read_text())
    assert preset["tuned"]["machine"] == told["machine"]
    assert preset["tuned"]["against"] == {"mask.dilation": 1}
    assert told["command"] == f"reelmend run {job_file} --preset {tmp_path / 'tuned.yaml'}"
    assert [row["settings"] for row in told["rows"]] == [{"process.max_side": 32}]
    assert json.loads(type_in(*words).stdout)["measured"] == 0


def test_a_run_says_when_a_tuned_preset_is_of_another_machine_or_job_or_has_no_effect(
    job_file: Path, tmp_path: Path
) -> None:
    from reelmend.pipelines.forecast.rates_of_run import processors_name
    from reelmend.pipelines.tuning.tuned_file import tuned_text

    job = load_sources(job_file).job
    made = tmp_path / "tuned.yaml"

    def plan(*words: str) -> str:
        return type_in("plan", "--no-probe", job_file, "--preset", made, *words).stderr

    made.write_text(tuned_text({"flow.max_side": 48}, {}, job, processors_name(), "command", "effect"))
    assert plan() == ""
    assert load_sources(job_file, str(made)).job.flow.max_side == 48
    assert "measured for other settings (plan.shots): run `reelmend tune`" in plan("plan.shots=false")
    assert "flow.max_side of it has no effect, because command line sets it" in plan("flow.max_side=64")
    made.write_text(tuned_text({}, {}, job, "64 x Other", "command", "effect"))
    assert "was measured on another machine (64 x Other; this is " in plan()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--budget", "soon"], "--budget: 'soon' is not a valid duration; use 30d, 12h, 45min or 90s"),
        (["--loss", "-1"], "--loss -1: not a valid loss; use 0.5dB, or 0 for none"),
        (["--vary", "mask.dilation"], "--vary mask.dilation: not a setting that is varied; there are run.workers, "),
        (["--to", "tuned.json"], "--to tuned.json: a preset is a .yaml file"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_measured(job_file: Path, words: list[str], line: str) -> None:
    result = type_in("tune", job_file, *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {line}")


def test_a_job_without_room_for_a_second_hole_says_why(job_file: Path, tmp_path: Path) -> None:
    for name in ("short", "long"):
        cv2.imwrite(str(tmp_path / "in" / f"{name}_mask.png"), np.full((SIZE[1], SIZE[0]), 255, np.uint8))
    result = type_in("tune", job_file)
    assert result.exit_code == 2
    assert "no clip to tune on: long: there is no room for a second hole" in result.stderr or (
        "no clip to tune on: short: there is no room for a second hole" in result.stderr
    )


def test_every_entry_of_the_table_is_a_setting_of_a_job() -> None:
    job = load_sources().job
    from reelmend.pipelines.job.load import leaf_values

    situation = Situation(job, (1920, 1080), cores=4, gpu=True, precisions=frozenset({"bf16", "fp16"}))
    for candidate in CANDIDATES:
        assert candidate.key in leaf_values(job)
        for value in candidate.values(situation):
            load_sources(flags={candidate.key: value})
