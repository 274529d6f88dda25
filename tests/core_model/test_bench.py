"""`python -m reelmend.core_model.bench` on a machine that has torch, einops, numpy and OpenCV, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelmend.core_model.bench.__main__ import main
from reelmend.core_model.bench.measure import Case, Measured
from reelmend.core_model.bench.published import GFLOP, is_reference, operations_gate, time_gates

ROOT = Path(__file__).parents[2]
ABSENT = ["ray", "av", "omegaconf", "yaml", "pyarrow", "rich", "typer", "scenedetect", "jinja2", "tenacity", "boto3"]


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which only those four can be imported."""
    for name in ABSENT:
        (tmp_path / f"{name}.py").write_text("raise ImportError('not on this machine')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT / "src")])
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def _bench(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reelmend.core_model.bench", "--device", "cpu", *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=500)


@pytest.mark.slow
def test_a_bare_machine_gets_the_table_the_operations_and_the_json(bare: dict[str, str], tmp_path: Path) -> None:
    words = ["--size", "40x32", "--frames", "2", "--rows", "sdpa", "--ops", "--json", str(tmp_path / "found.json")]
    done = _bench(bare, *words)
    assert done.returncode == 0, done.stderr
    assert "| naive |" in done.stdout
    assert "| sdpa |" in done.stdout
    found = json.loads((tmp_path / "found.json").read_text())
    assert [row["name"] for row in found["rows"]] == ["naive", "sdpa"]
    assert found["rows"][1]["psnr_db"] > 60
    assert all(found["gflop"][name] > 0 for name in ("raft", "flow_completion", "generator"))


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--rows", "tf32"], "no row tf32 on this device"), (["--size", "432"], "a size like 432x240, got '432'")],
)
def test_what_there_is_not_is_named(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--device", "cpu", *words])
    assert main() == 2
    assert message in capsys.readouterr().err


def test_gates_scale_with_the_machine_and_count_at_the_reference_case_only() -> None:
    assert is_reference(Case(24, (432, 240), "cpu"))
    assert not is_reference(Case(12, (432, 240), "cpu"))
    assert sum(GFLOP.values()) == pytest.approx(21_570)
    assert operations_gate({"all": 0.679 * 21_570})[1]
    assert not operations_gate({"all": 0.681 * 21_570})[1]
    half_as_fast = [
        Measured("huge_pages", 2 * 131 * 0.64, 1.0, 0.0, ""),
        Measured("bf16", 2 * 131 * 0.46, 1.0, 0.0, ""),
    ]
    assert [good for _, good in time_gates(half_as_fast, 226 / 2)] == [True, False]
