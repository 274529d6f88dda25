"""Runs that are told by hand: their state machine and their keeper, without videos."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reelmend.pipelines.run.ledger_recorder import LedgerRecorder
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.lease import FileLease, Holder
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.storage.location import Location


def pending(*names: str, video: str = "in/{}.mp4") -> dict[str, ItemRow]:
    return {name: ItemRow(name, video.format(name), "mask.png", f"out/{name}.mp4") for name in names}


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now_s: float = 1000.0
    set_s: float = 0.0
    """By so much somebody has set the machine's time meanwhile."""

    def __call__(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return self.now_s + self.set_s


@dataclass
class Run:
    """A run under way. Its lease is never taken: nobody else is there."""

    place: Location
    name: str
    rows: Mapping[str, ItemRow]
    clock: Clock = field(default_factory=Clock)
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lease = FileLease(Path("lease.json"), Holder.this_process(self.name))
        clocks = self.clock.wall, self.clock
        self.keeper = LedgerRecorder(self.place, Files(), lease, self.name, *clocks)
        self.keeper.begin(self.rows, self.left_out)

    def tell(self, name: str, state: ItemState, *, answer: object = None, **values: object) -> None:
        """Move an item to a state and give its row values."""
        row = self.rows[name]
        row.state = state
        for key, value in values.items():
            setattr(row, key, value)
        self.keeper.change(row, answer)  # type: ignore[arg-type]

    def end(self) -> None:
        self.keeper.close(halted="")

    def die(self) -> None:
        """As kill -9 does a moment after the last events were written: nothing more is said."""
        self.keeper._events.sync()  # the thread does it every second; a test need not wait for it


def finished(place: Location, name: str, states: Mapping[str, ItemState]) -> None:
    """A run that brought these items to these ends."""
    run = Run(place, name, pending(*states))
    for item, state in states.items():
        run.tell(item, state, started_at=1.0, ended_at=2.0, reason="no frames" if state.bad else "")
    run.end()
