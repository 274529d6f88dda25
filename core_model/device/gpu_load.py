"""Load of a GPU, as NVIDIA's management library says it (NVML, package `nvidia-ml-py`)."""

import logging

import torch

_log = logging.getLogger(__name__)


class GpuLoad:
    """The current CUDA device's load, read now and then. Where there is no NVML, it says so once and asks no more."""

    def __init__(self) -> None:
        self._readable = True

    def read(self) -> float | None:
        """Return the share of the last second or less in which a kernel ran, of any process, 0..1; None: not known."""
        if not self._readable or not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            return None
        try:
            return torch.cuda.utilization() / 100
        except Exception as exc:  # no package, no driver's library, a part of a GPU (MIG): each its own error
            self._readable = False
            _log.info("the GPU's utilization is not known: %s", exc)
            return None


GPU_LOAD = GpuLoad()
"""Of this process."""


class MeanLoad:
    """The mean of what was read during a task."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def read(self) -> None:
        """Read once more."""
        load = GPU_LOAD.read()
        if load is not None:
            self._sum, self._count = self._sum + load, self._count + 1

    @property
    def value(self) -> float | None:
        """0..1; None where nothing was read."""
        return self._sum / self._count if self._count else None


def reserved_bytes() -> int:
    """Return what torch's allocator holds on the current device for this process, used or not; 0 without a GPU."""
    return torch.cuda.memory_reserved() if torch.cuda.is_initialized() else 0  # type: ignore[no-untyped-call]
