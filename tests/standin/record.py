"""Record of what a card does for which the host has to wait, by the line of core_model that asked for it."""

import sys
import warnings
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

_CODE = "/core_model/"
_STAGING = "/device/staging.py"
"""It copies for others."""


class Kind(StrEnum):
    TO_CARD = "host to card"
    TO_HOST = "card to host"
    WAIT = "wait"


class Event(NamedTuple):
    kind: Kind
    what: str
    """The operation, or the shape that is copied."""
    waits: bool
    """Whether the host waits: from pageable memory it does in copies both ways, unless they are `non_blocking`."""
    place: str
    """`networks/attention.py:_look_around` of core_model; "" where that did not ask."""


class Record:
    """Events in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.warns = False

    def add(self, kind: Kind, what: str, waits: bool = True) -> None:
        self.events.append(Event(kind, what, waits, _place()))
        if waits and self.warns:
            warnings.warn(f"called a synchronizing CUDA operation: {what}", stacklevel=2)

    def set_sync_debug_mode(self, mode: str) -> None:
        """As torch.cuda's: with "warn", what waits says so."""
        self.warns = mode == "warn"

    def add_synchronize(self) -> None:
        self.add(Kind.WAIT, "torch.cuda.synchronize")

    def clear(self) -> None:
        self.events.clear()

    def by_place(self) -> dict[str, dict[Kind, int]]:
        """Return how many events of each kind each function of core_model has asked for."""
        counted = Counter((event.place, event.kind) for event in self.events)
        places = sorted({place for place, _ in counted})
        return {place: {kind: counted[place, kind] for kind in Kind if counted[place, kind]} for place in places}


def _place() -> str:
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if _CODE in name and "/tests/" not in name and "/torch/" not in name and not name.endswith(_STAGING):
            return f"{Path(name).as_posix().rpartition(_CODE)[2]}:{frame.f_code.co_qualname.removesuffix('.<locals>')}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
