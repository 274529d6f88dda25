"""`reelmend tune` on real clips: rows in processes of their own, a preset that a run takes, and nothing measured twice."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from reelmend.pipelines.cli import app
from reelmend.pipelines.config import FlowConfig, JobConfig
from reelmend.pipelines.forecast.rates_of_run import processors_name
from reelmend.pipelines.job.load import leaf_values, load_sources
from reelmend.pipelines.tuning import measure
from reelmend.pipelines.tuning.candidates import CANDIDATES, Situation
from reelmend.pipelines.tuning.clips import FoundClips
from reelmend.pipelines.tuning.measure import Row
from reelmend.pipelines.tuning.records import Records
from reelmend.pipelines.tuning.tune import Limits, Outcome, Session
from reelmend.pipelines.tuning.tuned_file import tuned_notes, tuned_text
from tests.clips import write_clip

SIZE = (160, 64)


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    """A job of a clip with a logo before a fast pan, and of one that is longer: what it hides is seen beside it."""
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    mask[8:24, 120:144] = 255
    (tmp_path / "in").mkdir()
    noise = np.random.default_rng(0).normal(128, 300, (SIZE[1], 2 * SIZE[0], 3))
    world = cv2.GaussianBlur(noise, (0, 0), 1.5).clip(0, 255).astype(np.uint8)
    for name, frames in (("short", 4), ("long", 8)):
        pictures = np.stack([world[:, 8 * index : 8 * index + SIZE[0]] for index in range(frames)])
        pictures[:, mask > 0] = 255
        write_clip(tmp_path / "in" / f"{name}.mp4", frames=frames, pictures=pictures)
        cv2.imwrite(str(tmp_path / "in" / f"{name}_mask.png"), mask)
    file = tmp_path / "job.yaml"
    file.write_text("input: {videos: [in/*.mp4]}\nrun: {executor: inline}\nout: out\nmask: {dilation: 1}\n")
    return file


def type_in(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_rows_are_measured_on_the_shortest_clip_and_become_a_preset_and_nothing_is_measured_twice(
    job_file: Path, tmp_path: Path
) -> None:
    words = ["tune", job_file, "--vary", "process.max_side", "--loss", "0dB", "--clips", "1", "--json"]
    result = type_in(*words)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["clips"] == [{"item": "short", "frames": 4, "hole": 1.0}]
    assert told["measured"] == 2
    [smaller] = told["rows"]
    assert smaller["settings"] == {"process.max_side": 128}, "0.75 of 160, in steps of 16"
    assert smaller["loss_db"] > 0, "a hole that is restored smaller is coarser"
    assert smaller["why"] == f"loses {smaller['loss_db']:.2f} dB, more than 0"
    assert told["own"]["seconds_per_frame"] > 0
    assert 10 < told["own"]["psnr_db"][0] < 60
    preset = yaml.safe_load((tmp_path / "tuned.yaml").read_text())
    assert list(preset) == ["tuned"], "nothing was faster without a loss"
    assert preset["tuned"]["machine"] == told["machine"]
    assert preset["tuned"]["against"] == {"mask.dilation": 1}
    assert told["command"] == f"reelmend run {job_file} --preset {tmp_path / 'tuned.yaml'}"

    again = json.loads(type_in(*words).stdout)
    assert again["measured"] == 0
    assert again["rows"] == told["rows"]


class Bench:
    """Rows of given times, one after the other."""

    def __init__(self, *seconds: float) -> None:
        self.seconds, self.asked = list(seconds), 0

    def job_with(self, settings: Mapping[str, Any]) -> JobConfig:
        return JobConfig(flow=FlowConfig(max_side=settings.get("flow.max_side", 640)))

    def measure(self, settings: Mapping[str, Any], limit_s: float, *, operations: bool = False) -> Row:
        self.asked += 1
        return row(settings, self.seconds.pop(0))


def row(settings: Mapping[str, Any], seconds: float) -> Row:
    return Row(dict(settings), seconds, seconds, 100.0, (30.0,), 1, 1, took_s=10.0)


def session(tmp_path: Path, bench: Bench, budget_s: float = 600.0) -> Session:
    records = Records(tmp_path / "t.rows.jsonl", ["clip"], "machine")
    return Session(cast(measure.Bench, bench), records, Limits(budget_s=budget_s), lambda what, row: None)


def test_what_was_faster_in_the_search_alone_is_given_up(tmp_path: Path) -> None:
    own, best = row({}, 1.0), row({"flow.max_side": 64}, 0.5)
    chosen, fresh = session(tmp_path, Bench(1.0, 0.9)).confirm(own, best)
    assert (chosen, len(fresh)) == (best, 1)
    chosen, fresh = session(tmp_path / "b", Bench(1.0, 1.1, 1.0, 1.2)).confirm(own, best)
    assert (chosen, len(fresh)) == (own, 2)
    chosen, fresh = session(tmp_path / "b", nothing := Bench()).confirm(own, best)
    assert (chosen, nothing.asked) == (own, 0), "rows that were kept are not measured again"


def test_a_busy_machine_is_noted(tmp_path: Path) -> None:
    own = Row({}, 0.5, 0.1, 100.0, (30.0,), workers=2, threads=1, took_s=10.0)  # a frame takes a worker 1 s
    outcome = Outcome("machine", FoundClips(), own, own, [], [])
    assert outcome.doubt == "the machine is busy: a worker computed 10% of the time; measure again when it is idle"
    assert replace(outcome, on_gpu=True).doubt == ""
    assert replace(outcome, own=replace(own, cpu_seconds_per_frame=0.9)).doubt == ""


def test_no_row_is_begun_that_the_budget_has_no_time_for(tmp_path: Path) -> None:
    short = session(tmp_path, Bench(1.0), budget_s=29.0)
    short.own()  # took 10 s: another row and two fresh ones would take 30
    assert short.measure({"flow.max_side": 64}) is None
    long = session(tmp_path, Bench(0.5), budget_s=40.0)
    long.own()
    assert long.measure({"flow.max_side": 64}) == row({"flow.max_side": 64}, 0.5)


def test_a_tuned_preset_says_when_the_machine_or_the_job_is_another_and_when_it_has_no_effect(tmp_path: Path) -> None:
    job = load_sources(overrides=["mask.dilation=1"])
    file = tmp_path / "tuned.yaml"

    def notes(machine: str, *overrides: str) -> list[str]:
        file.write_text(tuned_text({"flow.max_side": 48}, {}, job.job, machine, "command", "effect"))
        loaded = load_sources(preset=str(file), overrides=overrides)
        without = load_sources(preset=str(file), overrides=overrides, without=str(file))
        return [*tuned_notes(loaded.presets[0], loaded, without.job)]

    here = processors_name()
    assert notes(f"{here}, Some GPU", "mask.dilation=1") == [], "a run on Ray computes on the GPUs of other machines"
    assert notes("64 x Other", "mask.dilation=1") == [
        f"preset {file} was measured on another machine (64 x Other; this is {here}): run `reelmend tune` here"
    ]
    assert notes(here, "mask.dilation=1", "flow.max_side=99", "plan.shots=false") == [
        f"preset {file}: flow.max_side of it has no effect, because command line sets it: remove it there",
        f"preset {file} was measured for other settings (flow.max_side, plan.shots): run `reelmend tune` for this job",
    ]


def test_plan_says_that_a_tuned_preset_is_of_another_machine(job_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "tuned.yaml"
    file.write_text(tuned_text({}, {}, load_sources(job_file).job, "64 x Other", "command", "effect"))
    result = type_in("plan", "--no-probe", job_file, "--preset", file)
    assert result.exit_code == 0
    assert "was measured on another machine (64 x Other; this is " in result.stderr


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


def test_a_job_without_room_for_a_second_hole_says_so(job_file: Path, tmp_path: Path) -> None:
    for name in ("short", "long"):
        cv2.imwrite(str(tmp_path / "in" / f"{name}_mask.png"), np.full((SIZE[1], SIZE[0]), 255, np.uint8))
    result = type_in("tune", job_file)
    assert result.exit_code == 2
    assert "no clip to tune on: short: no space for a second hole" in result.stderr


def test_every_entry_of_the_table_is_a_setting_of_a_job_and_its_values_are_valid() -> None:
    job = JobConfig(engine="propainter")
    situation = Situation(job, (1920, 1080), cores=4, gpu=True, precisions=frozenset({"bf16", "fp16"}))
    values = {candidate.key: [*candidate.values(situation)] for candidate in CANDIDATES}
    assert values["flow.max_side"] == [480, 320, 224]
    assert values["run.workers"] == [], "a GPU has one worker"
    assert values.keys() <= leaf_values(job).keys()
    load_sources(flags={key: some[-1] for key, some in values.items() if some})
