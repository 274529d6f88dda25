"""Does a scraper of a real run see what happens, while it happens and at its end?"""

import socket
import urllib.error
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import JobConfig, MetricsConfig
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.observe.summary import RunSummary
from reelmend.pipelines.run.driver import run_job
from tests.jobs import add_item, lossless_job
from tests.scrapes import Scraper, free_port, scrape


@dataclass
class Watched:
    job: JobConfig
    scraper: Scraper
    summary: RunSummary

    @property
    def last(self) -> dict[str, float]:
        return self.scraper.seen[-1]


def watched(job: JobConfig) -> Watched:
    port = free_port()
    scraper = Scraper(port)
    job = replace(job, metrics=MetricsConfig(port=port))
    return Watched(job, scraper, run_job(job, scraper))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """A good clip, a clip of the same frames, and one that is no video."""
    folder = tmp_path_factory.mktemp("watched")
    add_item(folder, "a", frames=8, size=(64, 48))
    (folder / "in" / "bad.mp4").write_bytes(b"no video")
    (folder / "in" / "bad_mask.mkv").write_bytes((folder / "in" / "a_mask.mkv").read_bytes())
    job = lossless_job(folder, block_length=4, overlap=1, chunk_length=4)
    job.input.videos = [str(folder / "in" / "*.mp4")]
    return watched(job)


def test_outcomes_frames_and_tasks_are_those_of_the_summary(first: Watched) -> None:
    last = first.last
    assert last['reelmend_items_total{outcome="restored"}'] == 1
    assert last['reelmend_items_total{outcome="quarantined"}'] == 1
    assert last["reelmend_items_open"] == 0
    assert last['reelmend_tasks_total{outcome="failed",stage="probe"}'] == 1
    assert last['reelmend_tasks_total{outcome="computed",stage="inpaint"}'] == first.summary.chunks_computed == 2
    assert last['reelmend_frames_total{stage="inpaint"}'] == first.summary.frames_computed == 8
    assert last["reelmend_flow_cache_misses_total"] == 1


def test_quality_is_that_of_the_items_restored(first: Watched) -> None:
    score = first.summary.quality["lowest"]
    assert first.last["reelmend_quality_score_total"] == score
    assert first.last["reelmend_items_review_total"] == first.summary.to_review
    buckets = {key: value for key, value in first.last.items() if key.startswith("reelmend_quality_items_total")}
    assert len(buckets) == 11
    assert buckets['reelmend_quality_items_total{le="+Inf"}'] == 1
    assert sum(buckets.values()) == 1 + sum(score <= tenth / 10 for tenth in range(1, 11))


@pytest.mark.parametrize("stage", ["probe", "flow", "inpaint", "stitch"])
def test_seconds_are_those_of_the_ledger(first: Watched, stage: str) -> None:
    assert first.last[f'reelmend_stage_seconds_total{{stage="{stage}"}}'] == pytest.approx(
        first.summary.seconds_by_stage[stage]
    )


def test_bytes_read_are_those_of_the_artefacts_that_a_stage_reads(first: Watched) -> None:
    parts = (Path(first.job.out) / "_reelmend/store/parts").glob("*/*")
    assert first.last['reelmend_bytes_read_total{stage="stitch"}'] >= sum(part.stat().st_size for part in parts) > 0
    assert first.last['reelmend_bytes_written_total{stage="stitch"}'] == (Path(first.job.out) / "a.mkv").stat().st_size


def test_queues_are_seen_while_the_run_goes_on(first: Watched) -> None:
    assert first.scraper.seen[0]["reelmend_items_open"] == 2
    assert max(seen['reelmend_tasks_ready{stage="inpaint"}'] for seen in first.scraper.seen) >= 1
    assert max(seen['reelmend_tasks_in_work{stage="probe"}'] for seen in first.scraper.seen) == 1
    assert first.last["reelmend_workers"] == 1


def test_counters_never_go_back(first: Watched) -> None:
    for before, after in zip(first.scraper.seen, first.scraper.seen[1:], strict=False):
        counters = [series for series in before if "_total" in series]
        assert all(after[series] >= before[series] for series in counters)


def test_no_series_names_an_item(first: Watched) -> None:
    assert not [series for series in first.last if "mp4" in series or "bad" in series or '"a"' in series]


def test_the_last_values_are_kept_with_the_summary(first: Watched) -> None:
    assert first.summary.metrics == first.last


def test_the_port_is_closed_when_the_run_is_over(first: Watched) -> None:
    with pytest.raises(urllib.error.URLError):
        scrape(first.job.metrics.port)


def test_a_run_that_finds_everything_finished_says_so(first: Watched) -> None:
    again = watched(first.job)
    assert again.last['reelmend_items_total{outcome="finished_earlier"}'] == 1
    assert again.last['reelmend_tasks_total{outcome="computed",stage="inpaint"}'] == 0


def test_a_port_that_is_taken_stops_the_run_before_any_work(tmp_path: Path) -> None:
    add_item(tmp_path, frames=2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        job = replace(lossless_job(tmp_path), metrics=MetricsConfig(port=port))
        with pytest.raises(SetupError, match=rf"metrics.port={port} cannot be opened on 127.0.0.1 \(Address already"):
            run_job(job, SilentDisplay())
    assert not list((tmp_path / "out").glob("*.mkv"))


@pytest.mark.ray
@pytest.mark.usefixtures("on_cluster")
def test_a_run_on_ray_shows_the_same_on_its_port(first: Watched) -> None:
    on_one_worker = replace(first.job.run, executor=ExecutorName.ray, workers=1)
    job = replace(first.job, out=first.job.out + "-ray", run=on_one_worker)
    on_ray = watched(job)
    alike = [s for s in on_ray.last if s.startswith(("reelmend_tasks_total", "reelmend_items", "reelmend_frames"))]
    assert {series: on_ray.last[series] for series in alike} == {series: first.last[series] for series in alike}
    assert on_ray.last["reelmend_workers"] == 1
    assert on_ray.scraper.seen[0]["reelmend_items_open"] == 2
