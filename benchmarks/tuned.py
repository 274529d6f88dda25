"""Fresh runs with what `reelmend tune` chose, against the job's own settings.

    python -m benchmarks.tuned [--engine propagation] [--budget 10m] [--repeats 3]

Two clips that pan behind a logo. `reelmend tune` measures on them and writes its preset; then `reelmend run` restores
both, with the preset and without, in turns, each time into an empty folder. Seconds by the clock of the whole command,
the best of each. Engine `propainter` has drawn weights. Exit status 1 when the preset is slower.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks.clips import write_box_mask, write_pan
from reelmend.core_model.bench.weights import with_drawn_weights
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft

CLIPS = {"propagation": ((640, 360), (150, 180)), "propainter": ((160, 96), (24, 32))}
"""Size and frames of both clips."""
_REELMEND = [sys.executable, "-P", "-m", "reelmend.pipelines.cli"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tuned", description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=list(CLIPS), default="propagation")
    parser.add_argument("--budget", default="10m", help="what `reelmend tune` may take")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is run; the best counts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        job = _write_job(folder, arguments.engine)
        preset = folder / "tuned.yaml"
        tuned = json.loads(_said(["tune", job, "--budget", arguments.budget, "--to", preset, "--json"]))
        settings = yaml.safe_load(preset.read_text())
        settings.pop("tuned")
        own, chosen = [], []
        for turn in range(arguments.repeats):
            own.append(_run_s(job, folder / f"own-{turn}"))
            chosen.append(_run_s(job, folder / f"chosen-{turn}", "--preset", preset))
    print("| setting tried | value | s per frame / own | loss dB | verdict |\n|---|---|---|---|---|")
    for row in tuned["rows"]:
        for key, value in list(row["settings"].items())[-1:]:
            ratio = row["seconds_per_frame"] / tuned["own"]["seconds_per_frame"]
            print(f"| `{key}` | {value} | {ratio:.2f} | {row['loss_db']:.2f} | {row['why']} |")
    ratio = min(chosen) / min(own)
    print(f"\nchosen: {settings or 'the own settings, nothing else was faster'}")
    print(f"own settings {min(own):.1f} s, chosen ones {min(chosen):.1f} s")
    if not settings:
        print(f"PASS  the same settings twice: {ratio:.2f}, which is what this machine's noise makes of 1")
        return 0
    good = ratio <= 1
    print(f"{'PASS' if good else 'FAIL'}  chosen / own in fresh runs: {ratio:.2f}, at most 1")
    return 0 if good else 1


def _write_job(folder: Path, engine: str) -> Path:
    size, lengths = CLIPS[engine]
    (folder / "in").mkdir()
    for number, frames in enumerate(lengths):
        write_pan(folder / "in" / f"{number}.mp4", frames=frames, size=size)
        write_box_mask(folder / "in" / f"{number}_mask.png", size=size, box=(size[0] // 8, size[1] // 8))
    job: dict[str, Any] = {"engine": engine, "input": {"videos": ["in/*.mp4"]}, "out": "out"}
    if engine == "propainter":
        networks = {"raft": Raft(), "flow_completion": FlowCompletion(), "generator": InpaintGenerator()}
        for name, network in networks.items():
            torch.save(with_drawn_weights(network).state_dict(), folder / f"{name}.pth")
        job["propainter"] = {name: f"{name}.pth" for name in networks}
    file = folder / "job.yaml"
    file.write_text(yaml.safe_dump(job))
    return file


def _run_s(job: Path, out: Path, *words: object) -> float:
    began = time.monotonic()
    _said(["run", job, "--out", out, "--json", *words])
    return time.monotonic() - began


def _said(words: list[object]) -> str:
    done = subprocess.run([*_REELMEND, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"reelmend {words[0]} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
