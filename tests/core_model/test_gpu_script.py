"""`benchmarks/gpu.sh`: parts within their time, taken up where they were left, on a machine that has torch and little else.

On a CPU at a tiny size; what it measures on a GPU is in `tests/gpu` and `benchmarks/gpu`.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu.found import DONE, FAILED, LEFT_OUT, Found, Outcome
from benchmarks.gpu.parts import _process, parts_for
from benchmarks.gpu.table import as_markdown

ROOT = Path(__file__).parents[2]
ABSENT = ["ray", "boto3", "omegaconf", "av", "yaml", "rich", "typer", "scenedetect", "jinja2", "tenacity", "numba"]
ABSENT += ["hypothesis", "xdist", "moto", "prometheus_client"]
MACHINE = {"device": "a card", "commit": "abc"}


def test_what_matters_most_comes_first() -> None:
    names = [part.name for part in parts_for("cuda:0", tiny=False)]
    assert names[:4] == ["tests", "products", "operations 432x240", "432x240 naive"]
    assert names[4:6] == ["432x240 published_fp32", "432x240 published_half"]
    assert {f"{size} {row}" for size in ("640x360", "1280x720", "1920x1080") for row in ("fp32", "bf16")} <= set(names)
    assert names.index("1920x1080 bf16") < names.index("432x240 compile") < names.index("432x240 flash")


def test_a_part_whose_time_is_up_ends_with_what_it_started() -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    started = time.monotonic()
    code, _, error, _ = _process(["-c", child], 0.5)
    assert code != 0
    assert error == "not finished after 0 s"
    assert time.monotonic() - started < 10


def test_the_same_command_again_goes_on_unless_the_machine_or_the_commit_is_another(tmp_path: Path) -> None:
    found = Found.open(tmp_path, MACHINE, fresh=False)
    found.keep("products", Outcome(DONE, {"bf16": {"2048": 600.0}}))
    found.keep("tests", Outcome(FAILED, note="not finished"))
    found.leave_out("432x240 naive", "no time was left")
    again = Found.open(tmp_path, MACHINE, fresh=False)
    assert [again.is_done(name) for name in ("products", "tests", "432x240 naive")] == [True, False, False]
    assert again.outcomes["432x240 naive"].state == LEFT_OUT
    assert Found.open(tmp_path, MACHINE | {"commit": "def"}, fresh=False).outcomes == {}
    assert Found.open(tmp_path, MACHINE, fresh=True).outcomes == {}


def test_the_table_has_rates_and_says_what_is_missing(tmp_path: Path) -> None:
    """14 400 GFLOP in 2 s are 7.2 TFLOP/s: 1.2 % of 600. 24 frames in 2 s are 12 a second."""
    found = Found(tmp_path / "gpu.json", MACHINE)
    found.keep("products", Outcome(DONE, {"bf16": {"2048": 500.0, "8192": 600.0}}))
    found.keep("operations 432x240", Outcome(DONE, {"raft": 4400.0, "generator": 10000.0}))
    row = {"frames": 24, "seconds": 2.0, "memory_mb": 3000.4, "psnr_db": 51.23, "note": ""}
    found.keep("432x240 bf16", Outcome(DONE, row))
    found.keep("1920x1080 bf16", Outcome(FAILED, note="not finished after 90 s"))
    page = as_markdown(found)
    assert "| bf16 | 500 | 600 |" in page
    assert "| 432x240 bf16 | 12.00 | 2.00 | 3000 | 7.20 | 1.2% | 51.2 |" in page
    assert "1920x1080 bf16: failed: not finished after 90 s" in page


def test_a_device_that_is_not_there_is_named_with_torchs_reason(tmp_path: Path) -> None:
    done = script(tmp_path, {}, "--device", "cuda:7")
    assert done.returncode == 2
    assert done.stderr.startswith("error: torch ")
    assert "cannot use cuda:7: " in done.stderr


@pytest.mark.slow
def test_the_whole_of_it_runs_on_a_bare_machine_and_takes_up_what_it_left(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    absent.mkdir()
    for name in ABSENT:
        (absent / f"{name}.py").write_text("raise ImportError('not on this machine')\n")
    env = {"PYTHONPATH": str(absent), "OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = script(tmp_path, env, "--device", "cpu", "--tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    parts = json.loads((tmp_path / "gpu.json").read_text())["parts"]
    assert {part["state"] for part in parts.values()} == {DONE}
    assert parts["48x40 bf16"]["values"]["psnr_db"] > 30
    assert parts["operations 48x40"]["values"]["raft"] > 10
    assert "| 48x40 sdpa |" in done.stdout
    again = script(tmp_path, env, "--device", "cpu", "--tiny")
    assert again.stderr == "", "nothing is run twice"
    assert again.stdout == done.stdout


def script(folder: Path, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "benchmarks" / "gpu.sh"), "--out", str(folder), *words]
    return subprocess.run(
        command,
        env=os.environ | {"PYTHON": sys.executable} | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
