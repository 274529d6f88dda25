"""An engine of another package works like reelmend's own: run, resume, plan, doctor, report, job file and Ray."""

import importlib
import json
import os
import pickle
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

import reelmend
from reelmend.core_model.engine import Restored
from reelmend.pipelines.cli import app
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines import registry
from reelmend.pipelines.engines.propagation import Propagation
from reelmend.pipelines.engines.registry import broken_plugins, engine_specs, register_engine
from reelmend.pipelines.errors import ConfigError, SetupError
from reelmend.pipelines.job.load import dump_job, load_job
from reelmend.pipelines.job.schema import job_schema
from tests.clips import write_clip, write_mask_video
from tests.engines.plugin import install, install_example
from tests.jobs import finish

HOLE = (slice(24, 40), slice(40, 56))
"""16 x 16 pixels of a frame of 96 x 64."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for packages, which this process and its children import from."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    before = set(sys.modules)
    registry._plugins.cache_clear()
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
    registry._plugins.cache_clear()


@pytest.fixture
def example(site: Path) -> Path:
    install_example(site)
    return site


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A white hole with 8 pixels of grey level 100 around it, and 60 beyond."""
    frames = np.full((4, 64, 96, 3), 60, np.uint8)
    frames[:, 16:48, 32:64] = 100
    frames[:, *HOLE] = 255
    masks = np.zeros(frames.shape[:3], np.bool_)
    masks[:, *HOLE] = True
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in/clip.mkv", pictures=frames, codec="ffv1", pix_fmt="bgr0", audio=False)
    write_mask_video(tmp_path / "in/clip_mask.mkv", masks, codec="ffv1")
    return tmp_path


def words(folder: Path, *more: str) -> list[str]:
    shown = [f"input.videos=[{folder}/in/clip.mkv]", f"out={folder}/out", "engine=mean_colour", "mask.dilation=0"]
    return [*shown, "stitch.codec=ffv1", *more]


def job_of(folder: Path, *more: str) -> JobConfig:
    return load_job(overrides=words(folder, "run.executor=inline", *more))


def levels(folder: Path) -> list[int]:
    """The levels that the hole and its rim have in all frames of the output."""
    with av.open(str(folder / "out/clip.mkv")) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert len(frames) == 4
    return [*np.unique(frames[:, *HOLE]), *np.unique(frames[:, 16:24, 32:64])]


def test_a_run_restores_with_it_and_the_next_one_finds_all_done(example: Path, videos: Path) -> None:
    _, rows = finish(job_of(videos))
    assert levels(videos) == [100, 100]
    assert rows["clip"].facts["engine"] == "mean_colour"
    assert "computed" not in rows["clip"].flow, "it reads no flow"
    assert "engine mean_colour" in (videos / "out/_reelmend/report.html").read_text()

    _, rows = finish(job_of(videos))
    assert rows["clip"].reused

    # 16 pixels around: 32 * 32 - 16 * 16 = 768 of level 100, and 48 * 48 - 32 * 32 = 1280 of level 60
    _, rows = finish(job_of(videos, "mean_colour.border=16"))
    assert (rows["clip"].chunks_computed, levels(videos)) == (1, [75, 100])


def test_the_saved_job_holds_its_settings_and_not_those_of_other_plugins(example: Path, videos: Path) -> None:
    saved = dump_job(job_of(videos, "mean_colour.border=9"))
    assert "mean_colour:\n  border: 9\n" in saved
    assert "mean_colour" not in dump_job(load_job())


def test_its_settings_are_checked_like_ours(example: Path) -> None:
    with pytest.raises(ConfigError) as wrong:
        load_job(overrides=["mean_colour.border=wide", "mean_colour.bordr=3", "engine=mean_color"])
    assert str(wrong.value).splitlines() == [
        "mean_colour.border: 'wide' is not a whole number (command line)",
        "mean_colour.bordr: no such setting (command line); did you mean mean_colour.border?",
        "engine: 'mean_color' is not an installed engine; did you mean mean_colour? installed: propagation, propainter, "
        "auto, mean_colour (command line)",
    ]
    with pytest.raises(ConfigError, match=r"mean_colour.border: 0 is below 1 \(command line\)"):
        load_job(overrides=["mean_colour.border=0"])


def test_an_editor_knows_it(example: Path) -> None:
    schema = job_schema()
    border = schema["properties"]["mean_colour"]["properties"]["border"]
    assert border["description"] == "Pixels around a hole whose mean colour fills it."
    check = Draft202012Validator(schema)
    assert check.is_valid({"engine": "mean_colour", "mean_colour": {"border": 3}})
    assert not check.is_valid({"engine": "mean_color"})
    assert not check.is_valid({"mean_colour": {"border": "wide"}})


