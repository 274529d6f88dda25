"""An editor that checks a job file by the schema agrees with reelmend on what is right and what is wrong."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.job.presets import preset_names
from reelmend.pipelines.job.schema import job_schema

SCHEMA = Draft202012Validator(job_schema())

RIGHT = [
    "out: restored\ninput: {videos: [in/*.mp4], masks: 'masks/{stem}.png'}",
    "input: {videos: in/*.mp4, masks: null}",
    "stitch: {codec: ffv1, crf: 20}",
    "input: {image_rate: 24}",  # a number, where text is kept
    "input: {image_rate: 24000/1001}",
    "process: {max_side: 0}\nquality: {review_below: 0.75}",
    "cost: {pools: [1, 16]}",
    "s3: {endpoint: '${oc.env:HOME}'}",
    "stitch:",
]
WRONG = [
    "stitch: {codec: vp9}",
    "stitch: {crf: good}",
    "stich: {crf: 20}",
    "stitch: {cfr: 20}",
    "plan: {shots: perhaps}",
    "plan: {block_length: [80]}",
    "plan: {shot_threshold: high}",
    "cost: {pools: [one]}",
    "name: [a, b]",
]


def accepted(text: str, folder: Path) -> bool:
    file = folder / "job.yaml"
    file.write_text(text)
    try:
        load_job(file)
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("text", RIGHT)
def test_what_reelmend_accepts_an_editor_accepts(text: str, tmp_path: Path) -> None:
    assert accepted(text, tmp_path)
    assert [error.message for error in SCHEMA.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("text", WRONG)
def test_what_reelmend_rejects_an_editor_underlines(text: str, tmp_path: Path) -> None:
    assert not accepted(text, tmp_path)
    assert not SCHEMA.is_valid(yaml.safe_load(text))


@pytest.mark.parametrize("name", ["defaults.yaml", *(f"presets/{name}.yaml" for name in preset_names())])
def test_the_files_that_reelmend_ships_are_right(name: str) -> None:
    text = (files("conf") / name).read_text()
    assert [error.message for error in SCHEMA.iter_errors(yaml.safe_load(text))] == []


def test_the_command_prints_the_schema_with_every_comment() -> None:
    printed = CliRunner().invoke(app, ["schema"])
    document = json.loads(printed.stdout)
    Draft202012Validator.check_schema(document)
    crf = document["properties"]["stitch"]["properties"]["crf"]
    assert crf["default"] == 16
    assert crf["description"].startswith("Quality of h264 and h265")
