"""Parts of the ten minutes, in the order of their worth, each in a process that ends when its time is up."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.gpu.found import DONE, FAILED, Outcome
from reelmend.core_model.bench.measure import Case, psnr_db
from reelmend.core_model.bench.rows import NAIVE, Row

SHORTEST_S = 5.0
"""Less is not enough to start a part."""

SIZES = ((432, 240), (640, 360), (1280, 720), (1920, 1080))
TINY = (48, 40)
FRAMES, TINY_FRAMES = 24, 3
FP32, FASTEST = "fp32", "bf16"

_FUSED = Row("sdpa", attention="auto")
_PUBLISHED = Row("published_fp32", tf32=True)
SWITCHES = (
    Row(NAIVE),
    _PUBLISHED,
    replace(_PUBLISHED, name="published_half", precision="fp16"),
    _FUSED,
    replace(_FUSED, name="window_batch", window_batch=0),
    replace(_FUSED, name="tf32", window_batch=0, tf32=True),
    replace(_FUSED, name="fp16", window_batch=0, tf32=True, precision="fp16"),
    replace(_FUSED, name="bf16", window_batch=0, tf32=True, precision="bf16"),
    replace(_FUSED, name="compile", window_batch=0, tf32=True, precision="bf16", compile="on"),
)
"""`naive` is plain attention, a window at a time, exact fp32. `published_*` are our networks as the published script
runs its own, with torch's defaults (TF32 in convolutions) and with --fp16. Then each switch on top of those before."""
_BEST = replace(_FUSED, window_batch=0, tf32=True, precision="bf16")
ALTERNATIVES = (
    replace(_BEST, name="flash", attention="flash"),
    replace(_BEST, name="efficient", attention="efficient"),
    replace(_BEST, name="cudnn", attention="cudnn"),
    replace(_BEST, name="cuda_graphs", cuda_graphs=True),
    replace(_BEST, name="channels_last", channels_last=True),
)
"""Each instead of what `bf16` has: measured last, at the smallest size."""


@dataclass(frozen=True)
class Part:
    """Something that is measured by itself."""

    name: str
    limit_s: float
    run: Callable[[float, Path], Outcome]
    """Takes the seconds there are, and the folder for pictures; never raises."""


def parts_for(device: str, *, tiny: bool) -> list[Part]:
    """Return them, the most telling first."""
    sizes, frames, sides = ((TINY,), TINY_FRAMES, "128,256") if tiny else (SIZES, FRAMES, "2048,4096,8192")
    cases = {_name(size): Case(frames, size, device) for size in sizes}
    first = next(iter(cases))
    on_cpu = torch.device(device).type == "cpu"
    rows = [row for row in SWITCHES if not (on_cpu and row.name in _CUDA_ALONE)]
    by_name = {row.name: row for row in rows}
    parts = [
        Part("tests", 150, _tests),
        Part("products", 40, _script("benchmarks.gpu.products", device, sides)),
        Part(f"operations {first}", 40, _row(cases[first], by_name[NAIVE], operations=True)),
        *(Part(f"{first} {row.name}", 60, _row(cases[first], row)) for row in rows if row.compile == "off"),
    ]
    for name, case in list(cases.items())[1:]:
        chosen = replace(by_name["window_batch"], name=FP32), by_name[FASTEST]
        parts += [Part(f"{name} {row.name}", 90, _row(case, row)) for row in chosen]
    parts += [Part(f"{first} {row.name}", 150, _row(cases[first], row)) for row in rows if row.compile == "on"]
    later = list(cases.items())[1:]
    if not on_cpu:
        parts += [Part(f"{first} {row.name}", 60, _row(cases[first], row)) for row in ALTERNATIVES]
    return parts + [Part(f"operations {name}", 60, _row(case, by_name[NAIVE], operations=True)) for name, case in later]


_CUDA_ALONE = ("published_fp32", "published_half", "tf32", "fp16", "compile")


def _name(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _tests(seconds: float, _: Path) -> Outcome:
    """Without conftest.py, which needs what a whole installation has."""
    command = ["-m", "pytest", "--noconftest", "-q", "-p", "no:cacheprovider", "tests/gpu"]
    code, out, error, took = _process(command, seconds)
    counted = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|error)", out)}
    failed = re.findall(r"^(?:FAILED|ERROR) (.*)$", out, re.MULTILINE)
    note = "" if code == 0 else "; ".join(failed) or _last_line(error or out) or f"ended with {code}"
    return Outcome(DONE if code == 0 else FAILED, {**counted, "failures": failed}, note, took)


def _script(module: str, *words: str) -> Callable[[float, Path], Outcome]:
    return lambda seconds, _: _outcome(_process(["-m", module, *words], seconds))


def _row(case: Case, row: Row, *, operations: bool = False) -> Callable[[float, Path], Outcome]:
    def run(seconds: float, folder: Path) -> Outcome:
        picture = folder / f"{_name(case.size)}-{row.name}.npy"
        request = {**asdict(case), "row": asdict(row), "save": str(picture), "operations": operations}
        outcome = _outcome(_process(["-m", "reelmend.core_model.bench.row"], seconds, json.dumps(request)))
        if outcome.state == DONE and not operations:
            outcome.values["frames"] = case.frames
            outcome.values["psnr_db"] = _psnr_to_exact(picture)
        return outcome

    return run


def _psnr_to_exact(picture: Path) -> float | str | None:
    """To the picture in exact fp32 of the same size; None where that was not made, or is this one. "equal": no number."""
    size = picture.name.partition("-")[0]
    exact = next((f for f in (picture.with_name(f"{size}-{name}.npy") for name in (NAIVE, FP32)) if f.exists()), None)
    if exact is None or exact == picture:
        return None
    found = psnr_db(np.load(picture), np.load(exact))
    return found if math.isfinite(found) else "equal"


def _outcome(ended: tuple[int, str, str, float]) -> Outcome:
    code, out, error, took = ended
    if code:
        return Outcome(FAILED, note=_last_line(error) or f"ended with {code}", seconds=took)
    values: dict[str, Any] = json.loads(out.splitlines()[-1])
    return Outcome(DONE, values, seconds=took)


def _process(command: Sequence[str], seconds: float, given: str = "") -> tuple[int, str, str, float]:
    """Run Python with these words; what it started ends with it. Returns exit code, output, errors and time."""
    start = time.perf_counter()
    root = Path(__file__).parents[2]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        [sys.executable, *command],
        text=True,
        cwd=root,
        start_new_session=True,
        **pipes,  # type: ignore[call-overload]
    ) as process:
        try:
            out, error = process.communicate(given, timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
            error = f"not finished after {seconds:.0f} s"
    return process.returncode, out, error, time.perf_counter() - start


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else ""
