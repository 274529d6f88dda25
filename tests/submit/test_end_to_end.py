"""A night in production, all of it real and on loopback: head, two machines, a bucket, a dozen clips; one machine dies.

Whoever asks afterwards, and whomever, is told the same: by status, report, summary, ledger and Prometheus.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import boto3
import pytest

from reelmend.pipelines.observe.metrics import METRICS, Kind
from reelmend.pipelines.storage.ledger import ItemRow, read_ledger
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.tasks import Stage
from tests.pages import Page
from tests.scrapes import free_port
from tests.servers import CREDENTIALS
from tests.submit.machines import Head, lose_one_at_work
from tests.submit.night import CLIPS, Night, ended, put_clips, watched, write_job

pytestmark = [pytest.mark.slow, pytest.mark.ray]

BUCKET = "night"
OUTCOMES = {"restored": CLIPS - 1, "untouched": 1}


@pytest.fixture(scope="module")
def bucket(head: Head) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as here:
        for name in ("AWS_ENDPOINT_URL", *CREDENTIALS):
            here.setenv(name, head.env[name])
        yield boto3.resource("s3").create_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def job(bucket: Any, port: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("worker_context") / "night.yaml"
    write_job(path, BUCKET, port)
    put_clips(bucket, tmp_path_factory.mktemp("footage"))
    return path


@pytest.fixture(scope="module")
def night(head: Head, bucket: Any, job: Path, port: int) -> Night:
    return watched(head, job, port, bucket, midway=lambda: lose_one_at_work(head.machines))


@pytest.fixture(scope="module")
def rows(night: Night) -> list[ItemRow]:
    return read_ledger(location_of(f"s3://{BUCKET}/restored/_reelmend/ledger"))


def by_stage(figures: Mapping[str, float], metric: str, **labels: str) -> dict[str, float]:
    """The values of a counter by stage, summed over its other labels."""
    named = [f'{key}="{said}"' for key, said in labels.items()]
    asked = {
        series: value
        for series, value in figures.items()
        if series.startswith(f"{metric}{{") and all(label in series for label in named)
    }
    sums = {str(stage): sum(asked[series] for series in asked if f'stage="{stage}"' in series) for stage in Stage}
    return {stage: value for stage, value in sums.items() if value > 0}


def test_the_run_ends_well_though_a_machine_was_lost(night: Night, bucket: Any) -> None:
    assert night.exit_status == 0, night.log
    assert sum(by_stage(night.run["metrics"], "reelmend_tasks_total", outcome="lost").values()) >= 1
    outputs = sorted(PurePosixPath(one.key).stem for one in bucket.objects.filter(Prefix="restored/clip"))
    assert outputs == [f"clip_{number:02d}" for number in range(CLIPS)]


def test_how_items_ended_is_told_alike_by_all(night: Night, rows: list[ItemRow], bucket: Any, tmp_path: Path) -> None:
    assert night.run["states"] == OUTCOMES
    assert Counter(str(row.state) for row in rows) == OUTCOMES
    review = sum(row.review for row in rows)
    look = f" ({review} to review)" if review else ""
    assert f"{CLIPS}: {CLIPS - 1} restored{look}, 1 untouched" in night.log
    assert night.run["quality"]["review"] == night.run["metrics"]["reelmend_items_review_total"] == review
    series = {outcome: f'reelmend_items_total{{outcome="{outcome}"}}' for outcome in OUTCOMES}
    assert {outcome: night.run["metrics"][name] for outcome, name in series.items()} == OUTCOMES
    bucket.download_file("restored/_reelmend/report.html", str(tmp_path / "report.html"))
    report = Page(tmp_path / "report.html")
    assert Counter(row["state"] for row in report.rows) == OUTCOMES
    assert {row["id"]: (row["state"], row["frames"]) for row in report.rows} == {
        row.id: (str(row.state), row.frames) for row in rows
    }
    assert f"{night.run['frames_computed']} " in report.text


def test_status_from_another_machine_says_what_the_run_said(night: Night, head: Head) -> None:
    asked = head.reelmend("status", f"s3://{BUCKET}/restored", "--json")
    told = json.loads(asked.stdout)
    assert {key: told[key] for key in night.run} == night.run
    assert (told["ended"], told["life"], told["bad_items"]) == (True, "ended", 0)


def test_tasks_frames_seconds_and_bytes_are_those_of_the_ledger(night: Night, rows: list[ItemRow]) -> None:
    run, figures = night.run, night.run["metrics"]
    tasks = {outcome: by_stage(figures, "reelmend_tasks_total", outcome=outcome) for outcome in ("computed", "reused")}
    assert sum(tasks["computed"].values()) == run["tasks_computed"] == sum(row.tasks_computed for row in rows)
    assert sum(tasks["reused"].values()) == run["tasks_reused"] == sum(row.tasks_reused for row in rows)
    assert tasks["computed"]["inpaint"] == run["chunks_computed"]
    frames = by_stage(figures, "reelmend_frames_total")
    assert frames == {stage: done["frames"] for stage, done in run["work"].items()}
    assert frames["inpaint"] == run["frames_computed"]
    assert by_stage(figures, "reelmend_stage_seconds_total") == pytest.approx(run["seconds_by_stage"])
    assert sum(by_stage(figures, "reelmend_bytes_written_total").values()) == run["bytes_written"]
    assert figures["reelmend_flow_cache_misses_total"] == run["flow"]["computed"]


def test_what_was_lost_was_tried_again_and_costs_no_item_an_attempt(night: Night, rows: list[ItemRow]) -> None:
    """Its machine is to blame."""
    figures = night.run["metrics"]
    lost = sum(by_stage(figures, "reelmend_tasks_total", outcome="lost").values())
    failed = sum(by_stage(figures, "reelmend_tasks_total", outcome="failed").values())
    retries = sum(by_stage(figures, "reelmend_retries_total").values())
    assert retries == lost + failed
    assert lost >= 1
    assert {row.attempts for row in rows} == {1}


def test_prometheus_saw_all_of_it_and_no_counter_fell(night: Night) -> None:
    assert night.seen[-1] == night.run["metrics"]
    assert all(ended(figures) + figures["reelmend_items_open"] == CLIPS for figures in night.seen)
    counters = [metric.name for metric in METRICS if metric.kind is Kind.COUNTER]
    for series in (one for one in night.seen[-1] if one.startswith(tuple(counters))):
        values = [figures.get(series, 0.0) for figures in night.seen]
        assert values == sorted(values), series


def test_rays_exporter_shows_the_same_a_little_later(night: Night) -> None:
    last, final = night.exported[-1], night.run["metrics"]
    assert last.keys() <= final.keys()
    assert ended(last) >= CLIPS // 4
    counters = tuple(metric.name for metric in METRICS if metric.kind is Kind.COUNTER)
    # A sum of scores depends on the order of its terms in the last bit.
    beyond = {series: last[series] - final[series] for series in last if series.startswith(counters)}
    assert [series for series, excess in beyond.items() if excess > 1e-9] == []


def test_the_same_night_again_finds_the_run_that_was(night: Night, head: Head, job: Path) -> None:
    again = head.reelmend("submit", str(job), "--address", head.url)
    assert again.returncode == 0, again.stderr
    assert "already exists; attached" in again.stdout
    assert "state=restored" in again.stdout, "its log is shown"
