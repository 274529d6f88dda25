"""Does a run outlast a store that goes away, and workers that hang? Nothing may fail for either.

`python -m tests.chaos.away --items 40 --outages 6 --hangs 4 --seed 1` (part of `make chaos`): one run on a local Ray
with its clips in a bucket; outages of 5 to 60 s of three kinds, and workers that are stopped (SIGSTOP). Exit status 1
for any item that is not restored, any output that is not that of a run in peace, and for a run that had to be repeated.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import boto3

from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.storage.ledger import read_ledger
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.storage.run_layout import LEDGER
from tests.chaos import processes, verdict, workload
from tests.chaos.gate import Gate, Shut
from tests.servers import CREDENTIALS, s3_server

_SHORTEST_S, _LONGEST_S = 5.0, 60.0
_STILL_S = 15.0
"""Without a sign of work for so long a worker is taken to hang."""


class Trouble(threading.Thread):
    """Makes outages and hangs while the run goes on, each after some seconds in which it goes well."""

    def __init__(self, gate: Gate, mark: str, what: list[Shut | None], rng: Random, longest_s: float) -> None:
        super().__init__(name="trouble", daemon=True)
        self._gate, self._mark, self._what, self._rng, self._longest_s = gate, mark, what, rng, longest_s
        self._over = threading.Event()
        self.done: Counter[str] = Counter()
        self.seconds = 0.0

    def run(self) -> None:
        while self._what and not self._over.wait(self._rng.uniform(1.0, 4.0)):
            working = processes.working(self._mark)
            if not working:
                continue
            shut = self._what.pop()
            if shut is None:
                os.kill(self._rng.choice(sorted(pid for pid, _ in working)), signal.SIGSTOP)
                self.done["worker stopped"] += 1
                continue
            seconds = self._rng.uniform(min(_SHORTEST_S, self._longest_s), self._longest_s)
            self._gate.shut(shut)
            self.done[shut] += 1
            self.seconds += seconds
            self._over.wait(seconds)
            self._gate.open()

    def stop(self) -> None:
        self._over.set()
        self.join()
        self._gate.open()


def run_campaign(
    folder: Path, *, items: int, outages: int, hangs: int, seed: int, longest_s: float
) -> tuple[list[str], str]:
    """Return complaints, and a line that says what was done."""
    rng = Random(seed)
    workload.make_inputs(folder / "in", items)
    truth = workload.restore_undisturbed(folder / "in", folder / "truth")
    what: list[Shut | None] = [*(rng.choice(list(Shut)) for _ in range(outages)), *[None] * hangs]
    rng.shuffle(what)
    os.environ.update(CREDENTIALS)
    with s3_server() as store, Gate(store) as gate:
        os.environ["AWS_ENDPOINT_URL"] = store
        bucket = str(boto3.resource("s3").create_bucket(Bucket=f"away-{seed}").name)
        workload.upload(folder / "in", bucket)
        job = workload.disturbed_job(bucket, folder / "cache")
        run = replace(job.run, outage_s=300.0, workers=2, attempts=5)
        job = replace(job, run=run, limits=replace(job.limits, still_s=_STILL_S), s3=replace(job.s3, attempts=2))
        (folder / "job.yaml").write_text(dump_job(job))
        mark = uuid4().hex
        environment = {**os.environ, **processes.environment(mark), "AWS_ENDPOINT_URL": gate.url}
        environment.pop("RAY_ADDRESS", None)
        command = [sys.executable, "-m", "reelmend.pipelines.cli", "run", str(folder / "job.yaml"), "--json"]
        trouble = Trouble(gate, mark, what, rng, longest_s)
        began = time.monotonic()
        with (folder / "run.log").open("w") as log:
            driver = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
            trouble.start()
            try:
                said, _ = driver.communicate()
            finally:
                driver.kill()
                trouble.stop()
        seconds = time.monotonic() - began
        complaints = _complaints(driver.returncode, said, folder, items)
        complaints += verdict.ends(read_ledger(location_of(f"s3://{bucket}/out/_reelmend") / LEDGER), truth, bucket)
        complaints += verdict.contents(bucket, truth)
        nothing_said: dict[str, Any] = {"waited_for_store_s": 0.0, "metrics": {}}
        summary = json.loads(said) if said.startswith("{") else nothing_said
        waited_s = summary["waited_for_store_s"]
        lost = sum(
            n for name, n in summary["metrics"].items() if name.startswith("reelmend_tasks") and '"lost"' in name
        )
    did = ", ".join(f"{count} x {kind}" for kind, count in sorted(trouble.done.items()))
    return (
        complaints,
        f"{did}; {trouble.seconds:.0f} s away, {waited_s:.0f} s waited, {lost:.0f} tasks lost; {seconds:.0f} s",
    )


def _complaints(status: int, said: str, folder: Path, items: int) -> list[str]:
    broken = len(list((folder / "in").glob("*.mkv"))) - len(list((folder / "truth").glob("*.mkv")))
    if status == (3 if broken else 0) and said:
        return []
    return [f"exit status {status} of a run of {items} items: {(folder / 'run.log').read_text()[-500:]}"]


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--items", type=int, default=40)
    words.add_argument("--outages", type=int, default=6)
    words.add_argument("--hangs", type=int, default=4)
    words.add_argument("--longest-s", type=float, default=_LONGEST_S)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--keep", type=Path, help="a new folder for inputs and logs")
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="away-") as scratch:
        how = {"items": given.items, "outages": given.outages, "hangs": given.hangs, "longest_s": given.longest_s}
        complaints, did = run_campaign(given.keep or Path(scratch), **how, seed=given.seed)
    print(did)
    for complaint in complaints:
        print(f"complaint: {complaint}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
