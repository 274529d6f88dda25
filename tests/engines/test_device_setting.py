"""The setting `device`: what goes with it, and what is refused before any work."""

import pytest
import torch

from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import JobConfig, RunConfig
from reelmend.pipelines.engines.device import device_of
from reelmend.pipelines.engines.registry import flow_wants_gpu, wants_gpu
from reelmend.pipelines.errors import ConfigError, SetupError
from reelmend.pipelines.forecast.result import Forecast
from reelmend.pipelines.job.load import load_job
from reelmend.pipelines.run.executor import InlineExecutor, choose_executor
from reelmend.pipelines.stages.run_context import RunContext

without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="torch can use a GPU here")


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps"])
def test_devices_that_can_be_asked_for(device: str) -> None:
    assert load_job(overrides=[f"device={device}"]).device == device


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:", "tpu"])
def test_another_name_is_a_mistake_that_lists_them(device: str) -> None:
    with pytest.raises(ConfigError, match=rf"device: '{device}' is not one of auto, cpu, cuda, cuda:N, mps"):
        load_job(overrides=[f"device={device}"])


def test_on_ray_a_gpu_has_no_number_of_its_own() -> None:
    with pytest.raises(ConfigError, match=r"device: cuda:1 names a device of one process, .* use device=cuda"):
        load_job(overrides=["device=cuda:1", "run.executor=ray"])
    job = JobConfig(engine="propainter", device="cuda:1")
    assert choose_executor(job, 1, Forecast(items=1)) == "inline"


def test_with_device_cpu_networks_take_no_gpu_of_a_cluster() -> None:
    networks = JobConfig(engine="propainter")
    assert (wants_gpu(networks), flow_wants_gpu(networks)) == (True, True)
    on_cpu = JobConfig(engine="propainter", device="cpu")
    assert (wants_gpu(on_cpu), flow_wants_gpu(on_cpu)) == (False, False)
    assert device_of(on_cpu) == torch.device("cpu")


@without_cuda
def test_a_run_in_this_process_refuses_cuda_before_its_first_task() -> None:
    job = JobConfig(engine="propainter", device="cuda", run=RunConfig(executor=ExecutorName.inline))
    with pytest.raises(SetupError, match=r"device=cuda cannot be used: .*; `reelmend doctor --gpu` checks"):
        InlineExecutor(RunContext("r", job))


def test_an_engine_without_networks_does_not_ask_for_its_device() -> None:
    InlineExecutor(RunContext("r", JobConfig(engine="propagation", device="cuda")))
