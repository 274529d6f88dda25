"""Which executor does a run with `run.executor=auto`: starting Ray takes longer than a short clip does."""

import os

from reelmend.pipelines.config import ExecutorName, JobConfig
from reelmend.pipelines.cost.result import Forecast
from reelmend.pipelines.engines import wants_gpu

SHORT_S = 20.0
"""Work that one process does while Ray would start, load the engine in its workers and end again."""


def choose_executor(job: JobConfig, items: int, predicted: Forecast) -> ExecutorName:
    """Return the executor for so many items that are not finished.

    Inline for less than some seconds of work on a CPU, by the prediction; Ray where that is not known, where a cluster
    is named, several workers are asked for, or GPUs compute.
    """
    if job.run.executor is not ExecutorName.auto:
        return job.run.executor
    if not items:
        return ExecutorName.inline
    asked_for = (
        os.environ.get("RAY_ADDRESS", "") not in ("", "local") or max(job.run.workers, job.pools.inpaint_max) > 1
    )
    known = bool(predicted.seconds) and not predicted.unknown and predicted.quarantined < items
    short = known and sum(predicted.seconds.values()) <= SHORT_S
    return ExecutorName.inline if short and not asked_for and not wants_gpu(job) else ExecutorName.ray
