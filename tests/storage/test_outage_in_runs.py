"""A store that is away for some seconds in the middle of a run, and one that stays away."""

import json
import time
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner, Result

from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.cli import app
from reelmend.pipelines.config import InputConfig, JobConfig, RunConfig, S3Config, StoreConfig
from reelmend.pipelines.job.load import dump_job
from reelmend.pipelines.storage.ledger import read_ledger
from reelmend.pipelines.storage.location import location_of
from tests.jobs import add_item, lossless_job
from tests.storage.faulty_store import FaultyStore, faults_before

OUTAGE_S = 3.0


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number in range(3):
        add_item(folder, f"clip{number}", frames=4, size=(48, 32), audio=False)
    return folder / "in"


@pytest.fixture
def job(clips: Path, bucket: str, tmp_path: Path) -> JobConfig:
    for path in clips.iterdir():
        boto3.client("s3").upload_file(str(path), bucket, f"in/{path.name}")
    job = lossless_job(tmp_path, block_length=4, overlap=1, chunk_length=4)
    return replace(
        job,
        out=f"s3://{bucket}/out",
        input=InputConfig(videos=[f"s3://{bucket}/in/*"]),
        store=StoreConfig(cache_dir=str(tmp_path / "cache")),
        s3=S3Config(attempts=1),
        run=RunConfig(executor=ExecutorName.inline, attempts=2, outage_s=60.0),
    )


def type_in(job: JobConfig, tmp_path: Path, *words: str) -> Result:
    (tmp_path / "job.yaml").write_text(dump_job(job))
    return CliRunner().invoke(app, ["run", str(tmp_path / "job.yaml"), *words])


def break_at_the_first_output(store: FaultyStore, seconds: float) -> None:
    """From the first finished video on every request gets a 503, for so many seconds."""
    began: list[float] = []

    def refuse(asked: str) -> tuple[int, str] | None:
        if asked.startswith("PUT") and "/out/clip" in asked and not began:
            began.append(time.monotonic())
        away = bool(began) and time.monotonic() < began[0] + seconds
        return (503, "ServiceUnavailable") if away else None

    store.refuse = refuse


def test_a_run_waits_for_a_store_that_is_away_for_seconds(
    job: JobConfig, tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        break_at_the_first_output(store, OUTAGE_S)
        result = type_in(job, tmp_path, "--json")
        summary = json.loads(result.stdout)
        assert (result.exit_code, summary["states"]) == (0, {"restored": 3})
        assert 0 < summary["waited_for_store_s"] < 30
        assert "the store does not answer" in result.stderr
        assert "the store is available again after" in result.stderr
        rows = read_ledger(location_of(job.out) / "_reelmend/ledger")
        assert {row.attempts for row in rows} == {1}


def test_a_store_that_stays_away_stops_the_run_with_a_status_that_is_tried_again(
    job: JobConfig, bucket: str, tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        break_at_the_first_output(store, 1000)
        job.run.outage_s = 1.0
        result = type_in(job, tmp_path)
        assert result.exit_code == 75
        assert "The run stopped: the store did not answer for" in result.stdout
        assert "report  could not be written" in result.stdout
        store.refuse = lambda asked: None
        # The lease could not be given back, and its process lives: this one.
        boto3.client("s3").delete_object(Bucket=bucket, Key="out/_reelmend/lease.json")
        assert type_in(job, tmp_path).exit_code == 0
