"""Options of a restoration with ProPainter's networks."""

from dataclasses import dataclass, field
from typing import get_args

from reelmend.core_model.device.precision import Execution
from reelmend.core_model.propainter.early_exit import EARLY_EXIT_VERSION
from reelmend.core_model.propainter.schedule import Schedule
from reelmend.core_model.propainter.window_blend import Blending

_LEAST = {"ref_stride": 1, "neighbor_length": 1, "subvideo_length": 1, "raft_iterations": 1}
_LEAST |= {"mask_dilation": 0, "window_batch": 0}


@dataclass(frozen=True)
class RestoreOptions:
    """What the published script lets one choose, and how the numbers are computed."""

    mask_dilation: int = 4
    """Pixels by which masks grow (in a diamond) before anything is done."""
    ref_stride: int = 10
    """Frames from one reference frame to the next."""
    neighbor_length: int = 10
    """Local frames of a window, less one; windows are half of it apart."""
    subvideo_length: int = 80
    """Frames of a clip beyond which flow, propagation and references are limited to a surrounding."""
    raft_iterations: int = 20
    blending: Blending = "float"
    """`published` cuts off fractions where windows overlap, as the published script does."""
    window_batch: int = 0
    """The generator's windows computed at once. 0: as many as the device's free memory holds, one on a CPU."""
    early_exit: bool = False
    """Windows in whose frames propagation left nothing missing keep what it brought, see `early_exit.py`."""
    execution: Execution = field(default_factory=Execution)

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"RestoreOptions: expected {name} of at least {least}, got {getattr(self, name)}")
        known = get_args(Blending)
        if self.blending not in known:
            raise ValueError(f"RestoreOptions: expected blending to be one of {known}, got {self.blending!r}")

    @property
    def picture(self) -> str:
        """Names the options that the completed pixels depend on, but for RAFT's and the masks' dilation."""
        schedule = f"{self.neighbor_length}-{self.ref_stride}-{self.subvideo_length}"
        exits = f"-{EARLY_EXIT_VERSION}" if self.early_exit else ""
        return f"{schedule}-{self.blending}-{self.execution.rounding}{exits}"

    def schedule(self, frames: int) -> Schedule:
        """Of a clip of this many frames."""
        return Schedule(
            frames,
            neighbor_length=self.neighbor_length,
            ref_stride=self.ref_stride,
            subvideo_length=self.subvideo_length,
        )