def test_a_plan_counts_its_work(example: Path, videos: Path) -> None:
    planned = CliRunner().invoke(app, ["plan", "--json", *words(videos)])
    assert planned.exit_code == 0, planned.output
    document = json.loads(planned.stdout)
    assert (document["items"][0]["chunks"], document["items"][0]["segments"]) == (1, 0)
    assert "no rates for the engine mean_colour" in planned.stdout


@pytest.mark.ray
def test_the_doctor_lists_it_and_names_what_is_broken(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(example, "torn", {"torn": "torn:SPEC"}, torn="import a_library_that_is_missing")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")  # nobody answers, at once
    seen = CliRunner().invoke(app, ["doctor", "--json"])
    assert seen.exit_code == 0, seen.output
    found = [finding for finding in json.loads(seen.stdout)["findings"] if finding["topic"] == "engine"]
    found = found[3:]  # behind reelmend's own
    assert found[0]["what"] == (
        "mean_colour (mean-colour 1.0): the mean colour around each hole; settings: mean_colour.border"
    )
    assert (found[1]["level"], found[1]["advice"]) == ("note", "repair or uninstall torn 1.0")


@pytest.mark.ray
def test_workers_on_ray_have_it(example: Path, videos: Path, on_cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"runtime_env": {"env_vars": {"PYTHONPATH": os.environ["PYTHONPATH"]}}}
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(installed))  # as a submitted job gets it
    summary, _ = finish(job_of(videos, "mean_colour.border=16", "run.executor=ray", "run.workers=1"))
    assert (summary.executor, summary.exit_status, levels(videos)) == ("ray", 0, [75, 100])


def test_a_machine_without_it_says_so(example: Path, videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pickle.dumps(job_of(videos, "mean_colour.border=7"))
    assert pickle.loads(packed).mean_colour.border == 7
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place != str(example)])
    registry._plugins.cache_clear()
    with pytest.raises(
        SetupError, match=r"'mean_colour' is not an installed engine.*install its package on every machine"
    ):
        pickle.loads(packed)


def test_a_run_can_be_looked_at_after_its_engine_was_uninstalled(
    example: Path, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, inline = str(videos / "out"), "run.executor=inline"
    assert CliRunner().invoke(app, ["run", *words(videos, inline)]).exit_code == 0
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place != str(example)])
    registry._plugins.cache_clear()
    status = CliRunner().invoke(app, ["status", out])
    assert (status.exit_code, "1 restored" in status.stdout) == (0, True), status.output
    assert CliRunner().invoke(app, ["report", out]).exit_code == 0
    again = CliRunner().invoke(app, ["run", *words(videos, inline)])
    assert (again.exit_code, "'mean_colour' is not an installed engine" in again.stderr) == (2, True)


