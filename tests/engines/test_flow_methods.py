"""The flow method is chosen apart from the engine: its digest, the weights it needs, and how another one is added."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmend.core_model.flow.dis import DisFlow
from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import FlowConfig, JobConfig, ProPainterConfig, RunConfig
from reelmend.pipelines.engines.flow_method import FlowMethod
from reelmend.pipelines.engines.flow_registry import register_flow_method, unregister_flow_method
from reelmend.pipelines.engines.registry import (
    build_flow,
    find_weights,
    flow_wants_gpu,
    only_here,
    refuse_distant,
    speed_digest,
    wants_gpu,
)
from reelmend.pipelines.engines.weights.find import WeightFile
from reelmend.pipelines.errors import ConfigError, SetupError
from reelmend.pipelines.job.load import apply_overrides, load_job

WEIGHTS = {name: WeightFile(Path(name), name * 8, "none", name) for name in ("raft", "flow_completion", "generator")}


def job_with(method: str, engine: str = "propagation", **settings: object) -> JobConfig:
    return JobConfig(engine=engine, flow=FlowConfig(method=method), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("engine", "method", "gpu"),
    [
        ("propainter", "auto", True),
        ("propainter", "dis", False),
        ("propagation", "auto", False),
        ("propagation", "raft", True),
        ("auto", "auto", False),  # ahead of its blocks is measured what its first engine reads
        ("auto", "raft", True),
    ],
)
def test_workers_that_measure_flow_hold_a_gpu_for_the_method_alone(engine: str, method: str, gpu: bool) -> None:
    assert flow_wants_gpu(job_with(method, engine)) == gpu


@pytest.mark.parametrize(("engine", "own"), [("propagation", "dis"), ("propainter", "raft")])
def test_the_engines_own_method_finds_the_flow_that_auto_made(engine: str, own: str) -> None:
    auto, named = job_with("auto", engine), job_with(own, engine)
    assert build_flow(auto, WEIGHTS).digest == build_flow(named, WEIGHTS).digest
    assert speed_digest(auto) == speed_digest(named)


def test_each_method_names_itself_before_either_engine() -> None:
    methods = ("raft", "dis", "farneback")
    digests = [
        [build_flow(job_with(method, engine), WEIGHTS).digest for engine in ("propagation", "propainter")]
        for method in methods
    ]
    assert all(first == second for first, second in digests), "runs of either engine share the cache"
    assert [first.split("-")[0] for first, _ in digests] == [*methods]
    speeds = {speed_digest(job_with(method, engine)) for method in methods for engine in ("propagation", "propainter")}
    assert len(speeds) == 6, "a rate of one method says nothing of another"


@pytest.fixture
def weights_but_rafts(tmp_path: Path) -> ProPainterConfig:
    for name in ("flow_completion", "generator"):
        (tmp_path / f"{name}.pth").write_bytes(name.encode())
    files: dict[str, Any] = {name: str(tmp_path / f"{name}.pth") for name in ("raft", "flow_completion", "generator")}
    return ProPainterConfig(**files)


@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_without_raft_its_weights_are_not_asked_for(method: str, weights_but_rafts: ProPainterConfig) -> None:
    found = find_weights(job_with(method, "propainter", propainter=weights_but_rafts))
    assert [*found] == ["flow_completion", "generator"]
    assert find_weights(job_with(method)) == {}


@pytest.mark.parametrize(
    ("method", "engine"), [("auto", "propainter"), ("raft", "propainter"), ("raft", "propagation")]
)
def test_raft_needs_its_weights_before_either_engine(
    method: str, engine: str, weights_but_rafts: ProPainterConfig
) -> None:
    job = job_with(method, engine, propainter=weights_but_rafts)
    with pytest.raises(SetupError, match=r"raft\.pth cannot be read"):
        find_weights(job)
    assert wants_gpu(job)
    Path(weights_but_rafts.raft).write_bytes(b"raft")
    assert "raft" in find_weights(job)


def test_a_method_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="did you mean farneback"):
        load_job(overrides=["flow.method=farnebeck"])
    assert load_job(overrides=["flow.method=farneback"]).flow.method == "farneback"


def test_one_item_cannot_have_another_method() -> None:
    with pytest.raises(ConfigError, match=r"flow\.method cannot be set per item"):
        apply_overrides(JobConfig(), ["flow.method=raft"])


class Still:
    """Nothing moves."""

    digest = "still-1"

    def warm(self, size: tuple[int, int] | None) -> None:
        """There is nothing to load."""

    def estimate(self, frames_THWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs, height, width = len(frames_THWC) - 1, *frames_THWC.shape[1:3]
        return (still := np.zeros((pairs, 2, height, width), np.float32)), still


@pytest.fixture
def still() -> Iterator[FlowMethod]:
    method = FlowMethod("still", "nothing moves", lambda job, weights: Still())
    register_flow_method(method)
    yield method
    unregister_flow_method("still")


def test_a_program_adds_a_method_by_one_object(still: FlowMethod) -> None:
    job = load_job(overrides=["flow.method=still"])
    assert build_flow(job, {}).digest == "still-1"
    assert only_here(job), "run.executor=auto keeps it in this process"
    job.run = RunConfig(executor=ExecutorName.ray)
    with pytest.raises(ConfigError, match="registered in this process only"):
        refuse_distant(job)


def test_a_method_cannot_take_the_name_of_another(still: FlowMethod) -> None:
    with pytest.raises(ConfigError, match="the name is taken"):
        register_flow_method(FlowMethod("dis", "another", lambda job, weights: DisFlow()))
