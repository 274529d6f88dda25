"""CUDA graphs: the kernels of a function recorded once for each shape, and launched as one afterwards.

A small step of a network is over before the host has launched the next. Replaying a recorded graph launches hundreds of
kernels at once. What is recorded reads and writes the same memory each time: arguments are copied there, results out of
it.
"""

import logging
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from reelmend.core_model.ranges import named_range

Function = Callable[..., tuple[Tensor, ...]]

MOST_SHAPES = 4
"""Recordings of a function that are kept, those used last: each keeps the memory that it computes in."""
MOST_RECORDINGS = 64
"""Of a function in a process: where shapes change all the time, recording takes longer than it saves."""

_log = logging.getLogger(__name__)


class GraphedFunction:
    """A function of tensors on a CUDA device, which uses nothing else that changes and does not wait for the device.

    The first call of a shape runs as it is, so that libraries load and cuDNN measures which of its algorithms is the
    fastest for this shape (`cudnn.benchmark`, here alone); the second one records. Where recording fails, for want of
    memory or because something inside waits, the function runs as it is from then on, and a log says why.
    """

    def __init__(self, name: str, function: Function) -> None:
        """`function` takes tensors, and after them the whole numbers that a call gives as `fixed`."""
        self.name = name
        self._function = function
        self._seen: set[Any] = set()
        """Shapes, number formats and fixed numbers of calls."""
        self._recorded: dict[Any, _Recording] = {}
        """By these, the last one used last."""
        self._left = MOST_RECORDINGS
        self.reason = ""
        """Why it runs as it is; "" as long as it is recorded."""
        _ALL.add(self)

    @named_range(lambda graphed, *_, **__: f"graph of {graphed.name}")
    def __call__(self, *given: Tensor, fixed: tuple[int, ...] = ()) -> tuple[Tensor, ...]:
        """Return the function's results, in memory that no later call writes to."""
        if self.reason or given[0].device.type != "cuda":
            return self._function(*given, *fixed)
        key = tuple((x.shape, x.dtype, x.stride()) for x in given), fixed, _switches(given[0].device)
        if key not in self._seen:
            self._seen.add(key)
            with _fastest_algorithms():
                return self._function(*given, *fixed)
        recording = self._recorded.pop(key, None) or self._record(given, fixed)
        if recording is None:
            return self._function(*given, *fixed)
        self._recorded[key] = recording
        return recording.replay(given)

    def _record(self, given: tuple[Tensor, ...], fixed: tuple[int, ...]) -> "_Recording | None":
        """Return a new recording; None where there can be none, with nothing left of it in memory."""
        if not self._left:
            return None
        self._left -= 1
        if len(self._recorded) >= MOST_SHAPES:
            del self._recorded[next(iter(self._recorded))]
        try:
            return _Recording(self._function, given, fixed)
        except Exception as exc:  # what cannot be recorded shows in many ways; none must stop a run
            lines = str(exc).strip().splitlines()
            self.run_as_it_is(f"{type(exc).__name__}: {lines[0] if lines else 'no reason given'}")
            return None

    def run_as_it_is(self, reason: str) -> None:
        """Give back what recordings keep, and record no more."""
        self._recorded.clear()
        self._seen.clear()
        self.reason = reason
        _log.warning("CUDA graphs: %s runs without: %s", self.name, reason)


_ALL: "weakref.WeakSet[GraphedFunction]" = weakref.WeakSet()


def drop_graphs(reason: str) -> None:
    """Give back the memory of all recordings of this process; their functions run as they are from then on."""
    for graphed in [*_ALL]:
        if graphed._recorded:
            graphed.run_as_it_is(reason)


def why_not_graphed() -> list[str]:
    """Return for each function of this process that runs without a recording its name and the reason."""
    return sorted(f"{graphed.name}: {graphed.reason}" for graphed in [*_ALL] if graphed.reason)


class _Recording:
    """The kernels of one call, and the memory that they read and write."""

    def __init__(self, function: Function, given: tuple[Tensor, ...], fixed: tuple[int, ...]) -> None:
        self._given = [x.clone() for x in given]
        self._graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        # Weights in another number format are cached by autocast until it ends: the graph needs its own.
        with _no_cached_casts(), _fastest_algorithms(), _recording(self._graph):
            self._made = function(*self._given, *fixed)

    def replay(self, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        for own, x in zip(self._given, given, strict=True):
            own.copy_(x)
        self._graph.replay()
        return tuple(x.clone() for x in self._made)


def _switches(device: torch.device) -> tuple[object, ...]:
    """What decides which kernels are launched, besides shapes."""
    reduced = torch.is_autocast_enabled(device.type) and torch.get_autocast_dtype(device.type)
    return reduced, torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


def _recording(graph: torch.cuda.CUDAGraph) -> torch.cuda.graph:
    # By default a copy or an allocation of another thread would end the recording.
    return torch.cuda.graph(graph, capture_error_mode="thread_local")


@contextmanager
def _fastest_algorithms() -> Iterator[None]:
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


@contextmanager
def _no_cached_casts() -> Iterator[None]:
    before = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(before)
