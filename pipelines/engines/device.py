"""The setting `device`: where a job's networks compute, and what goes with it."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import SetupError

if TYPE_CHECKING:
    import torch


def device_problems(job: JobConfig) -> Iterator[str]:
    """Yield what is wrong with the job's `device`. Imports no torch: the driver asks on machines without a GPU."""
    kind, colon, number = job.device.partition(":")
    if job.device not in ("auto", "cpu", "cuda", "mps") and not (kind == "cuda" and colon and number.isdecimal()):
        yield f"'{job.device}' is not one of auto, cpu, cuda, cuda:N, mps"
    elif one_process_only(job) and job.run.executor is ExecutorName.ray:
        yield f"{job.device} names a device of one process, and Ray assigns GPUs itself; use device=cuda, or run.executor=inline"


def one_process_only(job: JobConfig) -> bool:
    """Whether the device is one that only a run in a single process can use."""
    return job.device.startswith(("cuda:", "mps"))


def device_of(job: JobConfig) -> "torch.device":
    """Return the device for the job's networks. Raises SetupError where this process cannot compute on it."""
    from reelmend.core_model.device.choice import NoDevice, choose_device

    try:
        return choose_device(job.device)
    except NoDevice as exc:
        raise SetupError(f"{exc}; `reelmend doctor --gpu` checks the parts, device=cpu computes without") from exc


def refused_gpu(error: BaseException) -> str:
    """Return what `error` says if it is that this process cannot use the device of its job, else ""."""
    if "torch" not in sys.modules or not isinstance(error, SetupError):
        return ""
    from reelmend.core_model.device.choice import NoDevice

    return str(error) if isinstance(error.__cause__, NoDevice) else ""
