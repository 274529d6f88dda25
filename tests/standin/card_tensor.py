"""Tensors that say they are on `cuda:0`, and compute on the CPU: what shows here that code keeps devices apart.

A tensor wraps one of the CPU. Every operation on it runs on what is inside, so its values are those of a CPU, bit for
bit; together with a plain CPU tensor it is refused, as CUDA refuses it, except where something is copied.

What a CUDA tensor does without a word is recorded: copies between host and card, and operations for which the host has
to wait for the card.
"""

import weakref
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.standin.fake_streams import Stream, Streams
from tests.standin.record import Kind, Record

CARD = torch.device("cuda:0")
_CPU = torch.device("cpu")
_aten = torch.ops.aten

_COPIES = {_aten._to_copy, _aten.to, _aten.copy_, _aten.copy}
_WAITS = {
    _aten._local_scalar_dense,
    _aten.item,
    _aten.is_nonzero,
    _aten.nonzero,
    _aten.masked_select,
    _aten.equal,
    _aten.unique_dim,
    _aten._unique2,
}
"""The host needs a value, or a size that depends on one."""
_INDEXED = {_aten.index, _aten.index_put, _aten.index_put_, _aten._index_put_impl_}


class Mixed(RuntimeError):
    """An operation was given tensors of both the card and the CPU."""


class Allocator(Protocol):
    """Counts what is on the card."""

    def take(self, size: int) -> None:
        """Raises torch.OutOfMemoryError if this many bytes do not fit."""
        ...

    def give_back(self, size: int) -> None: ...


