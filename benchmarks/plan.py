"""Time and memory of a plan of a million items.

    python -m benchmarks.plan                      # Parquet, CSV and JSONL, frames and sizes given
    python -m benchmarks.plan --probe              # frames and sizes missing: a sample of local videos is opened
    python -m benchmarks.plan --driver             # what the driver of a run holds an item, before the first one starts

Each plan is the command itself, in a process of its own. Exits 1 when one takes over two minutes or 2 GB.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.clips import write_box_mask, write_pan
from reelmend.pipelines.config import InputConfig, JobConfig
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.run.state_machine import RunState

MOST_SECONDS, MOST_MB = 120, 2000
_SIZES = ((1920, 1080), (1280, 720), (720, 576), (3840, 2160))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--probe", action="store_true")
    parser.add_argument("--driver", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.driver:
            manifest = _write(_given(args.items), Path(folder, "items.parquet"))
            _weigh_driver(manifest)
            return 0
        rows = _on_disk(args.items, Path(folder)) if args.probe else None
        print("| manifest | seconds | CPU seconds | peak MB |\n|---|---|---|---|")
        good = True
        for suffix in ("parquet",) if args.probe else ("parquet", "csv", "jsonl"):
            manifest = _write(rows or _given(args.items), Path(folder, f"items.{suffix}"))
            seconds, cpu_seconds, peak_mb, said = _plan(manifest, [] if args.probe else ["--no-probe"])
            print(f"| {suffix} | {seconds:.1f} | {cpu_seconds:.1f} | {peak_mb:.0f} |", flush=True)
            good &= seconds <= MOST_SECONDS and peak_mb <= MOST_MB
    print(f"\n{os.cpu_count()} cores, {args.items} items\n\n{said}")
    return 0 if good else 1


def _given(count: int) -> Iterator[dict[str, object]]:
    for n in range(count):
        name, (width, height) = f"{n // 1000:04d}/clip_{n:07d}", _SIZES[n * 7 % 4]
        video, mask = f"s3://footage/in/{name}.mp4", f"s3://footage/masks/{name}.png"
        figures: dict[str, object] = {"frames": 24 + n * 7919 % 30_000, "width": width, "height": height, "fps": 25.0}
        yield {"video": video, "mask": mask, "output": name} | figures


def _on_disk(count: int, folder: Path) -> Iterator[dict[str, object]]:
    """Items that share a few videos under many names."""
    clips = [write_pan(folder / f"{n}.mp4", frames=10 * n + 10, size=(320, 180)) for n in range(8)]
    mask = write_box_mask(folder / "mask.png", size=(320, 180), box=(32, 18))
    return ({"video": str(clips[n * 5 % 8]), "mask": str(mask), "output": f"clip_{n:07d}"} for n in range(count))


def _write(rows: Iterator[dict[str, object]], place: Path) -> Path:
    """Row by row: this process's memory counts as well where it is the driver."""
    if place.suffix == ".parquet":
        writer = None
        for batch in _batches(rows):
            table = pa.Table.from_pylist(batch)
            writer = writer or pq.ParquetWriter(place, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()
        return place
    with place.open("w", newline="") as target:
        table = None
        for row in rows:
            if place.suffix == ".csv":
                if table is None:
                    table = csv.DictWriter(target, row)
                    table.writeheader()
                table.writerow(row)
            else:
                target.write(json.dumps(row) + "\n")
    return place


def _batches(rows: Iterator[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == 50_000:
            yield batch
            batch = []
    if batch:
        yield batch


def _plan(manifest: Path, options: list[str]) -> tuple[float, float, float, str]:
    """Return seconds, CPU seconds, the peak of its memory, and what it printed."""
    command = [
        sys.executable,
        "-c",
        "from reelmend.pipelines.cli import main; main()",
        "plan",
        "--manifest",
        str(manifest),
    ]
    began = time.monotonic()
    with subprocess.Popen(
        [*command, "--out", "s3://footage/out", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"reelmend plan ended with {process.returncode}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000, said


def _weigh_driver(manifest: Path) -> None:
    job = JobConfig(out="s3://footage/out", input=InputConfig(manifest=str(manifest)))
    at_first, began = _rss_bytes(), time.monotonic()
    items = discover(job)
    found, seconds = _rss_bytes(), time.monotonic() - began
    state = RunState(items, attempts=3, active_items=0)
    print(f"items: {(found - at_first) / len(items):.0f} bytes each, {seconds:.1f} s")
    print(f"rows and queue: {(_rss_bytes() - found) / len(state.rows):.0f} bytes each")


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    raise SystemExit(main())
