"""Streams, events and pinned memory of the stand-in: copies on a stream of their own happen as late as they may.

What is computed is computed at once. A copy that is not waited for, on another stream than that, only joins the stream's
queue, and its target holds rubbish until somebody waits: the host for an event, or the computing stream, when it uses
the tensor. So a buffer that is written too early, or read too early, shows as wrong numbers. What is not ordered at all
is refused; memory that is given back while another stream may use it is noted as a fault.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_RUBBISH = 0xA5


class Unordered(RuntimeError):
    """A stream uses what another one may not have written yet."""


class Stream:
    """One queue of the card; `computing` is the one whose work is done at once."""

    def __init__(self, streams: "Streams", name: str) -> None:
        self.streams, self.name = streams, name
        self.queue: list[Callable[[], None]] = []
        self.done = 0
        self.awaited: dict[Stream, int] = {}
        """How far it waits for others."""

    @property
    def position(self) -> int:
        return self.streams.operations if self is self.streams.computing else len(self.queue)

    def wait_event(self, event: "Event") -> None:
        assert event.stream is not None, "an event that was never recorded is waited for"
        self.awaited[event.stream] = max(self.awaited.get(event.stream, 0), event.position)

    def wait_stream(self, other: "Stream") -> None:
        self.awaited[other] = other.position

    def run_to(self, position: int) -> None:
        while self is not self.streams.computing and self.done < position:
            self.queue[self.done]()
            self.done += 1


class Event:
    """A place in a stream's queue."""

    streams: "Streams"

    def __init__(self, *_: Any, **__: Any) -> None:
        self.stream: Stream | None = None
        self.position = 0

    def record(self, stream: Stream | None = None) -> None:
        self.stream = stream or self.streams.current
        self.position = self.stream.position

    def query(self) -> bool:
        return self.stream is None or self.stream is self.streams.computing or self.stream.done >= self.position

    def synchronize(self) -> None:
        if self.stream is not None:
            self.streams.waits += not self.query()
            self.stream.run_to(self.position)


class Streams:
    """The card's streams, and what is known of memory that more than one of them uses."""

    def __init__(self) -> None:
        self.computing = Stream(self, "computing")
        self.current = self.computing
        self.operations = 0
        """Done on the computing stream."""
        self.waits = 0
        """How often the host waited for an event that had not happened."""
        self.faults: list[str] = []
        self.pinned_bytes = 0
        self.late = 0
        """Copies that were put into a queue."""
        self._pinned: dict[int, Tensor] = {}
        self._written: dict[int, int] = {}
        self._pending: dict[int, tuple[Stream, int]] = {}
        self._home: dict[int, Stream] = {}
        self._users: dict[int, set[Stream]] = {}
        self._recorded: dict[int, set[Stream]] = {}

    def pin(self, made: Tensor) -> Tensor:
        """Take a tensor's memory as pinned, for as long as this card is there."""
        self._pinned[_key(made)] = made
        self.pinned_bytes += made.nbytes
        return made

    @contextmanager
    def stream(self, chosen: Stream | None) -> Iterator[None]:
        before, self.current = self.current, chosen or self.current
        try:
            yield
        finally:
            self.current = before

    def copies_late(self, host: Tensor, *, non_blocking: bool) -> bool:
        """Whether a copy from or to `host` need not be waited for: that takes pinned memory, as on a real card."""
        return non_blocking and _key(host) in self._pinned

    def send(self, host: Tensor, there: Tensor) -> None:
        """Copy from pinned memory, now or when somebody waits."""
        if self.current is self.computing:
            there.copy_(host)
            return
        self._fill(there)
        self._put(lambda: there.copy_(host))
        self._pending[_key(there)] = self.current, self.current.position

    def fetch(self, there: Tensor, host: Tensor) -> None:
        """Copy into pinned memory, now or when somebody waits."""
        if self.current is self.computing:
            host.copy_(there)
            return
        if self.current.awaited.get(self.computing, 0) < self._written.get(_key(there), 0):
            raise Unordered(f"{self.current.name} copies a tensor {[*there.shape]} that may not be computed yet")
        self._users.setdefault(_key(there), set()).add(self.current)
        before, position = self._pending.get(_key(there), (self.computing, 0))
        if before is not self.computing and self.computing.awaited.get(before, 0) < position:
            raise Unordered(
                f"{self.current.name} copies a tensor {[*there.shape]} that {before.name} may not have copied"
            )
        self._fill(host)

        def copy() -> None:
            before.run_to(position)
            host.copy_(there)

        self._put(copy)

    def used(self, inside: Tensor) -> None:
        """A tensor is used by what is computed."""
        key = _key(inside)
        self._users.setdefault(key, set()).add(self.current)
        if key not in self._pending:
            return
        stream, position = self._pending[key]
        if self.current is not stream and self.current.awaited.get(stream, 0) < position:
            raise Unordered(f"a tensor {[*inside.shape]} is used that {stream.name} may not have copied yet")
        stream.run_to(position)
        del self._pending[key]

    def made(self, inside: Tensor) -> None:
        """A tensor is written, by what is computed or as a copy's target."""
        if self.current is self.computing:
            self.operations += 1
            self._written[_key(inside)] = self.operations
        self._home.setdefault(_key(inside), self.current)

    def record_stream(self, inside: Tensor, stream: Stream) -> None:
        self._recorded.setdefault(_key(inside), set()).add(stream)

    def dropped(self, key: int) -> None:
        """The memory of a tensor is given back: to the stream that it was taken on."""
        home, users = self._home.pop(key, self.computing), self._users.pop(key, set())
        for stream in users - {home} - self._recorded.pop(key, set()):
            self.faults.append(f"memory of {home.name} was given back while {stream.name} may use it")
        self._pending.pop(key, None)
        self._written.pop(key, None)

    def _put(self, copy: Callable[[], object]) -> None:
        self.late += 1
        self.current.queue.append(lambda: _plainly(copy))

    @staticmethod
    def _fill(target: Tensor) -> None:
        _plainly(lambda: target.view(-1).view(torch.uint8).fill_(_RUBBISH))


def answers(streams: Streams) -> dict[str, Callable[..., object]]:
    """Return what `torch.cuda` says about streams."""

    class OwnEvent(Event):
        pass

    OwnEvent.streams = streams
    made: list[Stream] = []

    def new_stream(device: object = None, priority: int = 0) -> Stream:
        made.append(Stream(streams, f"stream {len(made) + 1}"))
        return made[-1]

    return {
        "Stream": new_stream,
        "Event": OwnEvent,
        "stream": streams.stream,
        "current_stream": lambda device=None: streams.current,
    }


def _key(inside: Tensor) -> int:
    key: int = inside.untyped_storage()._cdata
    return key


def _plainly(work: Callable[[], object]) -> None:
    """Do it outside of the stand-in."""
    with torch.utils._python_dispatch._disable_current_modes(), torch.inference_mode():
        work()
