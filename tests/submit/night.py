"""A night's run as a team has it: clips and a manifest in a bucket, `reelmend submit`, Prometheus that looks on."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError

import yaml

from reelmend.pipelines.storage.sealed import unseal
from tests.clips import moving_box, scene, write_clip, write_mask_image
from tests.scrapes import scrape, scrape_ray
from tests.submit.machines import Head

CLIPS, FRAMES, SIZE = 12, 8, (48, 32)
UNTOUCHED = 7
"""The clip in which nothing is masked."""
_LOOK_S, _LOOKS = 0.1, 3000


class Night(NamedTuple):
    exit_status: int
    log: str
    run: dict[str, Any]
    """run.json."""
    seen: list[dict[str, float]]
    """What the run's own port showed, ten times a second."""
    exported: list[dict[str, float]]
    """What Ray's exporter showed, once a second."""


def put_clips(bucket: Any, folder: Path) -> None:
    """Write clips that differ in every frame, two masks, and the manifest that names them."""
    rows = io.StringIO(newline="")
    writer = csv.writer(rows)
    writer.writerow(("video", "mask"))
    write_mask_image(folder / "box.png", moving_box(1, SIZE, (8, 6))[0])
    write_mask_image(folder / "nothing.png", moving_box(1, SIZE, (0, 0))[0])
    for number in range(CLIPS):
        path = folder / f"clip_{number:02d}.mkv"
        write_clip(path, codec="ffv1", audio=False, pictures=scene(FRAMES, SIZE, seed=number))
        writer.writerow((path.name, "nothing.png" if number == UNTOUCHED else "box.png"))
    (folder / "manifest.csv").write_text(rows.getvalue())
    for path in folder.iterdir():
        bucket.upload_file(str(path), f"footage/{path.name}")


def write_job(path: Path, bucket: str, port: int) -> None:
    """Everything in the bucket; two segments and chunks a clip."""
    job = {
        "input": {"manifest": f"s3://{bucket}/footage/manifest.csv"},
        "out": f"s3://{bucket}/restored",
        "store": {"root": f"s3://{bucket}/store", "cache_dir": str(path.parent / "cache")},
        "flow": {"segment_length": 4},
        "plan": {"shots": False, "block_length": 4, "overlap": 1, "chunk_length": 4},
        "metrics": {"port": port},
    }
    path.write_text(yaml.safe_dump(job))


def ended(figures: dict[str, float]) -> float:
    """Items that have."""
    return sum(value for series, value in figures.items() if series.startswith("reelmend_items_total"))


def watched(head: Head, job: Path, port: int, bucket: Any, midway: Callable[[], None]) -> Night:
    """Submit the job, look on, call `midway` when a quarter of the clips has ended, and return how it went."""
    command = [sys.executable, "-m", "reelmend.pipelines.cli", "submit", str(job), "--address", head.url]
    log, still_whole = job.with_suffix(".log"), True
    seen: list[dict[str, float]] = []
    exported: list[dict[str, float]] = []
    with log.open("w") as said, subprocess.Popen(command, env=head.env, stdout=said, stderr=said) as process:
        for look in range(_LOOKS):
            try:
                process.wait(_LOOK_S)
                break
            except subprocess.TimeoutExpired:
                _look(lambda: scrape(port), seen)
                if look % 10 == 0:
                    _look(lambda: scrape_ray(head.exporter), exported)
            if still_whole and seen and ended(seen[-1]) >= CLIPS // 4:
                midway()
                still_whole = False
        process.kill()
    run = unseal(json.loads(bucket.Object("restored/_reelmend/run.json").get()["Body"].read()))
    return Night(process.returncode, log.read_text(), run, seen, exported)


def _look(scraped: Callable[[], dict[str, float]], seen: list[dict[str, float]]) -> None:
    """A run that has not begun, or has ended, shows nothing."""
    try:
        if figures := scraped():
            seen.append(figures)
    except (URLError, ConnectionError):
        return
