"""A run whose inputs, cache, parts and outputs lie in a bucket may move: from one machine's Ray to three others.

The bugs this would catch: work that only the machine it was done on knows of, a lease that keeps the next machine out,
and a picture that depends on where it was computed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import InputConfig, JobConfig, StoreConfig
from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from tests.jobs import add_item, lossless_job
from tests.ray_cluster import ray_cluster

pytestmark = pytest.mark.ray

PATIENCE_S = 240
CHUNKS = 6


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two clips of three chunks each, and what a local run makes of them."""
    folder = tmp_path_factory.mktemp("local")
    for name in ("one", "two"):
        add_item(folder, name, frames=24, size=(48, 32))
    run_job(small_job(folder), SilentDisplay())
    return folder


def small_job(folder: Path, executor: ExecutorName = ExecutorName.inline) -> JobConfig:
    return lossless_job(folder, executor=executor, block_length=8, overlap=2, chunk_length=8)


@pytest.fixture
def job_file(local: Path, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same in a bucket, for Ray."""
    for path in (local / "in").iterdir():
        boto3.client("s3").upload_file(str(path), bucket, f"in/{path.name}")
    job = small_job(local, ExecutorName.ray)
    store = StoreConfig(cache_dir=str(tmp_path / "cache"))
    job = replace(job, out=f"s3://{bucket}/out", input=InputConfig(videos=[f"s3://{bucket}/in/*.mp4"]), store=store)
    (tmp_path / "job.yaml").write_text(dump_job(job))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return tmp_path / "job.yaml"


@pytest.fixture
def three_nodes(job_file: Path, _ray_for_tests: None) -> Iterator[str]:
    """Started by somebody who has the store's credentials in the environment; two nodes of three have a CPU."""
    with ray_cluster({"num_cpus": 0}, {"num_cpus": 1}, {"num_cpus": 1}) as cluster:
        yield cluster.address


def command(job_file: Path) -> list[str]:
    return [sys.executable, "-m", "reelmend.pipelines.cli", "run", str(job_file), "--json"]


def parts(objects: Any) -> dict[str, datetime]:
    """The finished parts, with their times of writing."""
    found = objects.filter(Prefix="out/_reelmend/store/parts/")
    return {part.key: part.last_modified for part in found}


@pytest.mark.slow
def test_a_run_that_was_killed_on_one_machine_goes_on_on_three_and_gives_the_bytes_of_a_local_run(
    local: Path, bucket: str, job_file: Path, three_nodes: str
) -> None:
    objects = boto3.resource("s3").Bucket(bucket).objects
    with subprocess.Popen(command(job_file), stdout=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + PATIENCE_S
        while len(parts(objects)) < 2:
            assert run.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline, "no parts were written"
            time.sleep(0.05)
        run.kill()
    before = parts(objects)

    elsewhere = {**os.environ, "RAY_ADDRESS": three_nodes}
    done = subprocess.run(command(job_file), env=elsewhere, stdout=subprocess.PIPE, check=True)
    summary = json.loads(done.stdout)
    assert summary["states"] == {"restored": 2}
    assert summary["chunks_reused"] >= 2
    assert summary["chunks_computed"] + summary["chunks_reused"] == CHUNKS
    after = parts(objects)
    assert {key: after[key] for key in before} == before, "finished parts were not written again"
    for name in ("one.mkv", "two.mkv"):
        restored = boto3.client("s3").get_object(Bucket=bucket, Key=f"out/{name}")["Body"].read()
        assert restored == (local / "out" / name).read_bytes()
