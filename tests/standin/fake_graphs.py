"""CUDA graphs for the stand-in: operations are recorded once, and run again into the same memory.

As with CUDA, recording computes nothing that can be used: what is made meanwhile holds NaN until the graph is replayed.
And nothing may wait: a copy between host and card, or a value that the host asks for, ends a recording with an error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.standin.card_tensor import CardTensor, StandIn


class FakeGraph:
    """As torch.cuda.CUDAGraph."""

    made = 0

    def __init__(self) -> None:
        FakeGraph.made += 1
        self.operations: list[tuple[Any, Any, dict[str, Any], list[Tensor]]] = []
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        with torch.autocast("cuda", enabled=False):  # formats were chosen when it was recorded
            for func, args, kwargs, made in self.operations:
                for before, after in zip(made, _tensors(func(*args, **kwargs)), strict=True):
                    if before.inside.data_ptr() != after.inside.data_ptr():  # type: ignore[attr-defined]
                        before.inside.copy_(after.inside)  # type: ignore[attr-defined]


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps what is called, above the stand-in."""

    def __init__(self, graph: FakeGraph) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._graph = graph

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self._graph.operations.append((func, args, kwargs or {}, _tensors(made)))
        return made


@contextmanager
def fake_graphs(card: StandIn) -> Iterator[type[FakeGraph]]:
    """Inside, graphs can be recorded on the card."""

    @contextmanager
    def graph(made: FakeGraph, capture_error_mode: str = "global") -> Iterator[None]:
        before = len(card.record.events)
        with _Recorder(made):
            yield
        waited = [event for event in card.record.events[before:] if event.waits]
        if waited:
            raise RuntimeError(f"operation not permitted when stream is capturing: {waited[0].what}")
        own: set[int] = set()
        for _, args, kwargs, results in made.operations:
            given = {_storage(x) for x in _tensors((args, tuple(kwargs.values())))}
            for x in results:
                if _storage(x) not in given:  # no view of what was there before
                    own.add(_storage(x))
                if _storage(x) in own and x.is_floating_point():
                    x.inside.fill_(float("nan"))  # type: ignore[attr-defined]

    FakeGraph.made = 0
    with patch.object(torch.cuda, "CUDAGraph", FakeGraph), patch.object(torch.cuda, "graph", graph):
        yield FakeGraph


def _storage(x: Any) -> int:
    found: int = x.inside.untyped_storage()._cdata
    return found


def _tensors(made: Any) -> list[Tensor]:
    if isinstance(made, CardTensor):
        return [made]
    return [x for part in made for x in _tensors(part)] if isinstance(made, tuple | list) else []
