"""Output of the benchmark, and whether the machine reaches the promised figures."""

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from reelmend.core_model.bench.measure import Case, Measured, count_operations, matmul_gflops, measure
from reelmend.core_model.bench.published import GFLOP, is_reference, operations_gate, time_gates
from reelmend.core_model.bench.rows import NAIVE, Row, rows_for

ALL_ROWS = "all"
_HEAD = (
    "| row (adds to those above) | seconds | frames/s | time / naive | peak MB | memory / naive | PSNR to naive, dB |"
)


def run(size: str, frames: int, device: str, rows: str, *, operations: bool, json_file: Path | None) -> bool:
    """Measure, print, and return whether no gate was missed. Raises ValueError when asked for what there is not."""
    case = Case(frames, _size(size), _device(device))
    if frames < 1:
        raise ValueError(f"expected at least 1 frame, got {frames}")
    chosen = _chosen(rows, rows_for(torch.device(case.device)))
    print(_machine(case), flush=True)
    gates: list[tuple[str, bool]] = []
    counted = count_operations(case) if operations else {}
    if counted:
        _print_operations(counted, is_reference(case))
        gates += [operations_gate(counted)] if is_reference(case) else []
    before = matmul_gflops(torch.device(case.device))
    measured = measure(case, chosen, lambda line: print(line, file=sys.stderr, flush=True))
    speed = (before, matmul_gflops(torch.device(case.device)))
    _print_rows(measured, frames)
    print(f"\n2048^3 product, fp32: {speed[0]:.0f} GFLOP/s before, {speed[1]:.0f} after")
    if is_reference(case) and case.device == "cpu":
        gates += time_gates(measured, sum(speed) / 2)
    for line, _ in gates:
        print(line)
    if json_file is not None:
        found = {"case": asdict(case), "gflop": counted, "matmul_gflops": speed, "rows": [asdict(m) for m in measured]}
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    return all(good for _, good in gates)


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise ValueError(f"expected a size like 432x240, got {text!r}")
    return int(sides[0]), int(sides[1])


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not name.startswith(("cpu", "cuda")) or (name.startswith("cuda") and not torch.cuda.is_available()):
        raise ValueError(f"expected a device of this machine (auto, cpu, cuda), got {name!r}")
    return name


def _chosen(names: str, rows: Sequence[Row]) -> list[Row]:
    if names == ALL_ROWS:
        return list(rows)
    wanted = {NAIVE, *names.split(",")}
    known = [row.name for row in rows]
    if not wanted <= set(known):
        raise ValueError(
            f"no row {', '.join(sorted(wanted - set(known)))} on this device; there are {', '.join(known)}"
        )
    return [row for row in rows if row.name in wanted]


def _machine(case: Case) -> str:
    is_cuda = case.device.startswith("cuda")
    name = torch.cuda.get_device_name(case.device) if is_cuda else f"{torch.get_num_threads()} threads, CPU"
    width, height = case.size
    return (
        f"{case.frames} frames of {width}x{height} on {name} ({platform.machine()}, "
        f"{torch.backends.cpu.get_cpu_capability()}), torch {torch.__version__}\n"
    )


def _print_rows(measured: Sequence[Measured], frames: int) -> None:
    print(f"{_HEAD}\n|{'---|' * (_HEAD.count('|') - 1)}")
    naive = measured[0]
    for m in measured:
        memory = f"{m.memory_mb:.0f} | {m.memory_mb / naive.memory_mb:.2f}"
        psnr = "" if m is naive else f"{m.psnr_db:.1f}"
        time = f"{m.seconds:.2f} | {frames / m.seconds:.2f} | {m.seconds / naive.seconds:.2f}"
        print(f"| {m.name} | {time} | {memory} | {psnr} |")
    for m in measured:
        if m.note:
            print(f"\n{m.name}: {m.note}")


def _print_operations(counted: dict[str, float], comparable: bool) -> None:
    print("| network | GFLOP |" + (" published | share |" if comparable else ""))
    print("|---|---|" + ("---|---|" if comparable else ""))
    rows = {**counted, "together": sum(counted.values())}
    published = {**GFLOP, "together": sum(GFLOP.values())}
    for name, gflop in rows.items():
        beside = f" {published[name]:.0f} | {gflop / published[name]:.1%} |" if comparable else ""
        print(f"| {name.replace('_', ' ')} | {gflop:.0f} |{beside}")
    print(flush=True)
