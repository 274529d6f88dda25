"""Forecast of a run: seconds, bytes, hours of CPU and GPU, and their price."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

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


@dataclass(frozen=True)
class Forecast:
    """Totals of items that can be restored. Where a sample stands for others they are estimates."""

    items: int = 0
    looked_at: int = 0
    """Items whose mask, and whose video where the manifest does not say its figures, were opened."""
    unknown: int = 0
    """Items without figures that nobody opened: they are not in the totals."""
    quarantined: int = 0
    """Items that cannot be restored, as far as a look says."""
    frames: int = 0
    frames_error: int = 0
    """The truth is within this many frames of `frames` 95 times in 100."""
    work_error: float = 0.0
    """The same of the hours, as a share of them, for not knowing all items."""
    segments: int = 0
    chunks: int = 0
    missing: float | None = None
    """Share of the pixels that are missing. None where no mask has told."""
    flow_bytes: int = 0
    part_bytes: int | None = None
    output_bytes: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    """Worker seconds by stage; empty where no rates are known. So are the CPU seconds."""
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    cpu_hours: float | None = None
    gpu_hours: float | None = None
    price: float | None = None
    currency: str = ""
    price_per_cpu_hour: float = 0.0
    price_per_gpu_hour: float = 0.0
    gpus_per_worker: dict[str, float] = field(default_factory=dict)
    pool_seconds: dict[str, float] = field(default_factory=dict)
    """How long the run takes, by the number of GPUs (or of cores without them), all of them busy."""
    longest_item_seconds: float = 0.0
    """No pool is quicker than this: what the longest video takes one after the other."""
    machine: str = ""
    device: str = ""
    rates: str = ""
    """File of the rates."""
    rates_frames: int = 0
    rates_spread: float = 0.0
    """Relative error with which the rates explain what was measured."""
    doubts: list[str] = field(default_factory=list)

    @property
    def on_gpu(self) -> bool:
        return self.device not in ("", CPU)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Forecast":
        """Inverse of `to_dict`; unknown keys of a newer version are ignored."""
        names = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})