def test_a_job_file_for_an_engine_that_is_not_here_has_one_mistake(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("engine: mean_colour\nmean_colour:\n  border: 3\n")
    with pytest.raises(ConfigError) as wrong:
        load_job(tmp_path / "job.yaml")
    (only,) = str(wrong.value).splitlines()
    assert only.startswith("engine: 'mean_colour' is not an installed engine; installed: propagation, propainter, auto")


def test_frames_of_another_shape_than_asked_for_are_an_error_that_names_the_engine(
    registered: Any, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = registered.build_engine(job_of(videos), {})
    monkeypatch.setattr(
        type(engine), "restore", lambda self, shot, start, stop: Restored(*np.zeros((2, 4, 2), np.uint8))
    )
    _, rows = finish(job_of(videos))
    assert rows["clip"].state == "failed"
    assert (
        "engine mean_colour: restore returned frames as uint8 [4, 2], not uint8 [4, 64, 96, 3]" in rows["clip"].reason
    )


BROKEN = {
    "torn": ("import a_library_that_is_missing", "ModuleNotFoundError while torn:SPEC was imported: No module named"),
    "ends": ("raise SystemExit(3)", "SystemExit while ends:SPEC was imported: 3"),
    "lacks": ("", "AttributeError while lacks:SPEC was imported"),
    "number": ("SPEC = 3", "number:SPEC is a int, not an object of an EngineSpec class"),
    "class_": ("from mean_colour import MeanColourSpec as SPEC", "class_:SPEC is a type"),
    "empty": (
        "from reelmend.pipelines.engines.base import EngineSpec\n"
        "class Empty(EngineSpec[None]):\n    name = 'empty'\nSPEC = Empty()",
        "it has no method build_engine",
    ),
    "other": ("from mean_colour import SPEC as MEAN, MeanColourSpec\n"
              "class Other(MeanColourSpec):\n    name = 'another'\nSPEC = Other()",
              "its engine is called another, but its entry point has another name"),
    "mask": ("from mean_colour import MeanColourSpec\n"
             "class Mask(MeanColourSpec):\n    name = 'mask'\nSPEC = Mask()",
             "mask is a setting of every job"),
    "odd": ("from dataclasses import dataclass, field\nfrom mean_colour import MeanColourSpec\n"
            "@dataclass\nclass Config:\n    sizes: dict = field(default_factory=dict)\n"
            "class Odd(MeanColourSpec):\n    name, section = 'odd', Config\nSPEC = Odd()",
            "the type of odd.sizes is not supported in a job file"),
    "propagation": ("from reelmend.pipelines.engines.propagation import PROPAGATION as SPEC",
                    "the name propagation is taken by reelmend itself"),
}  # fmt: skip
"""By entry point, its module and what is said about it."""


def test_a_broken_plugin_is_reported_and_breaks_nothing_else(example: Path) -> None:
    for name, (text, _) in BROKEN.items():
        module = f"own_{name}" if name in ("propagation", "mask") else name
        install(example, f"package-{name}", {name: f"{module}:SPEC"}, **{module: text})
    install(example, "a-second", {"mean_colour": "mean_colour:SPEC"})
    said = {broken.package: str(broken) for broken in broken_plugins()}
    for name, (_, problem) in BROKEN.items():
        assert f"the engine plug-in {name} of package-{name} 1.0 cannot be used" in said[f"package-{name} 1.0"]
        assert problem.replace(f"{name}:SPEC", "") in said[f"package-{name} 1.0"].replace(f"{name}:SPEC", "")
    assert "the name mean_colour is taken by a-second 1.0" in said["mean-colour 1.0"]
    assert len(said) == len(BROKEN) + 1
    assert list(engine_specs()) == ["propagation", "propainter", "auto", "mean_colour"]
    with pytest.raises(ConfigError, match=r"plug-in torn of package-torn 1.0 cannot be used: .*; repair or uninstall"):
        load_job(overrides=["engine=torn"])


@pytest.fixture
def registered(site: Path) -> Iterator[Any]:
    """The specification of the example, whose package is not installed."""
    install_example(site)
    shutil.rmtree(site / "mean_colour-1.0.dist-info")
    spec = importlib.import_module("mean_colour").SPEC
    register_engine(spec)
    yield spec
    registry.unregister_engine("mean_colour")


def test_a_program_registers_an_engine_for_its_own_process(registered: Any, videos: Path) -> None:
    summary, _ = finish(job_of(videos, "run.executor=auto"))
    assert (summary.executor, summary.engine, levels(videos)) == ("inline", "mean_colour", [100, 100])
    registered.version = 2
    register_engine(registered)  # as a cell of a notebook that is run again
    assert not finish(job_of(videos))[1]["clip"].reused
    with pytest.raises(ConfigError, match=r"registered in this process only.*run.executor=inline"):
        finish(job_of(videos, "run.executor=ray"))


def test_a_registered_engine_restores_arrays(registered: Any) -> None:
    frames, mask = np.full((2, 64, 96, 3), 60, np.uint8), np.zeros((64, 96), bool)
    frames[:, 16:48, 32:64] = 100
    mask[HOLE] = True
    frames[:, mask] = 255
    restored = reelmend.restore(frames, mask, "mean_colour", settings={"mask.dilation": 0, "mean_colour.border": 8})
    assert (restored[:, mask] == 100).all()
    assert (restored[:, ~mask] == frames[:, ~mask]).all()


def test_names_of_installed_engines_are_not_replaced() -> None:
    with pytest.raises(ConfigError, match="its name is taken by an engine of reelmend; choose another name"):
        register_engine(Propagation())


def test_a_digest_that_another_engine_may_have_is_refused(
    registered: Any, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registered, "settings_digest", lambda job, weights: "1", raising=False)
    with pytest.raises(
        SetupError, match=r"engine mean_colour .*'1'; it must be a string that begins with 'mean_colour'"
    ):
        finish(job_of(videos))
    assert not (videos / "out/_reelmend/config.yaml").exists(), "the run has begun"


def test_what_fails_while_an_engine_is_built_names_its_package(
    example: Path, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_specs()["mean_colour"], "settings_digest", {}.__getitem__, raising=False)
    with pytest.raises(SetupError, match=r"engine mean_colour \(mean-colour 1.0\): build_engine failed with TypeError"):
        finish(job_of(videos))
