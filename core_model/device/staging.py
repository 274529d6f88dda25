"""Staging of copies between host memory and a GPU: pinned buffers, and streams of their own for either way.

A copy from memory that the system may move makes the host wait for the GPU, and the GPU for the host. From pinned memory
it runs beside the GPU's computing. Pinned memory is taken from the whole machine, so there is little of it: two buffers
each way, grown to what was copied, and no larger than `MOST_BYTES`; what is larger is copied as without them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

MOST_BYTES = 128 << 20
"""Of a buffer: eight windows of 11 pictures of 432x240 in fp32 are 110 MB, one of 1280x720 is 122 MB."""
_BUFFERS = 2
"""Each way: one is filled while the other is copied."""


class Fetched(Protocol):
    """A tensor on its way to host memory."""

    def take(self) -> Tensor:
        """Return it; waits for the copy, and for nothing that was asked of the GPU after it."""
        ...


class Staging(Protocol):
    """Copies to a device and back."""

    overlaps: bool
    """Whether a copy runs while the device computes, so that it pays to take it later."""

    def send(self, x: Tensor) -> Tensor:
        """Return a copy of `x`, which is in host memory, on the device; `x` may be written at once."""
        ...

    def fetch(self, x: Tensor) -> Fetched:
        """Begin to copy `x`, which is on the device, into host memory."""
        ...


def staging_on(device: torch.device) -> Staging:
    """Return that of a device: pinned for CUDA, plain copies otherwise."""
    return PinnedStaging(device) if device.type == "cuda" else PlainStaging(device)


@dataclass
class _Here:
    """In host memory already."""

    tensor: Tensor

    def take(self) -> Tensor:
        return self.tensor


class PlainStaging:
    """Copies for which the host waits; none at all on a CPU."""

    overlaps = False

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def send(self, x: Tensor) -> Tensor:
        return x.to(self._device)

    def fetch(self, x: Tensor) -> Fetched:
        return _Here(x.cpu())


class PinnedStaging:
    """Copies through pinned buffers, on a stream for each way; made and used by one thread."""

    overlaps = True

    def __init__(self, device: torch.device, most_bytes: int = MOST_BYTES) -> None:
        self._device, self._most_bytes = device, most_bytes
        # Two, since a copy back waits for what is computed before it, and copies there must not wait behind that.
        self._there, self._back = (torch.cuda.Stream(device) for _ in range(2))  # type: ignore[no-untyped-call]
        self._sending = [_Buffer() for _ in range(_BUFFERS)]
        self._fetching = [_Buffer() for _ in range(_BUFFERS)]

    @property
    def pinned_bytes(self) -> int:
        return sum(buffer.size for buffer in (*self._sending, *self._fetching))

    def send(self, x: Tensor) -> Tensor:
        if x.nbytes > self._most_bytes:
            return x.to(self._device)
        buffer = _next(self._sending)
        staged = buffer.view(x)
        staged.copy_(x)
        computing = torch.cuda.current_stream(self._device)
        with torch.cuda.stream(self._there):
            sent = staged.to(self._device, non_blocking=True)
            buffer.copied = _recorded_on(self._there)
        computing.wait_event(buffer.copied)
        sent.record_stream(computing)  # its memory is the copy stream's, which must not give it to another copy
        return sent

    def fetch(self, x: Tensor) -> Fetched:
        if x.nbytes > self._most_bytes:
            return _Here(x.cpu())
        buffer = _next(self._fetching)
        x = x if x.is_contiguous() else x.clone(memory_format=torch.contiguous_format)
        staged = buffer.view(x)
        self._back.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._back):
            staged.copy_(x, non_blocking=True)
            buffer.copied = _recorded_on(self._back)
        x.record_stream(self._back)  # it may be dropped before it is copied
        fetched = _OnItsWay(buffer, staged)
        buffer.evict = fetched.settle
        return fetched


class _Buffer:
    """Pinned memory, and the copy that uses it."""

    def __init__(self) -> None:
        self._memory: Tensor | None = None
        self.copied: torch.cuda.Event | None = None
        self.evict: Callable[[], None] | None = None
        """Brings what is still in it to safety."""

    @property
    def size(self) -> int:
        return 0 if self._memory is None else self._memory.nbytes

    def view(self, like: Tensor) -> Tensor:
        """Return the buffer as a tensor of that shape and number format, once nothing uses it."""
        if self.evict is not None:
            self.evict()
        if self.copied is not None:
            self.copied.synchronize()
        self.copied = self.evict = None
        if self._memory is None or self._memory.nbytes < like.nbytes:
            self._memory = None  # before the larger one is taken
            with torch.inference_mode(False):  # so that it can be written inside and outside of that
                self._memory = torch.empty(like.nbytes, dtype=torch.uint8, pin_memory=True)
        return self._memory[: like.nbytes].view(like.dtype).view(like.shape)


class _OnItsWay:
    """A tensor that is being copied into a buffer."""

    def __init__(self, buffer: _Buffer, staged: Tensor) -> None:
        assert buffer.copied is not None
        self._buffer, self._copied = buffer, buffer.copied
        self._staged: Tensor | None = staged
        self._safe: Tensor | None = None

    def settle(self) -> None:
        """Have it in memory of its own, and leave the buffer to the next one."""
        if self._staged is not None:
            self._copied.synchronize()
            self._safe, self._staged = self._staged.clone(), None
            self._buffer.evict = None

    def take(self) -> Tensor:
        self.settle()
        assert self._safe is not None
        return self._safe


def _next(buffers: list[_Buffer]) -> _Buffer:
    """Return the one that was used longest ago."""
    buffers.append(buffers.pop(0))
    return buffers[-1]


def _recorded_on(stream: torch.cuda.Stream) -> torch.cuda.Event:
    """Return an event that happens when all is done that the stream was given so far."""
    event: torch.cuda.Event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record(stream)
    return event
