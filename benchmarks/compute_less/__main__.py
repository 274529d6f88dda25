"""Command line of the benchmark.

    python -m benchmarks.compute_less [--only CASE ...] [--rows ROW ...] [--frames N] [--count] [--json FILE]

Prints a table per case; exits 1 when a gate is missed. Networks have drawn weights, as in `reelmend bench model`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from benchmarks.compute_less.case import Case, Measured, Row
from benchmarks.compute_less.cases import all_cases, case_named
from benchmarks.compute_less.row import psnr
from reelmend.core_model.bench.weights import with_drawn_weights
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft

_HEAD = "| row | GFLOP | / plain | CPU s | / plain | peak MB | PSNR to the truth, dB | to plain, dB | warping error / plain |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compute_less", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="CASE", help="this case only; repeat for more")
    parser.add_argument("--rows", action="append", default=[], metavar="ROW", help="these rows only, and plain ones")
    parser.add_argument("--frames", type=int, default=0, help="frames of the clips, for a quick look without gates")
    parser.add_argument("--count", action="store_true", help="count operations and compute nothing: no gates")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured there too")
    args = parser.parse_args()
    try:
        cases = [case_named(name) for name in args.only] or all_cases()
    except KeyError as exc:
        parser.error(str(exc.args[0]))
    good, found = True, {}
    with tempfile.TemporaryDirectory() as folder:
        weights = _drawn_weights(Path(folder))
        for case in cases:
            frames = args.frames or case.frames
            print(f"\n## {case.name}\n\n{frames} frames: {case.about}\n", flush=True)
            if args.count:
                _count(case, frames, weights, args.rows)
                continue
            results = _measure(case, frames, weights, Path(folder), args.rows)
            found[case.name] = {name: asdict(measured) for name, measured in results.items()}
            if frames == case.frames and len(results) == len(case.rows):
                good &= _gates(case, results)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if good else 1


def _drawn_weights(folder: Path) -> Path:
    networks = {"raft": Raft(), "flow_completion": FlowCompletion(), "generator": InpaintGenerator()}
    for name, network in networks.items():
        torch.save(with_drawn_weights(network).state_dict(), folder / f"{name}.pth")
    return folder


def _measure(case: Case, frames: int, weights: Path, folder: Path, only: Sequence[str]) -> dict[str, Measured]:
    """Run the rows one after the other, printing each when it is known."""
    print(f"{_HEAD}\n|{'---|' * (_HEAD.count('|') - 1)}", flush=True)
    plains = {row.plain or case.rows[0].name for row in case.rows if not only or row.name in only}
    results: dict[str, Measured] = {}
    pictures: dict[str, np.ndarray] = {}
    for row in case.rows:
        if only and row.name not in {*only, *plains}:
            continue
        place = folder / "restored.npy"
        took = _in_process(case, row, frames, weights, place)
        pictures[row.name] = np.load(place)
        plain = row.plain or case.rows[0].name
        measured = Measured(**took, plain_db=psnr(pictures[row.name], pictures[plain]))
        results[row.name] = measured
        print(_line(row.name, measured, results[plain]), flush=True)
    return results


def _count(case: Case, frames: int, weights: Path, only: Sequence[str]) -> None:
    print("| row | GFLOP |\n|---|---|", flush=True)
    for row in case.rows:
        if not only or row.name in only:
            counted = _in_process(case, row, frames, weights)
            print(f"| {row.name} | {counted['gflop']:.0f} |", flush=True)


def _in_process(case: Case, row: Row, frames: int, weights: Path, save: Path | None = None) -> dict[str, float]:
    """Run a row; without a place for its result, count its operations."""
    request: dict[str, object] = {"case": case.name, "row": row.name, "frames": frames, "weights": str(weights)}
    request |= {"save": str(save), "count": save is None}
    command = [sys.executable, "-m", "benchmarks.compute_less.row"]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case.name}, {row.name}: {done.stderr.strip()}")
    took: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return took


def _line(name: str, m: Measured, plain: Measured) -> str:
    gflop = f"{m.gflop:.0f} | {m.gflop / plain.gflop:.2f}" if m.gflop and plain.gflop else " | "
    same = "" if m is plain else f"{m.plain_db:.1f}"
    warping = f"{m.warping / plain.warping:.2f}" if plain.warping else ""
    cpu = f"{m.cpu_s:.1f} | {m.cpu_s / plain.cpu_s:.2f}"
    return f"| {name} | {gflop} | {cpu} | {m.peak_mb:.0f} | {m.truth_db:.2f} | {same} | {warping} |"


def _gates(case: Case, results: dict[str, Measured]) -> bool:
    print()
    gates = [(what, value, most, value <= most) for what, value, most in case.gates(results)]
    for what, value, most, met in gates:
        print(f"{what}: {value:.3f} (at most {most:g}): {'PASS' if met else 'FAIL'}", flush=True)
    return all(met for *_, met in gates)


if __name__ == "__main__":
    raise SystemExit(main())
