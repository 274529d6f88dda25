"""Does a run survive everything at once? Clips in a bucket behind a store that fails, with a killer about.

`python -m tests.chaos.campaign --items 240 --kills 30 --seed 1` (`make chaos`) prints what was done to it and what came
of it; exit status 1 when anything was lost, wrong, done twice or left over.
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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import boto3
from ray.cluster_utils import Cluster

from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.storage.ledger import ItemState, read_ledger
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.storage.run_layout import LEDGER
from tests.chaos import processes, twins, verdict, workload
from tests.chaos.killer import Kill, Killed, Killer
from tests.chaos.meddler import Meddler
from tests.ray_cluster import ray_cluster
from tests.servers import CREDENTIALS, s3_server

_RAY = {"RAY_AUTH_MODE": "disabled", "RAY_num_workers_soft_limit": "3"}
"""A node of one CPU would end its idle processes after a second, and every probe begin with a start of Python."""
_ROUNDS = 80
_HONEST = (0, 2, 3, 130, -signal.SIGKILL, -signal.SIGTERM)
"""Exit statuses that say what happened; 1 is a mistake of ours."""
_END_S = 120.0
"""For processes to end that have lost what they live for."""


@dataclass
class Outcome:
    """What was done to the runs, and what came of it."""

    complaints: list[str] = field(default_factory=list)
    kills: list[Killed] = field(default_factory=list)
    meddling: list[Killed] = field(default_factory=list)
    faults: dict[str, tuple[int, int]] = field(default_factory=dict)
    exits: Counter[int] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    repeated: int = 0
    seconds: float = 0.0

    @property
    def harm(self) -> int:
        return len(self.kills + self.meddling) + sum(total for total, _ in self.faults.values())


def run_campaign(
    folder: Path, *, items: int, kills: int, mean_requests: float, share: float, seed: int, twice: bool = False
) -> Outcome:
    """Restore `items` clips while `share` of the requests and `kills` processes come to harm.

    While processes do, somebody writes over sources and puts them back, and damages events between runs. With `twice`,
    two runs begin at once before a store that ignores conditions.

    The first sixth of the kills fall on a Ray that the run starts on this machine, the others on three nodes: a Ray
    whose driver was killed takes a minute to go, and this waits until it has gone.
    """
    outcome = Outcome()
    workload.make_inputs(folder / "in", items)
    truth = workload.restore_undisturbed(folder / "in", folder / "truth")
    began = time.monotonic()
    with ExitStack() as stack:
        store = stack.enter_context(s3_server())
        proxy = stack.enter_context(_proxy(store, seed, share, folder / "diary.jsonl"))
        stack.enter_context(_environment({"AWS_ENDPOINT_URL": store, **CREDENTIALS}))
        bucket = str(boto3.resource("s3").create_bucket(Bucket=f"chaos-{seed}").name)
        workload.upload(folder / "in", bucket)
        job = folder / "job.yaml"
        job.write_text(dump_job(workload.disturbed_job(bucket, folder / "cache")))
        killer = Killer(seed, mark := uuid4().hex, _Counted(folder / "diary.jsonl"), mean_requests)
        meddler = Meddler(seed, bucket, workload.to_meddle_with(folder / "in"))
        _disturb(job, folder, proxy, killer, meddler, kills, mark, outcome)

        rows = read_ledger(location_of(f"s3://{bucket}/out/_reelmend") / LEDGER)
        outcome.states.update(row.state.value for row in rows)
        outcome.complaints += verdict.ends(rows, truth, bucket)
        outcome.complaints += _run_in_peace(job, store)
        outcome.complaints += verdict.contents(bucket, truth)
        if twice:
            other = folder / "twins.yaml"
            other.write_text(dump_job(workload.disturbed_job(bucket, folder / "twins-cache", out="twins")))
            careless = stack.enter_context(_proxy(store, seed, 0.0, folder / "twins.jsonl", "without-conditions"))
            outcome.complaints += twins.run_twins(other, careless)
        diary = verdict.read_diary(folder / "diary.jsonl")
        unexplained, outcome.repeated = verdict.repeats(diary, outcome.kills + outcome.meddling)
        outcome.complaints += unexplained
        outcome.complaints += verdict.written_past(diary, truth)
        outcome.complaints += [f"{path}: left over" for path in (folder / "cache").glob("staged/*")]
        outcome.faults, outcome.requests = verdict.mended(diary), len(diary)
    outcome.seconds = time.monotonic() - began
    return outcome


class _Counted:
    """Lines of a file that grows."""

    def __init__(self, path: Path) -> None:
        self._file, self._lines = path.open("rb"), 0

    def __call__(self) -> int:
        self._lines += self._file.read().count(b"\n")
        return self._lines


def _disturb(
    job: Path,
    folder: Path,
    proxy: str,
    killer: Killer,
    meddler: Meddler,
    kills: int,
    mark: str,
    outcome: Outcome,
) -> None:
    """Type the same command until everything has ended, whatever happens to it."""
    environment = {**os.environ, **processes.environment(mark), "AWS_ENDPOINT_URL": proxy, "OMP_NUM_THREADS": "1"}
    environment |= _RAY
    command = [sys.executable, "-m", "reelmend.pipelines.cli", "run", str(job), "--json"]
    killer.left, on_nodes = kills // 6, kills - kills // 6
    with ExitStack() as stack:
        cluster: Cluster | None = None
        for number in range(_ROUNDS):
            if killer.left == 0 and cluster is None and on_nodes:
                cluster = stack.enter_context(_three_nodes(mark, proxy))
                killer.left = on_nodes
            where = {"RAY_ADDRESS": cluster.address} if cluster else {}
            log = folder / f"run-{number}.log"
            meddling = killer.left > 0
            status = _type_in(command, {**environment, **where}, log, killer, meddler if meddling else None, cluster)
            outcome.exits[status] += 1
            print(f"run {number}: exit status {status}, {killer.left} kills to come", file=sys.stderr, flush=True)
            if status not in _HONEST or "Traceback" in log.read_text():
                outcome.complaints.append(f"run {number} ended with exit status {status}: {_last_line(log)}")
                break
            if cluster is None:
                left = processes.none_left(lambda: processes.of_ray(mark), _END_S)
                outcome.complaints += [f"process {pid} is left of a local Ray: {line}" for pid, line in left]
            all_ended = _all_ended(log.with_suffix(".json"), status, outcome.complaints)
            if all_ended and not meddling:
                break
            if all_ended:  # perhaps from content that was another one then: the next run, in peace, tells
                killer.left = on_nodes = 0
            if meddling:
                meddler.damage_events()
        else:
            outcome.complaints.append(f"not at its end after {_ROUNDS} runs")
        left = processes.none_left(lambda: processes.working(mark), _END_S)
        outcome.complaints += [f"process {pid} is left of a run: {line}" for pid, line in left]
        outcome.kills, outcome.meddling = killer.done, meddler.done


def _type_in(
    command: list[str],
    environment: dict[str, str],
    log: Path,
    killer: Killer,
    meddler: Meddler | None,
    cluster: Cluster | None,
) -> int:
    """Run the command with the killer about and return its exit status; what it prints goes beside the log."""
    ended = threading.Event()
    with log.with_suffix(".json").open("w") as stdout, log.open("w") as stderr:
        driver = subprocess.Popen(command, env=environment, stdout=stdout, stderr=stderr, text=True)
        try:
            about = [killer.hunt(driver, cluster)]
            about += [meddler.meddle(driver, ended)] if meddler else []
            status = driver.wait()
            ended.set()
            for thread in about:
                thread.join()
        finally:
            ended.set()
            driver.kill()
    return status


def _last_line(log: Path) -> str:
    return (log.read_text().splitlines() or [""])[-1]


def _all_ended(said: Path, status: int, complaints: list[str]) -> bool:
    """Restored or quarantined; failed items want the same command once more."""
    text = said.read_text()
    if status not in (0, 3) or not text:
        return False
    try:
        summary = json.loads(text)
    except ValueError:
        complaints.append(f"{said}: is not JSON: {text[:200]}")
        return False
    good = (ItemState.RESTORED, ItemState.UNTOUCHED, ItemState.QUARANTINED)
    ended: int = sum(summary["states"].get(state, 0) for state in good)
    items: int = summary["items"]
    return ended == items


def _run_in_peace(job: Path, store: str) -> list[str]:
    """The same command once more finds everything done, and clears away what killed ones left."""
    command = [sys.executable, "-m", "reelmend.pipelines.cli", "run", str(job), "--json"]
    environment = {**os.environ, "AWS_ENDPOINT_URL": store}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        return [f"a last run in peace: exit status {done.returncode}: {done.stderr}"]
    summary = json.loads(done.stdout)
    computed = summary["chunks_computed"]
    return [f"a last run in peace had {computed} chunks to compute"] if computed else []


@contextmanager
def _proxy(store: str, seed: int, share: float, diary: Path, *more: str) -> Iterator[str]:
    command = [sys.executable, "-u", "-m", "tests.chaos.proxy", store, str(seed), str(share), str(diary), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def _three_nodes(mark: str, proxy: str) -> Iterator[Cluster]:
    """A head that runs nothing, and two nodes that may die."""
    head, node = {"num_cpus": 0}, {"num_cpus": 1}
    inherited = {**processes.environment(mark), **_RAY, "AWS_ENDPOINT_URL": proxy, "OMP_NUM_THREADS": "1"}
    with _environment(inherited), ray_cluster(head, node, node) as cluster:
        yield cluster


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """What is started meanwhile inherits these."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def table(outcome: Outcome) -> str:
    """As Markdown."""
    lines = ["| fault | times | asked again and answered |", "|---|---|---|"]
    lines += [f"| {kind} | {total} | {again} |" for kind, (total, again) in sorted(outcome.faults.items())]
    counts = Counter(kill.kind for kill in outcome.kills + outcome.meddling)
    lines += [f"| {kind} | {counts[kind]} | |" for kind in Kill if counts[kind]]
    lines += [f"| **together** | {outcome.harm} | |", ""]
    runs = ", ".join(f"{count} with exit status {status}" for status, count in sorted(outcome.exits.items()))
    lines += [
        f"Runs: {runs}. Items: {dict(outcome.states)}. Requests: {outcome.requests}. Seconds: {outcome.seconds:.0f}."
    ]
    lines += [f"Written twice after a fault: {outcome.repeated}. Complaints: {len(outcome.complaints)}."]
    return "\n".join(lines)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--items", type=int, default=240)
    words.add_argument("--kills", type=int, default=30)
    words.add_argument("--mean-requests", type=float, default=150.0, help="between two kills, on average")
    words.add_argument("--share", type=float, default=0.05, help="of requests that meet a fault")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--keep", type=Path, help="a new folder for inputs, logs and the diary of requests")
    given = words.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch:
        folder = given.keep or Path(scratch)
        how = {"items": given.items, "kills": given.kills, "mean_requests": given.mean_requests, "share": given.share}
        outcome = run_campaign(folder, **how, seed=given.seed, twice=True)
    print(table(outcome))
    for complaint in outcome.complaints:
        print(f"complaint: {complaint}")
    return 1 if outcome.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
