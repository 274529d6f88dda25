"""Does the doctor tell what is here, and what to do about what is not?"""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.cli.doctor_checks import Finding, Level, installed_gpus, weights_here, without_cuda, works


def test_a_note_does_not_stop_a_run_but_a_wrong_thing_does() -> None:
    fine = [Finding("CPU", "2 cores"), Finding("Ray", "cannot start", Level.NOTE, "run.executor=inline needs no Ray")]
    assert works(fine)
    assert not works([*fine, Finding("encoders", "none", Level.WRONG)])


def test_a_gpu_that_torch_cannot_use_is_named_with_torchs_reason(tmp_path: Path) -> None:
    (tmp_path / "0000:3b:00.0").mkdir()
    (tmp_path / "0000:3b:00.0" / "information").write_text("Model: \t\t NVIDIA L4\nIRQ:   \t\t 51\n")
    assert installed_gpus(tmp_path) == ["NVIDIA L4"]
    found = without_cuda(installed_gpus(tmp_path), "Torch not compiled with CUDA enabled")
    assert found == Finding(
        "GPU",
        "NVIDIA L4: torch cannot use it: Torch not compiled with CUDA enabled",
        Level.NOTE,
        "reelmend doctor --gpu",
    )
    assert without_cuda(installed_gpus(tmp_path / "no driver"), "") == Finding("GPU", "no CUDA device found")


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch can use a GPU here")
def test_without_a_gpu_the_doctor_of_gpus_says_what_is_missing_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    result = CliRunner().invoke(app, ["doctor", "--gpu", "--json"])
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert not document["works"]
    found = {finding["topic"]: finding for finding in document["findings"]}
    assert "cannot be used" in found["device"]["what"]
    assert found["device"]["level"] == "wrong"
    assert found["device"]["advice"]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty weights folder."""
    monkeypatch.setenv("REELMEND_WEIGHTS", str(tmp_path))
    return tmp_path


def test_weights_that_are_missing_are_named_with_the_command_that_fetches_them(folder: Path) -> None:
    (folder / "raft-things.pth").write_bytes(b"a file put there by hand")
    found = weights_here()
    assert found.what == (
        f"recurrent_flow_completion, ProPainter missing; raft-things present, in {folder}; "
        "engines propainter, auto cannot run, not needed by the engine propagation"
    )
    assert found.level is Level.NOTE
    assert found.advice == "reelmend weights pull recurrent_flow_completion ProPainter --accept-license"


def test_with_all_weights_the_engine_that_needs_them_can_run(folder: Path) -> None:
    for file in ("raft-things.pth", "recurrent_flow_completion.pth", "ProPainter.pth"):
        (folder / file).write_bytes(b"a file put there by hand")
    found = weights_here()
    assert found.what.endswith("ProPainter present; engines propainter, auto can run")
    assert (found.level, found.advice) == (Level.OK, "")


@pytest.mark.ray
def test_the_doctor_looks_at_every_part_and_says_what_a_run_would_pick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 0, result.stdout
    document = json.loads(result.stdout)
    assert document["works"]
    found = {finding["topic"]: finding for finding in document["findings"]}
    assert {"versions", "CPU", "GPU", "memory", "encoders", "disk", "weights", "Ray", "a run"} <= set(found)
    assert found["Ray"]["level"] == "ok", found["Ray"]
    assert "engine propagation, run.executor=ray" in found["a run"]["what"]


@pytest.mark.ray
def test_the_doctor_runs_nothing_that_lies_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray is tried in a process of its own: Python would import modules of the current folder first there."""
    trace = f"open({str(tmp_path / 'was-run')!r}, 'w')\n"
    for name in ("reelmend/__init__.py", "cluster/__init__.py", "cluster/check.py", "ray.py", "json.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(trace)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")  # nobody answers, at once
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0, result.stdout
    assert "no Ray cluster answers at RAY_ADDRESS=127.0.0.1:1" in result.stdout
    assert not (tmp_path / "was-run").exists()


@pytest.mark.ray
def test_a_cluster_that_does_not_answer_is_named_with_the_way_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0, result.stdout
    assert "RAY_ADDRESS=127.0.0.1:1" in result.stdout
    assert "run.executor=inline" in result.stdout
