"""Named ranges around the steps of a computation, for profilers.

A method is given a name where it is defined, and stays the method that it was: while nobody profiles, no code of this
module runs. `ranges_shown` puts a range around each named method for as long as it lasts, in this process.

    @named_range("raft")
    def forward(self, ...): ...

    with ranges_shown(torch.profiler.record_function): ...
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

Body = TypeVar("Body", bound=Callable[..., Any])
OpenRange = Callable[[str], AbstractContextManager[object]]
"""Opens a range of a name, which lasts as long as what it returns."""


@dataclass(frozen=True)
class RangedMethod:
    """A method that has a range of its own."""

    owner: type
    name: str
    label: str | Callable[..., str]
    """The range's name, or what makes it of the method's arguments."""

    @property
    def body(self) -> Callable[..., Any]:
        """The method as its class has it now."""
        found: Callable[..., Any] = vars(self.owner)[self.name]
        return found

    def within(self, open_range: OpenRange) -> Callable[..., Any]:
        """Return the method inside a range."""
        body, label = self.body, self.label

        @functools.wraps(body)
        def ranged(*given: Any, **named: Any) -> Any:
            with open_range(label if isinstance(label, str) else label(*given, **named)):
                return body(*given, **named)

        return ranged


RANGED: list[RangedMethod] = []
"""Of all modules that are loaded."""
_SHOWING: list[Callable[[RangedMethod], None]] = []


class _Named:
    """Stands for a method until its class is complete, then puts the method itself there."""

    def __init__(self, body: Callable[..., Any], label: str | Callable[..., str]) -> None:
        self._body, self._label = body, label

    def __set_name__(self, owner: type, name: str) -> None:
        setattr(owner, name, self._body)
        RANGED.append(method := RangedMethod(owner, name, self._label))
        for show in _SHOWING:
            show(method)


class _GivesRange(Protocol):
    def __call__(self, body: Body, /) -> Body: ...


def named_range(label: str | Callable[..., str]) -> _GivesRange:
    """Give a method a range: its name, or a function of the method's arguments, called only while ranges are shown.

    For methods of a class that are no generators: a range around one of those would end before its first step.
    """

    def give(body: Body, /) -> Body:
        return cast(Body, _Named(body, label))

    return give


@contextmanager
def ranges_shown(*ways: OpenRange) -> Iterator[None]:
    """Inside, each call of a named method is in a range, opened in each of these ways.

    Applies to the whole process, and to what is loaded meanwhile.
    """

    @contextmanager
    def open_range(label: str) -> Iterator[None]:
        with ExitStack() as stack:
            for way in ways:
                stack.enter_context(way(label))
            yield

    bodies: list[tuple[RangedMethod, Callable[..., Any]]] = []

    def show(method: RangedMethod) -> None:
        bodies.append((method, method.body))
        setattr(method.owner, method.name, method.within(open_range))

    for method in RANGED:
        show(method)
    _SHOWING.append(show)
    try:
        yield
    finally:
        _SHOWING.remove(show)
        for method, body in bodies:
            setattr(method.owner, method.name, body)
