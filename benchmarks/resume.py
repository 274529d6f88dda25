"""Time of a run with nothing to do: a finished run of many items, run again.

    python -m benchmarks.resume --items 100000            # on the disk
    python -m benchmarks.resume --items 10000 --s3        # in moto's server (needs moto[server])

Videos and outputs are a few bytes each, records and ledger those of a real run. Counted are the requests of the whole
command, by the server between it and the store.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelmend.pipelines.choices import Codec, ExecutorName
from reelmend.pipelines.config import InputConfig, JobConfig, RunConfig, StitchConfig
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.run_layout import LEDGER, WORK_FOLDER
from tests.storage.faulty_store import faults_before
from tests.storage.finished_runs import write_finished_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--s3", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.s3:
            with _object_store() as endpoint:
                _write(args.items, "s3://bucket/data", Path(folder))
                with faults_before(endpoint) as store:
                    os.environ["AWS_ENDPOINT_URL"] = store.url
                    seconds = _run("s3://bucket/data", Path(folder))
            print(f"requests: {dict(Counter(asked.split()[0] for asked in store.asked))}, {len(store.asked)} in all")
        else:
            _write(args.items, folder, Path(folder))
            seconds = _run(folder, Path(folder))
    print(f"{os.cpu_count()} cores, {args.items} items: {seconds[0]:.1f} s, {seconds[1]:.1f} s of the processor's")


def _job(place: str, folder: Path) -> JobConfig:
    return JobConfig(
        out=f"{place}/out",
        input=InputConfig(manifest=str(folder / "manifest.jsonl")),
        stitch=StitchConfig(codec=Codec.ffv1),
        run=RunConfig(executor=ExecutorName.inline),
    )


def _write(count: int, place: str, folder: Path) -> None:
    rows = ({"video": f"{place}/in/{n:07d}.mp4", "mask": f"{place}/in/mask.png"} for n in range(count))
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    job = _job(place, folder)
    context = RunContext("first", job)
    worker_context, ledger = WorkerContext(context), context.work / LEDGER
    fsync, os.fsync = os.fsync, lambda fd: None  # nothing here has to survive a power cut
    write_finished_run(discover(job), ledger, job, worker_context)
    os.fsync = fsync
    time.sleep(3)
    for part in worker_context.files.children(
        ledger / "parts"
    ):  # a real run's last records are few, and some seconds old
        worker_context.files.write(part.place, worker_context.files.read(part.place) or b"")
    print(f"written: {count} items in {place}, {WORK_FOLDER} with them")


def _run(place: str, folder: Path) -> tuple[float, float]:
    """Return seconds by the wall's clock and by the processor's."""
    began, worked = time.monotonic(), time.process_time()
    summary = run_job(_job(place, folder), SilentDisplay())
    assert summary.finished_earlier == summary.items, summary
    return time.monotonic() - began, time.process_time() - worked


@contextmanager
def _object_store() -> Iterator[str]:
    import boto3

    command = [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with tempfile.TemporaryFile("w+") as log, subprocess.Popen(command, stderr=log) as process:
        address = None
        while address is None:
            time.sleep(0.1)
            log.seek(0)
            address = re.search(r"http://127\.0\.0\.1:\d+", log.read())
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ[name] = "benchmark"
        os.environ |= {"AWS_ENDPOINT_URL": address.group(), "AWS_DEFAULT_REGION": "us-east-1"}
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield address.group()
        process.terminate()


if __name__ == "__main__":
    main()
