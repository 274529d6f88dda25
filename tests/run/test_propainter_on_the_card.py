"""A run, from the file to the file, whose networks are on tensors that only say they are on a GPU (tests/standin)."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from reelmend.pipelines.choices import Precision
from reelmend.pipelines.config import JobConfig, ProPainterConfig
from reelmend.pipelines.engines import flow_by_raft, propainter
from reelmend.pipelines.storage.ledger import ItemState
from tests.jobs import add_item, finish, lossless_job
from tests.released import shared_networks
from tests.standin.fake_cuda import card
from tests.standin.grouping import group_as_on_a_gpu
from tests.standin.record import Kind

NAMES = ("raft", "flow_completion", "generator")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    add_item(tmp_path, frames=5)

    def read(file: object, network: str) -> nn.Module:
        return deepcopy(shared_networks()[NAMES.index(network)])

    for engine in (propainter, flow_by_raft):
        monkeypatch.setattr(engine, "load_network", read)
    return tmp_path


def job(folder: Path, weights: dict[str, str], out: str) -> JobConfig:
    made = lossless_job(folder, out)
    made.engine, made.process.max_side = "propainter", 48
    networks: dict[str, Any] = {**weights, "precision": Precision.fp32, "window_batch": 2}
    made.propainter = ProPainterConfig(
        **networks, neighbor_length=4, ref_stride=3, raft_iterations=1, subvideo_length=3
    )
    made.propainter.compile = type(made.propainter.compile)("off")
    return made


@pytest.mark.slow
def test_what_is_decoded_sent_computed_brought_back_and_encoded_is_a_cpus(
    folder: Path, weights: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with card() as gpu:
        _, rows = finish(job(folder, weights, "there"))
        ways = {event.kind for event in gpu.stand_in.record.events}
        assert gpu.memory.peak > 0
    assert rows["clip"].state is ItemState.RESTORED
    assert ways >= {Kind.TO_CARD, Kind.TO_HOST}
    group_as_on_a_gpu(monkeypatch)
    _, rows = finish(job(folder, weights, "here"))
    outputs = [next(path for path in (folder / out).rglob("clip*") if path.is_file()) for out in ("there", "here")]
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
