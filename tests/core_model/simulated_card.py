"""A card whose memory is counted, not there: it raises the errors of torch's allocator."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Card:
    """Memory of `capacity` bytes, `lost` of which are in pieces too small to be had; see DeviceMemory."""

    def __init__(self, capacity: int, lost: int = 0) -> None:
        self.capacity, self.lost = capacity, lost
        self.in_use = self.highest = self.releases = 0

    def free(self) -> int:
        return self.capacity - self.in_use

    def used(self) -> int:
        return self.in_use

    def peak(self) -> int:
        return self.highest

    def start_peak(self) -> None:
        self.highest = self.in_use

    def release(self) -> None:
        self.releases += 1

    @contextmanager
    def lend(self, size: int) -> Iterator[None]:
        if size > self.free() - self.lost:
            raise torch.OutOfMemoryError(f"tried to allocate {size} bytes")
        self.in_use += size
        self.highest = max(self.highest, self.in_use)
        yield
        self.in_use -= size
