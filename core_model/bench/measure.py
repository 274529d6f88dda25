"""Measurement of rows, each in its own process, between two measurements of the machine's speed."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reelmend.core_model.bench.rows import NAIVE, Row
from reelmend.core_model.engine import U8

_PRODUCT = 2048


@dataclass(frozen=True)
class Case:
    """What is restored, and where."""

    frames: int
    size: tuple[int, int]
    """(W, H)"""
    device: str


@dataclass(frozen=True)
class Measured:
    """What a row took."""

    name: str
    seconds: float
    memory_mb: float
    """Peak: of the accelerator's allocator, or on a CPU of the process."""
    psnr_db: float
    """Inside the hole, against the naive row's picture; inf when they are equal."""
    note: str


class RowFailed(RuntimeError):
    """A row's process ended with an error; its last line is the message."""


def measure(case: Case, rows: Sequence[Row], tell: Callable[[str], None]) -> list[Measured]:
    """Restore the case once a row, the naive row first; raises RowFailed."""
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            tell(f"{row.name} ...")
            picture = Path(folder, f"{row.name}.npy")
            took = _in_process(case, row, save=str(picture))
            psnr = psnr_db(np.load(picture), np.load(Path(folder, f"{NAIVE}.npy")))
            measured.append(Measured(row.name, took["seconds"], took["memory_mb"], psnr, took["note"]))
    return measured


def count_operations(case: Case) -> dict[str, float]:
    """Return the case's GFLOP by network; what they are does not depend on the device."""
    counted: dict[str, float] = _in_process(case, Row(NAIVE), operations=True)
    return counted


def matmul_gflops(device: torch.device) -> float:
    """Return how many GFLOP a second this device does in an fp32 product of 2048 x 2048, at best."""
    a = torch.randn(_PRODUCT, _PRODUCT, device=device)
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        (a @ a)[0, 0].item()
        seconds.append(time.perf_counter() - start)
    return 2 * _PRODUCT**3 / min(seconds) / 1e9


def psnr_db(values: U8, reference: U8) -> float:
    """Return the peak signal-to-noise ratio in dB of values 0..255; inf where they are equal."""
    mean_square = float(np.square(values.astype(np.float64) - reference).mean())
    return float(10 * np.log10(255**2 / mean_square)) if mean_square else float("inf")


def _in_process(case: Case, row: Row, *, save: str = "", operations: bool = False) -> dict[str, Any]:
    request = {**asdict(case), "row": asdict(row), "save": save, "operations": operations}
    command = [sys.executable, "-P", "-m", "reelmend.core_model.bench.row"]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise RowFailed(f"row {row.name}: {lines[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
