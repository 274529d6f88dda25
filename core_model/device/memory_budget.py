"""Memory budget of an engine: what it has learnt about its device, its steps when memory is insufficient, and its copies."""

import torch

from reelmend.core_model.device.memory import DeviceMemory, memory_of
from reelmend.core_model.device.offload import Offload
from reelmend.core_model.device.staging import staging_on
from reelmend.core_model.device.window_batch import WindowBatch


class DeviceRoom:
    """Outlives shots, so that nothing is learnt twice: a batch of windows by frame size, offload for all sizes."""

    def __init__(self, memory: DeviceMemory | None, device: torch.device, window_batch: int = 0) -> None:
        """`window_batch`: so many windows at once, as long as they fit; 0: as many as fit."""
        self._memory, self._window_batch = memory, window_batch
        self._windows: dict[tuple[int, int], WindowBatch] = {}
        self.completion = Offload(memory, device)
        self.propagation = Offload(memory, device)
        self.staging = staging_on(device)

    @classmethod
    def on(cls, device: torch.device, window_batch: int) -> "DeviceRoom":
        return cls(memory_of(device), device, window_batch)

    def windows(self, size: tuple[int, int]) -> WindowBatch:
        """Of frames of (H, W) pixels."""
        if size not in self._windows:
            self._windows[size] = WindowBatch(self._memory, self._window_batch)
        return self._windows[size]
