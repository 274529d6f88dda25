"""Presets of the networks, compared: operations, processor time and memory, with drawn weights.

    python -m benchmarks.presets [--size 128x128] [--frames 12]

Every preset restores the same clip at its own size, so that `process.max_side` has no part in the figures: that is the
column of pixels, for a source of 1920x1080. Each row is a process, by the same code as `reelmend tune`.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from torch import nn

from reelmend.core_model.bench.clip import made_clip
from reelmend.core_model.bench.weights import with_drawn_weights
from reelmend.core_model.networks.flow_completion import FlowCompletion
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.raft import Raft
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.media.sizes import Size, process_size
from reelmend.pipelines.tuning.hidden import HiddenClip
from reelmend.pipelines.tuning.measure import Bench, Row

_NETWORKS: dict[str, type[nn.Module]] = {"raft": Raft, "flow_completion": FlowCompletion, "generator": InpaintGenerator}
_PRESETS = ("propainter", "propainter_fast", "propainter_best", "propainter_small_gpu")
_SOURCE = (1920, 1080)
_LIMIT_S = 3600.0
_HEAD = "| preset | pixels | operations per pixel | together | CPU s per pixel | peak MB |"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="128x128", metavar="WxH")
    parser.add_argument("--frames", type=int, default=12)
    given = parser.parse_args()
    width, _, height = given.size.partition("x")
    clip = _clip((int(width), int(height)), given.frames)
    with tempfile.TemporaryDirectory() as folder:
        weights = _weights(Path(folder))
        measured = [(name, *_measure(name, clip, weights, Path(folder))) for name in _PRESETS]
    print(f"{_HEAD}\n|{'---|' * (_HEAD.count('|') - 1)}")
    _, own_job, own = measured[0]
    for name, job, row in measured:
        pixels = _pixels(job) / _pixels(own_job)
        operations = row.operations / own.operations
        cpu = row.cpu_seconds_per_frame / own.cpu_seconds_per_frame
        print(
            f"| `{name}` | {pixels:.2f} | {operations:.2f} | {pixels * operations:.2f} | {cpu:.2f} | {row.memory_mb:.0f} |",
            flush=True,
        )
    print(f"\n`propainter`: {own.operations / 1e9:.0f} GFLOP, {own.cpu_seconds_per_frame * given.frames:.0f} CPU s")


def _clip(size: Size, frames: int) -> HiddenClip:
    shown, masks = made_clip(frames, size)
    return HiddenClip("disc", shown, masks, shown, masks, 1.0)


def _weights(folder: Path) -> dict[str, str]:
    files = {}
    for name, network in _NETWORKS.items():
        files[name] = str(folder / f"{name}.pth")
        torch.save(with_drawn_weights(network()).state_dict(), files[name])
    return files


def _measure(name: str, clip: HiddenClip, weights: dict[str, str], folder: Path) -> tuple[JobConfig, Row]:
    flags = {f"propainter.{network}": file for network, file in weights.items()}
    job = load_job(preset=name, flags={**flags, "run.executor": "inline"})
    place = folder / name
    place.mkdir()
    row = Bench(job, [clip], place, cores=1, gpu=False).measure({}, _LIMIT_S, operations=True)
    if row.failed:
        raise SystemExit(f"{name}: {row.failed}")
    return job, row


def _pixels(job: JobConfig) -> int:
    width, height = process_size(_SOURCE, job)
    return width * height


if __name__ == "__main__":
    main()
