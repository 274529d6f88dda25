"""Runs that share a flow cache, on a disk and in a bucket: what they find, what they mend and what they leave."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelmend.pipelines.config import FlowCacheConfig, FlowConfig, JobConfig, MaskConfig, StoreConfig
from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.observe.progress import SilentDisplay
from reelmend.pipelines.run.driver import run_job
from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.flow_cache.eviction import Limits, prune
from reelmend.pipelines.storage.flow_cache.journal import FlowJournal
from reelmend.pipelines.storage.flow_cache.keys import segment_name
from reelmend.pipelines.storage.flow_cache.verify import check_all
from reelmend.pipelines.storage.ledger import read_ledger
from reelmend.pipelines.storage.ledger.rows import ItemRow
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Receipt
from tests.jobs import add_item, lossless_job

FRAMES, SEGMENTS = 4, 3
"""Of each of two clips with content of their own."""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two clips, and what a run without any trouble makes of them."""
    folder = tmp_path_factory.mktemp("clips")
    add_item(folder, "a", frames=FRAMES)
    add_item(folder, "b", frames=FRAMES, rate=24)
    run_job(small_job(folder), SilentDisplay())
    return folder


def small_job(folder: Path, out: str = "out", **more: Any) -> JobConfig:
    job = replace(lossless_job(folder, out), flow=FlowConfig(segment_length=1))
    return replace(job, input=replace(job.input, videos=[str(folder / "in/?.mp4")]), **more)


@pytest.fixture
def store(folder: Location, files: Files) -> Store:
    return Store(folder, files)


@pytest.fixture
def job(local: Path, folder: Location, tmp_path: Path) -> JobConfig:
    """The same with a cache of its own, of which it does not know how large it may be."""
    return replace(small_job(local), out=str(tmp_path / "out"), store=StoreConfig(flow=str(folder)))


@pytest.fixture
def filled(local: Path, store: Store) -> Store:
    """The cache, with the flow that the first run left."""
    done = Store(local / "out/_reelmend/store", Files())
    for key, _ in done.list("flow"):
        segment = done.get(key)
        assert segment is not None
        store.put(key, segment)
    return store


def outputs(out: Path | str) -> list[bytes]:
    return [(Path(out) / f"{name}.mkv").read_bytes() for name in "ab"]


def segments(store: Store) -> list[str]:
    return [key for key, _ in store.list("flow")]


def test_a_second_run_with_another_mask_finds_all_flow_and_says_what_that_saved(job: JobConfig, tmp_path: Path) -> None:
    first = run_job(job, SilentDisplay()).flow_use
    assert (first.found, first.computed, first.hit_rate) == (0, 2 * SEGMENTS, 0)
    assert first.bytes_written > 0
    summary = run_job(replace(job, out=str(tmp_path / "second"), mask=MaskConfig(dilation=6)), SilentDisplay())
    second = summary.flow_use
    assert (second.found, second.computed, second.computed_again, second.hit_rate) == (2 * SEGMENTS, 0, 0, 1)
    assert second.cpu_seconds_saved > 0
    assert second.gpu_seconds_saved == 0
    assert second.bytes_written == 0
    rows = read_ledger(tmp_path / "second/_reelmend/ledger")
    assert [row.flow["found"] for row in rows] == [SEGMENTS] * 2
    page = (tmp_path / "second/_reelmend/report.html").read_text()
    assert f"Flow cache: 100% of {2 * SEGMENTS} segments cached, " in page
    assert "of CPU workers saved" in page


def test_a_flipped_bit_and_half_an_object_are_found_deleted_and_computed_again(
    job: JobConfig, local: Path, filled: Store, files: Files
) -> None:
    flipped, halved = (filled.root / key for key in segments(filled)[:2])
    whole, other = files.read(flipped), files.read(halved)
    assert whole is not None
    assert other is not None
    files.write(flipped, whole[:-9] + bytes([whole[-9] ^ 4]) + whole[-8:])
    files.write(halved, other[:100])
    use = run_job(job, SilentDisplay()).flow_use
    assert (use.damaged, use.computed, use.found, use.computed_again) == (2, 2, 2 * SEGMENTS - 2, 0)
    assert outputs(job.out) == outputs(local / "out")
    assert (check_all(filled).objects, check_all(filled).damaged) == (2 * SEGMENTS, ())


class Evicting(SilentDisplay):
    """Somebody prunes the cache to nothing after everything that happens in the run."""

    def __init__(self, store: Store) -> None:
        self.store, self.evicted = store, 0

    def change(self, row: ItemRow, answer: Any) -> None:
        if isinstance(answer, Receipt):
            self.evicted += prune(self.store, Limits(max_bytes=0)).segments


def test_eviction_under_a_live_run_never_takes_what_it_needs(job: JobConfig, local: Path, store: Store) -> None:
    job = replace(job, input=replace(job.input, videos=[str(local / "in/a.mp4")]))
    display = Evicting(store)
    use = run_job(job, display).flow_use
    assert (use.computed, use.computed_again, display.evicted) == (SEGMENTS, 0, 0)
    assert outputs(local / "out")[0] == (Path(job.out) / "a.mkv").read_bytes()
    assert len(segments(store)) == SEGMENTS
    assert prune(store, Limits(max_bytes=0)).segments == SEGMENTS


def test_a_run_keeps_to_its_budget_and_to_what_another_one_needs(job: JobConfig, local: Path, filled: Store) -> None:
    before = segments(filled)
    other = FlowJournal(filled, "other", "dis")
    other.need("clip", [segment_name(before[3])])
    tight = replace(job, flow_cache=FlowCacheConfig(max_bytes=1), flow=FlowConfig(segment_length=3))
    use = run_job(tight, SilentDisplay()).flow_use
    assert (use.computed, use.computed_again) == (2, 0), "one longer one of each clip"
    assert use.evicted == 2 * SEGMENTS + 2 - 1
    assert segments(filled) == [before[3]]
    assert outputs(job.out) == outputs(local / "out")
    other.close()


@pytest.mark.parametrize("folder", ["file"], indirect=True)
def test_a_cache_that_cannot_be_made_smaller_costs_a_warning(
    job: JobConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("read-only")

    monkeypatch.setattr(Store, "delete_many", refuse)
    summary = run_job(replace(job, flow_cache=FlowCacheConfig(max_bytes=1)), SilentDisplay())
    assert summary.exit_status == 0
    assert "could not prune the flow cache: read-only" in caplog.text


def test_a_budget_that_holds_removes_nothing_and_what_was_needed_is_known_as_used(job: JobConfig, store: Store) -> None:
    use = run_job(replace(job, flow_cache=FlowCacheConfig(max_bytes=10**9)), SilentDisplay()).flow_use
    assert (use.evicted, len(segments(store))) == (0, 2 * SEGMENTS)
    assert list(store.list("flow_runs")) == []
    assert [key.rpartition("-")[2] for key, _ in store.list("flow_used")] == ["000000"]
