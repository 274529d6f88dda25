"""On a real Ray whose machines say that they have GPUs: is each used once, and does each process see its own only?

Ray counts GPUs and hands out their numbers without looking whether they exist, so this needs none.
"""

import json
import logging
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import ray
import torch
from typer.testing import CliRunner

from reelmend.cluster.check import check_gpus
from reelmend.cluster.executor import RayExecutor
from reelmend.cluster.pools import Pools
from reelmend.cluster.resources import Layout, lay_out
from reelmend.cluster.runtime import free_and_total, nodes, ray_runtime
from reelmend.cluster.scheduler_messages import Placed, Ready
from reelmend.pipelines.cli import app
from reelmend.pipelines.config import PoolsConfig
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker import Worker
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.tasks import Stage
from tests.cluster.toy_worker import Holder, ToyWorker, gpus_seen, toy_context, toy_item
from tests.ray_cluster import ray_cluster

pytestmark = pytest.mark.ray


class StartsAsItShould(ToyWorker):
    """Warms up as workers of a run do; its tasks are a toy's, so that no video is needed."""

    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        self._worker = Worker(context)

    def warm(self, stage: Stage) -> None:
        self._worker.warm(stage)


@pytest.fixture(scope="module")
def gpu_cluster(_ray_for_tests: None) -> Iterator[str]:
    """One core a machine, one GPU on the first and two on the second."""
    with ray_cluster({"num_cpus": 1, "num_gpus": 1}, {"num_cpus": 1, "num_gpus": 2}) as cluster:
        yield cluster.address


@pytest.fixture
def on_gpus(gpu_cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", gpu_cluster)


@pytest.mark.slow
@pytest.mark.usefixtures("on_gpus")
def test_all_gpus_are_filled_whole_and_in_halves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Left to Ray, two halves may lie on two GPUs, and no whole one is left for inpainting."""
    caplog.set_level(logging.INFO, logger="reelmend.cluster.pools")
    with ray_runtime():
        layout = lay_out(nodes(), 0, gpu=True)
        pools = Pools(toy_context(tmp_path), ToyWorker, layout)
        _place_all(pools, layout)
        assert free_and_total("GPU") == (0.0, 3.0)
        pools.close()
        _until(lambda: free_and_total("GPU") == (3.0, 3.0))
    used: defaultdict[str, float] = defaultdict(float)
    for pool, gpu in re.findall(r"worker=(\w+)-\d+ placed as .*, GPU (\S+)", caplog.text):
        used[gpu] += 1 if pool == "inpaint" else 0.5
    assert used == {"0": 2, "1": 1}  # number 0 is on both machines


def _place_all(pools: Pools, layout: Layout) -> None:
    """One of each pool first: those that share a GPU do so when one of them has measured its memory."""
    for first, last in ((0, 1), (1, 99)):
        names = {f"{pool.name}-{number}": pool for pool in layout.pools for number in range(pool.size)[first:last]}
        for name, pool in names.items():
            pools.start(name, pool)
        missing: set[Placed | Ready] = {event for name in names for event in (Placed(name), Ready(name))}

        def all_ready(missing: set[Placed | Ready] = missing) -> bool:
            missing.difference_update(pools.wait(1.0))
            return not missing

        _until(all_ready)


@pytest.mark.usefixtures("on_gpus")
@pytest.mark.slow
def test_a_run_on_gpus_goes_through_and_each_process_sees_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wants in ("wants_gpu", "flow_wants_gpu"):
        monkeypatch.setattr(f"reelmend.cluster.executor.{wants}", lambda _: True)
    items = [toy_item(name, tmp_path) for name in ("a", "kills_once_in_inpaint", "b")]
    state = RunState(items, attempts=3, active_items=0)
    RayExecutor(toy_context(tmp_path), ToyWorker).run(state)
    assert {row.state for row in state.rows.values()} == {ItemState.RESTORED}
    assert gpus_seen(tmp_path, Stage.FLOW) | gpus_seen(tmp_path, Stage.INPAINT) <= {"0", "1"}
    assert gpus_seen(tmp_path, Stage.PROBE) == gpus_seen(tmp_path, Stage.STITCH) == {""}


@pytest.mark.slow
@pytest.mark.usefixtures("on_gpus")
def test_a_gpu_that_others_hold_is_named_as_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wants in ("wants_gpu", "flow_wants_gpu"):
        monkeypatch.setattr(f"reelmend.cluster.executor.{wants}", lambda _: True)
    context = toy_context(tmp_path, pools=PoolsConfig(start_timeout_s=1.0))
    state = RunState([toy_item("a", tmp_path)], attempts=1, active_items=0)
    ray.init(log_to_driver=False)
    try:
        holders: list[Any] = [ray.remote(num_gpus=share, num_cpus=0)(Holder).remote() for share in (1, 1, 0.5)]
        ray.get([holder.hold.remote() for holder in holders])
        RayExecutor(context, ToyWorker).run(state)
    finally:
        ray.shutdown()
    assert "no flow worker could be placed within" in state.halted
    assert "each needs 0.5 GPU, and 0.5 of 3 are free" in state.halted


@pytest.mark.usefixtures("on_gpus")
@pytest.mark.skipif(torch.cuda.is_available(), reason="torch can use a GPU here")
def test_workers_whose_torch_cannot_use_their_gpu_stop_the_run_with_its_reason(tmp_path: Path) -> None:
    """They would hold the GPU and compute on the CPU, a hundred times slower, and nobody would know."""
    context = toy_context(tmp_path)
    context = replace(context, job=replace(context.job, engine="propainter"))
    state = RunState([toy_item("a", tmp_path)], attempts=1, active_items=0)
    RayExecutor(context, StartsAsItShould).run(state)
    assert "could not start, the last: SetupError: device=cuda cannot be used: " in state.halted
    assert f"torch {torch.__version__}" in state.halted


@pytest.mark.usefixtures("on_gpus")
def test_the_doctor_says_which_workers_the_gpus_would_get() -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    found = {finding["topic"]: finding["what"] for finding in json.loads(result.stdout)["findings"]}
    assert "2 CPUs, 3 GPUs" in found["Ray"]
    assert found["a run on GPUs"].endswith(": 2 x flow on half a GPU, 2 x inpaint on one GPU")


@pytest.mark.usefixtures("on_gpus")
@pytest.mark.skipif(torch.cuda.is_available(), reason="torch can use a GPU here")
def test_the_doctor_of_gpus_asks_every_machine_of_the_cluster() -> None:
    """Both have GPUs by Ray's word, and a torch that can use none: each says so."""
    with ray_runtime():
        machines = check_gpus()
    assert [machine["problem"] for machine in machines] == ["", ""]
    for machine in machines:
        failed = [check for check in machine["checks"] if check["part"] == "device"]
        assert [check["good"] for check in failed] == [False]
        assert "device=cuda cannot be used: " in failed[0]["found"]


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 180  # a machine with many other things to do takes a minute to start a few workers
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
