"""Hours and price of an amount of work."""

from collections.abc import Mapping
from dataclasses import dataclass

from reelmend.pipelines.config import CostConfig
from reelmend.pipelines.tasks import Stage

CPU = "cpu"
"""What a rate was measured on, if not on the GPU of some name."""
_ON_GPU = (Stage.FLOW, Stage.INPAINT)


@dataclass(frozen=True)
class Bill:
    """Without a GPU every stage takes core-hours; with one, flow and inpainting take GPU-hours instead."""

    cpu_hours: float
    gpu_hours: float
    price: float | None
    """None where the job does not say what an hour costs."""


def bill(
    seconds: Mapping[str, float],
    cpu_seconds: Mapping[str, float],
    cost: CostConfig,
    *,
    on_gpu: bool,
    gpus_per_worker: Mapping[str, float],
) -> Bill:
    """Return the bill of worker seconds and CPU seconds by stage. A GPU's price is taken to hold its host's cores."""
    on_cpu = [stage for stage in Stage if not (on_gpu and stage in _ON_GPU)]
    cpu_hours = sum(cpu_seconds.get(stage, 0.0) for stage in on_cpu) / 3600
    gpu_seconds = sum(seconds.get(stage, 0.0) * gpus_per_worker.get(stage, 1.0) for stage in _ON_GPU)
    gpu_hours = gpu_seconds / 3600 if on_gpu else 0.0
    needed = cost.price_per_gpu_hour if on_gpu else cost.price_per_cpu_hour
    price = gpu_hours * cost.price_per_gpu_hour + cpu_hours * cost.price_per_cpu_hour
    return Bill(cpu_hours, gpu_hours, price if needed else None)
