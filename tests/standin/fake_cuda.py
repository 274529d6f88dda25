"""`torch.cuda` for the stand-in: one card, with an allocator that counts and a memory that can be full."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar, cast
from unittest.mock import patch

import torch
from torch import nn

from reelmend.core_model.networks import deform
from tests.standin import fake_streams
from tests.standin.card_tensor import StandIn

Network = TypeVar("Network", bound=nn.Module)

GB = 10**9


class CountingAllocator:
    """Memory of `capacity` bytes. What a kernel needs only while it runs is not counted."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = self.peak = self.emptied = self.allocations = 0
        self.refuse: Callable[[int], bool] = lambda size: False
        """Says of an allocation's size whether it fails, though there is room."""
        self.observers: list[Callable[[int, int, int, int], None]] = []
        """Are called before an allocation fails."""
        self.history: str | None = None
        """What is recorded of allocations, as `_record_memory_history` was asked for; None: nothing."""

    def take(self, size: int) -> None:
        self.allocations += 1
        if self.used + size > self.capacity or self.refuse(size):
            for observer in self.observers:
                observer(0, size, self.used, self.capacity - self.used)
            raise torch.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {size} bytes. {self.capacity - self.used} bytes are free."
            )
        self.used += size
        self.peak = max(self.peak, self.used)

    def give_back(self, size: int) -> None:
        self.used -= size

    def record_history(self, enabled: str | None, **_: object) -> None:
        self.history = enabled

    def snapshot(self) -> dict[str, object]:
        """As torch's, in little: segments, and what each device has done if that is recorded."""
        segment = {"device": 0, "total_size": self.capacity, "allocated_size": self.used}
        return {"segments": [segment], "device_traces": [["alloc"] * self.allocations] if self.history else [[]]}

    def reset_peak(self, device: object = None) -> None:
        self.peak = self.used

    def empty_cache(self) -> None:
        self.emptied += 1


class Card(NamedTuple):
    """The stand-in, and its memory."""

    stand_in: StandIn
    memory: CountingAllocator


@contextmanager
def card(capacity: int = 80 * GB, capability: tuple[int, int] = (9, 0)) -> Iterator[Card]:
    """Inside, torch says that there is one CUDA device, and tensors can be made on it and copied to it."""
    allocator = CountingAllocator(capacity)
    stand_in = StandIn(allocator)
    answers: dict[str, Callable[..., object]] = {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "get_device_capability": lambda device=None: capability,
        "get_device_name": lambda device=None: "stand-in",
        "get_device_properties": lambda device=None: SimpleNamespace(
            name="stand-in", major=capability[0], minor=capability[1], total_memory=allocator.capacity
        ),
        "get_arch_list": lambda: ["sm_{}{}".format(*capability)],
        "is_bf16_supported": lambda including_emulation=True: capability >= (8, 0),
        "memory_allocated": lambda device=None: allocator.used,
        "memory_reserved": lambda device=None: allocator.used,
        "max_memory_allocated": lambda device=None: allocator.peak,
        "reset_peak_memory_stats": allocator.reset_peak,
        "mem_get_info": lambda device=None: (allocator.capacity - allocator.used, allocator.capacity),
        "empty_cache": allocator.empty_cache,
        "set_sync_debug_mode": stand_in.record.set_sync_debug_mode,
        "max_memory_reserved": lambda device=None: allocator.peak,
        "synchronize": lambda device=None: stand_in.record.add_synchronize(),
    }
    answers |= fake_streams.answers(stand_in.streams)
    plain_tensor, plain_empty = torch.tensor, torch.empty

    def tensor(data: object, *, device: torch.device | str | None = None, **options: object) -> torch.Tensor:
        """As torch.tensor: values are laid out in host memory, then copied."""
        made = plain_tensor(data, **options)  # type: ignore[arg-type]
        return made if device is None else made.to(device)

    def empty(*size: object, pin_memory: bool = False, **options: object) -> torch.Tensor:
        made = plain_empty(*size, **options)  # type: ignore[call-overload]
        return stand_in.streams.pin(made) if pin_memory else made

    with ExitStack() as stack:
        stack.enter_context(patch.object(torch, "tensor", tensor))
        stack.enter_context(patch.object(torch, "empty", empty))
        for name, answer in answers.items():
            stack.enter_context(patch.object(torch.cuda, name, answer))
        attach = "_cuda_attach_out_of_memory_observer"  # a build without CUDA has none
        stack.enter_context(patch.object(torch._C, attach, allocator.observers.append, create=True))
        stack.enter_context(patch.object(torch.cuda.memory, "_snapshot", allocator.snapshot))
        stack.enter_context(patch.object(torch.cuda.memory, "_record_memory_history", allocator.record_history))
        stack.enter_context(patch.object(deform, "torchvision_kernel", lambda: None))  # its sums are not our own's
        stack.enter_context(patch.object(nn.Module, "to", _to_card(nn.Module.to, stand_in)))
        stack.enter_context(stand_in)
        yield Card(stand_in, allocator)


def _to_card(plain: Callable[..., nn.Module], stand_in: StandIn) -> Callable[..., nn.Module]:
    """As nn.Module.to, which would write into the parameters that it finds: a parameter of the card is another one."""

    def to(network: nn.Module, device: torch.device | str) -> nn.Module:
        if torch.device(device).type != "cuda":
            return plain(network, device)
        for module in network.modules():
            for held in cast("tuple[dict[str, Any], ...]", (module._parameters, module._buffers)):
                held.update({name: stand_in.wrapped(x.detach()) for name, x in held.items() if x is not None})
        return network

    return to


def on_card(stand_in: StandIn, network: Network) -> Network:
    """Return the network with its parameters on the card; they share the memory of the given one's."""
    values = [*network.parameters(), *network.buffers()]
    return deepcopy(network, {id(x): stand_in.wrapped(x.detach()) for x in values})