class CardTensor(Tensor):
    """A tensor on the card; made by `StandIn` alone."""

    inside: Tensor

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, inside: Tensor) -> "CardTensor":
        made: CardTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            inside.shape,
            strides=inside.stride(),
            storage_offset=inside.storage_offset(),
            dtype=inside.dtype,
            device=CARD,
            requires_grad=False,
        )
        made.inside = inside
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _card().run(func, args, kwargs or {})

    # What Python calls for these asks torch for a CUDA device before anything is dispatched; a CPU build has none.
    def __getitem__(self, index: Any) -> Tensor:
        return _card().read(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        _card().write(self, index, value)

    def __invert__(self) -> Tensor:
        return torch.bitwise_not(self)

    def nonzero(self, *, as_tuple: bool = False) -> Any:
        found: Tensor = _aten.nonzero(self)
        return found.unbind(1) if as_tuple else found

    def copy_(self, source: Tensor, non_blocking: bool = False) -> Tensor:
        copied: Tensor = _aten.copy_(self, source, non_blocking)
        return copied

    def record_stream(self, stream: Stream) -> None:  # type: ignore[override]
        _card().streams.record_stream(self.inside, stream)

    def numpy(self, *, force: bool = False) -> Any:
        raise TypeError(f"can't convert {CARD} device type tensor to numpy. Use Tensor.cpu() to copy it first.")

    def item(self) -> Any:
        return _card().on_host(self, "item").item()

    def tolist(self) -> Any:
        return _card().on_host(self, "tolist").tolist()

    def __bool__(self) -> bool:
        return bool(_card().on_host(self, "bool"))

    def __int__(self) -> int:
        return int(_card().on_host(self, "int"))

    def __index__(self) -> int:
        return _card().on_host(self, "index").__index__()

    def __float__(self) -> float:
        return float(_card().on_host(self, "float"))

    def __repr__(self) -> str:  # type: ignore[override]
        return f"CardTensor({self.inside!r})"


class StandIn(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The card, while it is there: `with StandIn(allocator) as card`."""

    active: "StandIn | None" = None

    def __init__(self, allocator: Allocator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.record = Record()
        self.streams = Streams()
        self._allocator = allocator
        self._views: dict[int, int] = {}
        """How many tensors use a storage."""

    def __enter__(self) -> "StandIn":
        StandIn.active = self
        return super().__enter__()  # type: ignore[no-any-return, no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        StandIn.active = None
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Run one operation of torch, on the card if any tensor or the `device` asked for is there."""
        tensors = _tensors(args) + _tensors(tuple(kwargs.values()))
        there = [x for x in tensors if isinstance(x, CardTensor)]
        target = _target(func, args, kwargs, tensors)
        if not there and target == _CPU:
            return func(*args, **kwargs)
        packet = func.overloadpacket
        if packet in _COPIES:
            return self._copy(func, args, kwargs, target)
        if there:
            some = any(x.ndim for x in there) and torch.Tag.pointwise in func.tags
            self._check(str(func), [x for x in tensors if x.ndim or not some])
        if there and (packet in _WAITS or (packet in _INDEXED and _masked(args))):
            self.record.add(Kind.WAIT, str(packet))
        for x in there:
            self.streams.used(x.inside)
        inside = {id(x.inside): x for x in there}
        made = func(*_unwrapped(args), **{name: _unwrapped(x) for name, x in kwargs.items()})
        for x in there:
            if x.inside.shape != x.shape:
                raise NotImplementedError(f"{func} changes a tensor's shape in place")
        if target == _CPU:
            return made
        return self._all_wrapped(made, inside)

    def _all_wrapped(self, made: Any, given: dict[int, CardTensor]) -> Any:
        """What an operation in place returns is the very tensor that it was given."""
        if isinstance(made, Tensor):
            self.streams.made(made)
            return given[id(made)] if id(made) in given else self.wrapped(made)
        return type(made)([self._all_wrapped(x, given) for x in made]) if isinstance(made, tuple | list) else made

    def on_host(self, x: CardTensor, what: str) -> Tensor:
        """Return what is inside, for which the host has to wait."""
        self.record.add(Kind.WAIT, what)
        self.streams.used(x.inside)
        return x.inside

    def read(self, x: CardTensor, index: Any) -> Tensor:
        """`x[index]`"""
        self.streams.used(x.inside)
        with torch.utils._python_dispatch._disable_current_modes():
            made = x.inside[self._index(index)]
        return self.wrapped(made)

    def write(self, x: CardTensor, index: Any, value: Any) -> None:
        """`x[index] = value`"""
        if isinstance(value, Tensor) and value.ndim:
            self._check("setitem", [value])
        self.streams.used(x.inside)
        with torch.utils._python_dispatch._disable_current_modes():
            x.inside[self._index(index)] = _unwrapped(value)
        self.streams.made(x.inside)

    def _index(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        for part in parts:
            if isinstance(part, list):  # becomes a tensor, first in host memory
                self.record.add(Kind.TO_CARD, f"a list of {len(part)}")
            elif isinstance(part, Tensor):
                self._check("getitem", [part])
                if part.dtype in (torch.bool, torch.uint8):
                    self.record.add(Kind.WAIT, "a mask as an index")
        return _unwrapped(index)

    def wrapped(self, inside: Tensor) -> CardTensor:
        """Return what is on the CPU as a tensor of the card, without a copy."""
        storage = inside.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self._views:
            self._allocator.take(size)
        self._views[key] = self._views.get(key, 0) + 1
        made = CardTensor(inside)
        weakref.finalize(made, self._dropped, key, size).atexit = False
        return made

    def _dropped(self, key: int, size: int) -> None:
        self._views[key] -= 1
        if not self._views[key]:
            del self._views[key]
            self.streams.dropped(key)
            self._allocator.give_back(size)

    def _copy(self, func: Any, args: Any, kwargs: dict[str, Any], target: torch.device) -> Any:
        source = args[1] if func.overloadpacket in (_aten.copy_, _aten.copy) else args[0]
        crosses = isinstance(source, CardTensor) == (target == _CPU)
        if crosses:
            way = Kind.TO_HOST if target == _CPU else Kind.TO_CARD
            host = args[0] if isinstance(source, CardTensor) else source
            non_blocking = _non_blocking(func, args, kwargs)
            new_on_host = isinstance(host, CardTensor)  # torch makes it in pinned memory
            late = not new_on_host and self.streams.copies_late(host, non_blocking=non_blocking)
            waits = not (late or (new_on_host and non_blocking))
            self.record.add(way, f"{[*source.shape]} {source.dtype}", waits)
            if late:
                return self._copy_late(func, args, source)
        if isinstance(source, CardTensor):
            self.streams.used(source.inside)
        made = func(*_unwrapped(args), **{name: _unwrapped(x) for name, x in kwargs.items()})
        if func.overloadpacket is _aten.copy_:
            if isinstance(args[0], CardTensor):
                self.streams.made(args[0].inside)
            return args[0]
        if isinstance(made, Tensor) and target != _CPU:
            self.streams.made(made)
        if crosses and made.untyped_storage()._cdata == _unwrapped(source).untyped_storage()._cdata:
            made = made.clone()  # on the CPU nothing had to be copied
        if target == _CPU:
            return made
        return source if made is getattr(source, "inside", None) else self.wrapped(made)

    def _copy_late(self, func: Any, args: Any, source: Tensor) -> Tensor:
        """Copy between the card and pinned memory, on the stream that is chosen."""
        if isinstance(source, CardTensor):
            host: Tensor = args[0]
            self.streams.fetch(source.inside, host)
            return host
        if func.overloadpacket is _aten.copy_:
            raise NotImplementedError("a copy from pinned memory into a tensor of the card that is there")
        inside = torch.empty_like(source, memory_format=torch.contiguous_format)
        self.streams.made(inside)
        self.streams.send(source, inside)
        return self.wrapped(inside)

    def _check(self, what: str, tensors: Sequence[Tensor]) -> None:
        """Refuse tensors on the CPU. One without dimensions is a number, for operations on single values."""
        for x in tensors:
            if not isinstance(x, CardTensor):
                raise Mixed(f"{what}: a tensor {[*x.shape]} {x.dtype} on the CPU among those on {CARD}")


def _card() -> StandIn:
    if StandIn.active is None:
        raise RuntimeError("a tensor of the stand-in is used after its card was removed")
    return StandIn.active


def _target(func: Any, args: Any, kwargs: dict[str, Any], tensors: Sequence[Tensor]) -> torch.device:
    """Where the result is to be."""
    asked = kwargs.get("device")
    if asked is None and func.overloadpacket is _aten.to:
        asked = next((x for x in args[1:2] if isinstance(x, torch.device)), None)
        asked = args[1].device if asked is None and isinstance(args[1], Tensor) else asked
    if asked is None:
        looked = tensors[:1] if func.overloadpacket in _COPIES else tensors
        return CARD if any(isinstance(x, CardTensor) for x in looked) else _CPU
    return _CPU if torch.device(asked).type == "cpu" else CARD


def _unwrapped(given: Any) -> Any:
    if isinstance(given, CardTensor):
        return given.inside
    if isinstance(given, tuple | list):
        return type(given)([_unwrapped(x) for x in given])
    return _CPU if isinstance(given, torch.device) and given.type == "cuda" else given


def _tensors(given: Any) -> list[Tensor]:
    if isinstance(given, Tensor):
        return [given]
    return [x for part in given for x in _tensors(part)] if isinstance(given, tuple | list) else []


def _masked(args: Any) -> bool:
    """Whether an index is a mask, so that the card has to say how many are chosen."""
    return any(isinstance(x, Tensor) and x.dtype in (torch.bool, torch.uint8) for x in args[1])


def _non_blocking(func: Any, args: Any, kwargs: dict[str, Any]) -> bool:
    names = [argument.name for argument in func._schema.arguments]
    given = dict(zip(names, args, strict=False)) | kwargs
    return bool(given.get("non_blocking", False))
