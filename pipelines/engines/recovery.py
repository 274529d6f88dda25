"""Settings of a job at each step of the recovery from errors of CUDA."""

from dataclasses import replace
from itertools import pairwise

from reelmend.core_model.device.recovery import RECOVERY, RecoveryStep
from reelmend.pipelines.choices import Attention, Compile, OnGpuError, Precision
from reelmend.pipelines.config import JobConfig


def settings_at(job: JobConfig, step: RecoveryStep) -> JobConfig:
    """Return the job with which engine and flow are built for a task at this step.

    Keys of what is stored are those of the job as it is: a step changes how something is computed, by rounding at most.
    An engine of another package finds the changes where `propainter` does, in `job.propainter` and `job.device`.
    """
    networks = job.propainter
    if step.plain:
        networks = replace(networks, compile=Compile.off, attention=Attention.math, cuda_graphs=False)
    if step.exact:
        networks = replace(networks, precision=Precision.fp32.value, tf32=False)
    return replace(job, propainter=networks, device="cpu" if step.on_cpu else job.device)


def steps_of(job: JobConfig) -> tuple[int, ...]:
    """Return the numbers of the steps that a task of this job can go through after CUDA failed, in their order.

    A step at which nothing would be computed in another way than at the one before is left out.
    """
    found = [1]
    for (_, before), (number, step) in pairwise(enumerate(RECOVERY)):
        if step.on_cpu and job.on_gpu_error is not OnGpuError.cpu:
            continue
        if settings_at(job, step) != settings_at(job, before):
            found.append(number)
    return tuple(found)
