"""Snapshots of a GPU's memory when it runs out: taken at that moment, few, and kept among the run's own files."""

import logging
import pickle
from pathlib import Path

import pytest
import torch

from reelmend.core_model.device import memory_snapshot
from reelmend.core_model.device.memory_snapshot import MOST, MemorySnapshots
from reelmend.core_model.flow.raft import RaftFlow
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines import propainter
from reelmend.pipelines.engines.weights import WeightFile
from reelmend.pipelines.stages.full_memory import MOST_KEPT, keep_snapshots
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.torch_trace import memory_name, run_traced
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.tasks import Chunk, InpaintReceipt, InpaintTask, Item, ItemPlan, Receipt, TraceDetail
from tests.jobs import lossless_job
from tests.standin.card_tensor import CARD
from tests.standin.fake_cuda import Card, card


def allocate(floats: int) -> torch.Tensor:
    return torch.zeros(floats, device=CARD)


@pytest.fixture
def snapshots(monkeypatch: pytest.MonkeyPatch) -> MemorySnapshots:
    """Those of a new process."""
    found = MemorySnapshots()
    monkeypatch.setattr(memory_snapshot, "SNAPSHOTS", found)
    return found


def task(folder: Path, *details: TraceDetail) -> InpaintTask:
    item = Item("reel/clip", folder / "clip.mp4", None, folder / "clip.mkv")
    return InpaintTask(item, ItemPlan("probe", 1, 64, 64, (), ()), Chunk(2, (), ()), trace_details=details)


def test_a_snapshot_shows_memory_as_it_was_when_it_ran_out(snapshots: MemorySnapshots) -> None:
    with card(capacity=1000) as gpu:
        snapshots.watch(CARD)
        held = allocate(200)
        with pytest.raises(torch.OutOfMemoryError):
            allocate(100)
        del held
        assert gpu.memory.used == 0, "what was held is free again: the snapshot is of before"
    (taken,) = snapshots.take()
    assert pickle.loads(taken)["segments"] == [{"device": 0, "total_size": 1000, "allocated_size": 800}]
    assert snapshots.take() == []


def test_only_the_first_few_of_a_process_are_taken(snapshots: MemorySnapshots) -> None:
    with card(capacity=100):
        for _ in range(MOST + 2):
            snapshots.watch(CARD)  # each load of a network asks again
            with pytest.raises(torch.OutOfMemoryError):
                allocate(100)
    assert len(snapshots.take()) == MOST


def test_a_snapshot_that_fails_leaves_the_error_as_it_is(
    snapshots: MemorySnapshots, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("not supported by this allocator")

    with card(capacity=100):
        monkeypatch.setattr(torch.cuda.memory, "_snapshot", fail)
        snapshots.watch(CARD)
        with pytest.raises(torch.OutOfMemoryError, match="Tried to allocate 400 bytes"):
            allocate(100)
    assert "no snapshot of the GPU's memory: not supported by this allocator" in caplog.text


def test_an_engine_watches_the_device_that_its_networks_are_brought_to(
    snapshots: MemorySnapshots, gpu: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propainter, "load_network", lambda file, network: torch.nn.Linear(2, 2))
    monkeypatch.setattr(propainter, "device_of", lambda job: CARD)
    weights = {"raft": WeightFile(Path("raft"), "0", "none", "raft")}
    flow = propainter.PROPAINTER.build_flow(JobConfig(), weights)
    assert isinstance(flow, RaftFlow)
    assert gpu.memory.observers == []
    flow._load()
    assert len(gpu.memory.observers) == 1


def test_nothing_is_watched_on_a_cpu(snapshots: MemorySnapshots, gpu: Card) -> None:
    snapshots.watch(torch.device("cpu"))
    assert gpu.memory.observers == []


def test_a_run_keeps_the_newest_and_says_where(
    snapshots: MemorySnapshots, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "out/_reelmend/memory"
    folder.mkdir(parents=True)
    for day in range(10, 10 + MOST_KEPT):
        (folder / f"202001{day}-000000-flow-old-0-0.pickle").write_bytes(b"")
    with card(capacity=100):
        snapshots.watch(CARD)
        with pytest.raises(torch.OutOfMemoryError):
            allocate(100)
    with caplog.at_level(logging.WARNING):
        keep_snapshots(task(tmp_path), RunContext("r", lossless_job(tmp_path)), Files())
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == MOST_KEPT
    assert names[0].startswith("20200111")
    assert names[-1].endswith("-inpaint-reel_clip-2-0.pickle")
    assert f"https://pytorch.org/memory_viz shows its snapshot: {folder / names[-1]}" in caplog.text


def test_a_task_without_full_memory_writes_nothing(snapshots: MemorySnapshots, tmp_path: Path) -> None:
    keep_snapshots(task(tmp_path), RunContext("r", lossless_job(tmp_path)), Files())
    assert not (tmp_path / "out").exists()


def test_with_memory_a_traced_task_leaves_its_allocations_too(gpu: Card, tmp_path: Path) -> None:
    traced = task(tmp_path, TraceDetail.MEMORY)

    def work() -> Receipt:
        assert gpu.memory.history == "all"
        allocate(10)
        return InpaintReceipt(traced.id)

    run_traced(traced, work, RunContext("r", lossless_job(tmp_path)), Files())
    written = (tmp_path / "out/_reelmend/profile" / memory_name(traced)).read_bytes()
    assert pickle.loads(written)["device_traces"] == [["alloc"]]
    assert gpu.memory.history is None, "recording ends with the task"
