"""Share of the time in which an engine that sleeps like a GPU has work, through Ray, decoding and encoding included.

    python -m benchmarks.busy [--clips 4] [--frames 480] [--size 432x240] [--speed 100] [--flow]

One worker, whose engine takes 10 ms a frame and no processor time, and two cores for everything else: probes, reading,
packing, stitches. From the engine's first frame to its last it is busy as long as its frames take by themselves. Runs
with reading ahead and packing behind off and on take turns; the best of each counts. The load of the machine by others
is shown, for no figure can be read without it. Exit status 1: below 90 % with both on.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.clips import write_box_mask, write_pan

LEAST_BUSY = 0.9
_CORES = 2
_ROOT = Path(__file__).parents[1]
_RUN = """
import sys
import ray
from reelmend.pipelines.cli import main
ray.init("local", num_cpus={cores}, include_dashboard=False, log_to_driver=False, configure_logging=False)
main()
"""


class Measured(NamedTuple):
    busy: float
    """Of the time between the engine's first frame and its last."""
    median_gap_s: float
    """From one block to the next, mostly within a chunk."""
    longest_gap_s: float
    gaps_s: float
    thread_s: float
    """Processor time of the threads that drive the engine, between its stretches."""
    by_stage: dict[str, float]
    """Seconds by the clock, summed over tasks."""
    load: float
    """Processes that wanted a core, on average over the last minute, at the end."""
    peak_mb: float
    """Resident memory of the worker at its peak."""


class Stretch(NamedTuple):
    """Work of the simulated GPU."""

    began: float
    seconds: float
    thread_s: float
    process: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.busy", description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--frames", type=int, default=480, help="of each clip")
    parser.add_argument("--size", default="432x240", help="WIDTHxHEIGHT")
    parser.add_argument("--box", default="96x64", help="WIDTHxHEIGHT of the hole")
    parser.add_argument("--speed", type=float, default=100.0, help="frames per second of the engine")
    parser.add_argument("--flow", action="store_true", help="the engine reads flow, and measures it itself")
    parser.add_argument("--workers", type=int, default=1, help="that share the simulated GPU")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="further settings of the job")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    box_width, box_height = map(int, arguments.box.split("x"))
    runs: dict[bool, list[Measured]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _install(folder / "site")
        (folder / "in").mkdir()
        for number in range(arguments.clips):
            write_pan(folder / f"in/clip{number}.mp4", frames=arguments.frames, size=(width, height), seed=number)
        mask = write_box_mask(folder / "mask.png", size=(width, height), box=(box_width, box_height))
        for turn in range(arguments.repeats):
            for fed in (False, True):
                runs[fed].append(_measure(folder, mask, f"{turn}-{fed}", fed, arguments))
    frames = f"{arguments.clips} clips of {arguments.frames} frames, {arguments.size}, {arguments.speed:g} frames/s"
    print(f"{frames}, {arguments.workers} worker(s), {_CORES} cores\n")
    print(
        "| fed | busy | median gap, s | longest gap, s | gaps, s | of which CPU of the worker's thread, s "
        "| worker seconds by stage | worker peak, MB | load of the machine |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    best = {fed: max(each, key=lambda run: run.busy) for fed, each in runs.items()}
    for fed, run in best.items():
        stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in run.by_stage.items())
        print(
            f"| {'on' if fed else 'off'} | {run.busy:.1%} | {run.median_gap_s:.2f} | {run.longest_gap_s:.2f} "
            f"| {run.gaps_s:.2f} | {run.thread_s:.2f} | {stages} | {run.peak_mb:.0f} | {run.load:.1f} |"
        )
    good = best[True].busy >= LEAST_BUSY
    print(f"\n{'PASS' if good else 'FAIL'}  busy: {best[True].busy:.1%}, at least {LEAST_BUSY:.0%}")
    return 0 if good else 1


def _install(site: Path) -> None:
    """Make the engines those of an installed package, so that workers have them."""
    info = site / "sleeping_engine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sleeping-engine\nVersion: 1.0\n")
    module = "benchmarks.sleeping_engine"
    (info / "entry_points.txt").write_text(
        f"[reelmend.engines]\nsleeping = {module}:SLEEPING\nsleeping_flow = {module}:SLEEPING_FLOW\n"
    )


def _measure(folder: Path, mask: Path, name: str, fed: bool, arguments: argparse.Namespace) -> Measured:
    engine, log = "sleeping_flow" if arguments.flow else "sleeping", folder / f"{name}.log"
    command = [sys.executable, "-c", _RUN.format(cores=_CORES), "run", "--videos", f"{folder}/in/*.mp4"]
    command += ["--masks", str(mask), "--out", str(folder / name), "--json", f"engine={engine}", "run.executor=ray"]
    command += [f"run.workers={arguments.workers}", f"{engine}.log={log}", f"{engine}.fed={json.dumps(fed)}"]
    command += [f"{engine}.frames_per_second={arguments.speed:g}", *arguments.set]
    path = os.pathsep.join([str(folder / "site"), str(_ROOT), str(_ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}, check=True)
    summary: dict[str, Any] = json.loads(ran.stdout)
    stretches = sorted(Stretch(*map(float, line.split())) for line in log.read_text().splitlines())
    began, ended = stretches[0].began, max(one.began + one.seconds for one in stretches)
    gaps = [later.began - (earlier.began + earlier.seconds) for earlier, later in pairwise(stretches)]
    computed = sum(one.seconds for one in stretches)
    thread_s = sum(
        later.thread_s - earlier.thread_s
        for process in {one.process for one in stretches}
        for earlier, later in pairwise(one for one in stretches if one.process == process)
    )
    measured = Measured(
        busy=computed / (ended - began),
        median_gap_s=median(gaps) if gaps else 0.0,
        longest_gap_s=max(gaps, default=0.0),
        gaps_s=sum(gaps),
        thread_s=thread_s,
        peak_mb=summary["peak_rss_mb"],
        by_stage=summary["seconds_by_stage"],
        load=os.getloadavg()[0],
    )
    print(f"{name}: busy {measured.busy:.1%}, gaps {[round(gap, 2) for gap in gaps]}", file=sys.stderr, flush=True)
    return measured


if __name__ == "__main__":
    raise SystemExit(main())
