"""Memory against video length: restores a short and a long 720p clip through Ray and compares the peaks.

    python -m benchmarks.memory [--frames 300 3000] [--executor ray]

Prints the peak resident memory of the worker process that needed most, for each length, and exits 1 when the long clip
needs over 10 % more than the short one or any process over 1.5 GB.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.clips import write_box_mask, write_pan

SIZE, BOX = (1280, 720), (160, 90)
GROWTH_LIMIT, PROCESS_LIMIT_MB = 1.10, 1536.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, nargs=2, default=[300, 3000], metavar=("SHORT", "LONG"))
    parser.add_argument("--executor", choices=["ray", "inline"], default="ray")
    args = parser.parse_args()
    print("| frames | worker peak, MB | driver peak, MB | frames/s |\n|---|---|---|---|")
    peaks = [_measure(frames, args.executor) for frames in args.frames]
    growth = peaks[1] / peaks[0]
    good = growth <= GROWTH_LIMIT and max(peaks) <= PROCESS_LIMIT_MB
    print(f"\nlong / short: {growth:.2f} (at most {GROWTH_LIMIT:.2f}): {'PASS' if good else 'FAIL'}")
    return 0 if good else 1


def _measure(frames: int, executor: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        clip = write_pan(Path(folder, "clip.mp4"), frames=frames, size=SIZE)
        mask = write_box_mask(Path(folder, "mask.png"), size=SIZE, box=BOX)
        command = [sys.executable, "-m", "reelmend.pipelines.cli", "run", "--videos", str(clip), "--masks", str(mask)]
        command += ["--out", f"{folder}/out", "--json", f"run.executor={executor}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
            driver_mb = _watch(run)
            assert run.stdout is not None
            summary = json.loads(run.stdout.read())
        if run.returncode:
            raise SystemExit(f"the run ended with {run.returncode}")
    worker_mb: float = summary["peak_rss_mb"]
    print(f"| {frames} | {worker_mb:.0f} | {driver_mb:.0f} | {summary['frames_per_second']:.1f} |", flush=True)
    return max(worker_mb, driver_mb)


def _watch(run: "subprocess.Popen[str]") -> float:
    """Return the driver's peak resident memory in MB, as the kernel keeps it, read until it ends."""
    peak_kb = 0
    while run.poll() is None:
        status = Path(f"/proc/{run.pid}/status").read_text()
        peak_kb = max([peak_kb, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
        time.sleep(0.2)
    return peak_kb / 1024


if __name__ == "__main__":
    raise SystemExit(main())
