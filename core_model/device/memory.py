"""Memory of an accelerator: total, needed, and the errors that mean it ran out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch

from reelmend.core_model.device.cuda_errors import CudaFault, cuda_fault
from reelmend.core_model.device.cuda_graphs import drop_graphs
from reelmend.core_model.engine import DeviceFull

HEADROOM = 0.9
"""Of what is free: allocators cannot use the last pieces."""
_CPU_ALLOCATOR = "DefaultCPUAllocator: "  # torch names it in a plain RuntimeError


class DeviceMemory(Protocol):
    """What an accelerator's allocator says, in bytes."""

    def free(self) -> int:
        """What can still be had."""
        ...

    def used(self) -> int: ...

    def peak(self) -> int:
        """What was in use at the most since `start_peak`."""
        ...

    def start_peak(self) -> None: ...

    def release(self) -> None:
        """Give back what is kept but not used, so that it can be had in other sizes."""
        ...


class CudaMemory:
    """The caching allocator of one CUDA device."""

    highest = 0
    """Of all peaks that were followed by another `start_peak`, in this process."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def free(self) -> int:
        """What this process could still have now. Another process on the same device may take it first."""
        kept = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return torch.cuda.mem_get_info(self._device)[0] + kept

    def used(self) -> int:
        return torch.cuda.memory_allocated(self._device)

    def peak(self) -> int:
        return torch.cuda.max_memory_allocated(self._device)

    def start_peak(self) -> None:
        CudaMemory.highest = max(CudaMemory.highest, self.peak())
        torch.cuda.reset_peak_memory_stats(self._device)

    def release(self) -> None:
        drop_graphs("memory ran out, and recordings keep what they compute in")
        torch.cuda.empty_cache()


def memory_of(device: torch.device) -> DeviceMemory | None:
    """Return the memory of an accelerator; None for a CPU, which the system looks after."""
    return CudaMemory(device) if device.type == "cuda" else None


def peak_bytes() -> int:
    """Return what this process ever had in use on its accelerator at the most; 0 where it used none."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return 0
    return max(CudaMemory.highest, torch.cuda.max_memory_allocated())


@contextmanager
def full_device_named(what: str) -> Iterator[None]:
    """Turn the allocator's error, an accelerator's or the processor's, into `DeviceFull` with what did not fit."""
    try:
        yield
    except (RuntimeError, MemoryError) as exc:
        said = str(exc) or "no memory"
        ran_out = cuda_fault(exc) is CudaFault.OUT_OF_MEMORY
        known = ran_out or isinstance(exc, MemoryError) or _CPU_ALLOCATOR in said
        if not known or isinstance(exc, DeviceFull):
            raise
        raise DeviceFull(f"{what} does not fit into the device's memory: {said.splitlines()[0]}") from exc
