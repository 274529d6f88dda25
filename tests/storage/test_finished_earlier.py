"""Of many items, those that need no work are found from listings and the last ledger, and nothing changed is."""

import pytest

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.run.resume import find_finished_earlier
from reelmend.pipelines.stages.finished import record_key
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import get_json, put_json
from reelmend.pipelines.storage.ledger.head import head_place
from reelmend.pipelines.storage.location import Location, RemotePath
from reelmend.pipelines.tasks import Item
from tests.storage.faulty_store import faults_before
from tests.storage.finished_runs import make_items, write_finished_run

FEW, COUNT = 8, 20
"""Up to `FEW` items each record is read; of `COUNT`, listings and the ledger tell."""


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmend.pipelines.run.resume.FEW_ITEMS", FEW)


def finished_run(folder: Location, count: int = COUNT) -> tuple[list[Item], Location, WorkerContext]:
    job = JobConfig(out=str(folder / "out"))
    worker_context, ledger = WorkerContext(RunContext("first", job)), folder / "out/_reelmend/ledger"
    items = make_items(folder / "in", folder / "out", count)
    write_finished_run(items, ledger, job, worker_context)
    return items, ledger, worker_context


@pytest.fixture
def trusted_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the run ended some seconds ago."""
    monkeypatch.setattr("reelmend.pipelines.run.resume.CLOCK_S", -60.0)


def test_every_finished_item_is_found_with_what_its_row_said(folder: Location, trusted_clock: None) -> None:
    items, ledger, worker_context = finished_run(folder)
    found = find_finished_earlier(items, ledger, worker_context)
    assert found.keys() == {item.id for item in items}
    assert found[items[7].id].facts["output"] == str(items[7].output)


def test_records_that_may_be_younger_than_the_ledger_are_read_themselves(folder: Location) -> None:
    items, ledger, worker_context = finished_run(folder)
    record = get_json(worker_context.store, record_key(items[1]))
    assert record is not None
    record["facts"]["item_key"] = "of another run's settings"
    put_json(worker_context.store, record_key(items[1]), record)
    others = {item.id for item in items} - {items[1].id}
    assert find_finished_earlier(items, ledger, worker_context).keys() == others
    worker_context.files.write(head_place(ledger), b"not a ledger")
    assert find_finished_earlier(items, ledger, worker_context).keys() == others
    worker_context.files.delete(head_place(ledger))
    assert find_finished_earlier(items, ledger, worker_context).keys() == others


@pytest.mark.parametrize("count", [FEW, COUNT])
def test_what_changed_is_not_taken_for_finished(folder: Location, trusted_clock: None, count: int) -> None:
    items, ledger, worker_context = finished_run(folder, count)
    worker_context.files.write(items[1].video, b"another video")
    worker_context.files.write(items[2].output, b"another output")
    worker_context.files.delete(items[3].output)
    worker_context.files.delete(items[4].video)
    worker_context.store.delete(record_key(items[5]))
    found = find_finished_earlier(items, ledger, worker_context)
    assert {item.id for item in items} - found.keys() == {items[n].id for n in range(1, 6)}
    assert items[0].mask is not None
    worker_context.files.write(items[0].mask, b"another mask of all")
    assert not find_finished_earlier(items, ledger, worker_context)


def test_another_setting_means_that_nothing_is_finished(folder: Location, trusted_clock: None) -> None:
    items, ledger, worker_context = finished_run(folder)
    worker_context.context.job.stitch.crf += 1
    assert not find_finished_earlier(items, ledger, worker_context)


def test_no_item_costs_a_request_of_its_own(
    bucket: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, trusted_clock: None
) -> None:
    items, ledger, _ = finished_run(RemotePath(bucket, "data"))
    with faults_before(s3_endpoint) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        worker_context = WorkerContext(RunContext("second", JobConfig(out=f"s3://{bucket}/data/out")))
        assert len(find_finished_earlier(items, ledger, worker_context)) == COUNT
        assert len(store.asked) <= 6, store.asked
