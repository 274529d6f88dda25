"""Figures of a forecast, without the way they were found."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from reelmend.pipelines.cost.bill import CPU


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
