"""engine: propainter runs the whole main job: weights of the released names and shapes, drawn from these names."""

from pathlib import Path
from typing import Any

import pytest
import torch

from reelmend.core_model.device.recovery import EXACT, ON_CPU, RECOVERY, RecoveryStep
from reelmend.pipelines.choices import Mode, OnGpuError, Precision
from reelmend.pipelines.config import JobConfig, OutpaintConfig, ProPainterConfig
from reelmend.pipelines.engines.recovery import steps_of
from reelmend.pipelines.engines.registry import find_weights
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.job.paths import absolute_item, absolute_paths
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker import Worker
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import Failure, Stage
from tests.jobs import add_item, finish, lossless_job

pytestmark = pytest.mark.usefixtures("networks_read_once")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add_item(tmp_path, frames=8)
    return tmp_path


@pytest.fixture
def short_clip(tmp_path: Path) -> Path:
    add_item(tmp_path, frames=3)
    return tmp_path


def propainter_job(
    folder: Path, weights: dict[str, str], out: str = "out", *, subvideo_length: int = 2, **plan: Any
) -> JobConfig:
    job = lossless_job(folder, out, **plan)
    job.engine = "propainter"
    job.process.max_side = 48
    job.flow.segment_length = 5
    networks: dict[str, Any] = {**weights}
    schedule: dict[str, Any] = {"neighbor_length": 4, "ref_stride": 3, "raft_iterations": 1}
    job.propainter = ProPainterConfig(**networks, **schedule, subvideo_length=subvideo_length, precision=Precision.fp32)
    return job


@pytest.mark.slow
def test_outputs_name_the_weights_that_made_them_and_other_weights_make_them_again(
    short_clip: Path, weights: dict[str, str], tmp_path: Path
) -> None:
    _, rows = finish(propainter_job(short_clip, weights))
    facts = rows["clip"].facts
    assert [str(facts[f"weights_{name}"]).split(" sha256:")[0] for name in weights] == [
        Path(f).name for f in weights.values()
    ]
    _, rows = finish(propainter_job(short_clip, weights))
    assert rows["clip"].reused

    for network, kept in {
        "generator": 2,  # the probe, and flow, which knows nothing of the generator
        "flow_completion": 2,
        "raft": 1,  # the probe
    }.items():
        _, rows = finish(propainter_job(short_clip, weights | {network: _other_weights(weights[network], tmp_path)}))
        row = rows["clip"]
        assert row.state is ItemState.RESTORED
        assert not row.reused
        assert row.tasks_reused == kept, network


def _other_weights(path: str, folder: Path) -> str:
    other = {name: values * 1.01 for name, values in torch.load(path, weights_only=True).items()}
    torch.save(other, folder / "other.pth")
    return str(folder / "other.pth")


@pytest.mark.parametrize("step", [EXACT, ON_CPU], ids=lambda step: step.name)
def test_after_errors_of_cuda_its_networks_compute_in_the_way_of_each_step_and_the_next_run_takes_that(
    short_clip: Path, weights: dict[str, str], step: RecoveryStep
) -> None:
    """The answers that say so are made; what is computed after them is not."""
    job = absolute_paths(propainter_job(short_clip, weights))
    job.on_gpu_error = OnGpuError.cpu
    worker = Worker(RunContext("first", job, find_weights(job)))
    items = [absolute_item(item) for item in discover(job)]
    state = RunState(items, attempts=1, active_items=0, recovery=steps_of(job))
    while task := state.take():
        fails = task.stage in (Stage.FLOW, Stage.INPAINT) and RECOVERY.index(step) > task.recovery
        state.handle(Failure(task.id, "ContextLost", "illegal", transient=True) if fails else worker.perform(task))
    row = state.rows["clip"]
    assert (row.state, row.attempts, row.facts["cuda_recovery"]) == (ItemState.RESTORED, 1, step.name), row.reason
    _, rows = finish(job)
    assert rows["clip"].reused
    assert rows["clip"].facts["cuda_recovery"] == step.name


def test_weights_that_are_missing_or_of_another_network_stop_the_run_before_any_work(
    folder: Path, weights: dict[str, str]
) -> None:
    job = propainter_job(folder, weights | {"raft": "nowhere.pth"})
    with pytest.raises(SetupError, match=r"nowhere\.pth"):
        finish(job)
    with pytest.raises(SetupError, match=r"not a checkpoint of InpaintGenerator: .* missing: "):
        finish(propainter_job(folder, weights | {"generator": weights["raft"]}))
    assert not (folder / "out" / "clip.mkv").exists()


def test_a_picture_is_widened_by_the_networks_too(short_clip: Path, weights: dict[str, str]) -> None:
    job = propainter_job(short_clip, weights, chunk_length=1000, subvideo_length=40)
    job.input.masks = None
    job.mode, job.outpaint = Mode.outpaint, OutpaintConfig(scale_w=1.25)
    _, rows = finish(job)
    assert rows["clip"].state is ItemState.RESTORED
    assert (rows["clip"].width, rows["clip"].height) == (120, 64)
