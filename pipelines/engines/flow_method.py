"""Flow method: everything that reelmend asks of a way to measure optical flow, in one object."""

from collections.abc import Callable
from dataclasses import dataclass

from reelmend.core_model.engine import FlowEstimator
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.base import Weights
from reelmend.pipelines.engines.weights import WeightFile


def _no_weights(job: JobConfig) -> dict[str, WeightFile]:
    return {}


def _nothing_to_check(weights: Weights) -> None:
    return


def _same_speed(job: JobConfig) -> str:
    return ""


@dataclass(frozen=True)
class FlowMethod:
    """One method. The driver calls everything but `build`: import torch and the like inside the functions."""

    name: str
    """What a job file says as `flow.method`."""
    summary: str
    """One line for `reelmend doctor`."""
    build: Callable[[JobConfig, Weights], FlowEstimator]
    """Return the estimator, whose digest names all that its values depend on; weights are read on first use."""
    wants_gpu: bool = False
    """Made for GPUs: workers that measure flow get one where there is one."""
    find_weights: Callable[[JobConfig], dict[str, WeightFile]] = _no_weights
    """Return the files that it needs, by network. Raises SetupError or ConfigError where one is missing or wrong."""
    check_weights: Callable[[Weights], None] = _nothing_to_check
    """Read its files among these once, before the run. Raises SetupError for one that does not hold what it should."""
    speed_digest: Callable[[JobConfig], str] = _same_speed
    """Name what of the job, besides sizes, its speed depends on."""
