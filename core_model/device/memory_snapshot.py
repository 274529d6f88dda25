"""Snapshots of CUDA's memory: what was allocated, where, and how fragmented, at the moment when it ran out.

As pickles that <https://pytorch.org/memory_viz> shows. Taking one costs nothing until memory runs out; with a history of
allocations (`history`), it also says which line of code has allocated what.
"""

import logging
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

MOST = 3
"""Snapshots of one process that are kept: what runs out first explains what follows."""
_MOST_EVENTS = 50_000
"""Allocations and frees that a history goes back; each takes about a kilobyte with its lines of code."""

_log = logging.getLogger(__name__)


class MemorySnapshots:
    """Takes a snapshot when CUDA's memory runs out, before anything is freed."""

    def __init__(self) -> None:
        self._watches = False
        self._taken = 0
        self._waiting: list[bytes] = []

    def watch(self, device: torch.device) -> None:
        """Take snapshots from now on, once memory runs out on `device`; nothing where that is no CUDA device."""
        attach: Callable[[Callable[..., None]], None] | None
        attach = getattr(torch._C, "_cuda_attach_out_of_memory_observer", None)
        if device.type == "cuda" and not self._watches and attach is not None:
            attach(self._ran_out)  # for good: torch has no way to detach it
            self._watches = True

    def take(self) -> list[bytes]:
        """Return the snapshots since the last call."""
        taken, self._waiting = self._waiting, []
        return taken

    def _ran_out(self, device: int, wanted: int, used: int, free: int) -> None:
        """Called by torch's allocator before it raises; the arguments are bytes but for the device's number."""
        if self._taken < MOST:
            self._taken += 1
            try:
                self._waiting.append(snapshot())
            except Exception as exc:  # the error that it is about is the one to be raised
                _log.warning("no snapshot of the GPU's memory: %s", exc)


SNAPSHOTS = MemorySnapshots()
"""Of this process."""


def snapshot() -> bytes:
    """Return CUDA's memory as it is now, pickled."""
    return pickle.dumps(torch.cuda.memory._snapshot())


@contextmanager
def history() -> Iterator[None]:
    """Inside, snapshots hold the lines of Python behind each allocation; allocating takes a little longer."""
    torch.cuda.memory._record_memory_history("all", stacks="python", max_entries=_MOST_EVENTS)
    try:
        yield
    finally:
        torch.cuda.memory._record_memory_history(None)
