"""Head of the ledger: which parts hold the rows, up to which event, and of which run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.sealed import seal, unseal

VERSION = 1
"""Of the format of the ledger: raise it when an older reelmend can no longer read what is written."""


class Damaged(ConfigError):
    """A file of the ledger is not as it was written; the next run repairs that."""


@dataclass(frozen=True)
class Pace:
    """How far the run was at some moment, some minutes ago: what it has done since is its speed now."""

    at: float = 0.0
    """Seconds since the epoch."""
    frames: int = 0
    """Frames that the run had computed."""
    items: float = 0.0
    """Items that had ended, and the finished shares of those in progress; without those that earlier runs
    finished, also where only the probe found that out."""


@dataclass(frozen=True)
class Head:
    """What a reader reads first; it never says more than the parts and events hold."""

    run: str
    """Id of the run that wrote this."""
    started_at: float
    """Seconds since the epoch."""
    items: int
    """Items that the run takes up; their rows come first in the parts, in the run's order."""
    parts: tuple[str, ...]
    """Names of the parts, in the order of their rows."""
    events: int = 0
    """Segments of the run's events before this number are in the parts already."""
    written_at: float = 0.0
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Items of the job that the run was told to leave out, by reason."""
    pace: Pace = field(default_factory=Pace)
    ended_at: float = 0.0
    """0: the run is in progress, or was killed."""
    version: int = VERSION

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "Head":
        known = {f.name: value[f.name] for f in fields(cls) if f.name in value}
        return cls(**{**known, "parts": tuple(value["parts"]), "pace": Pace(**value["pace"])})


def head_place(ledger: Location) -> Location:
    return ledger / "head.json"


def part_place(ledger: Location, name: str) -> Location:
    return ledger / "parts" / name


def damaged_place(ledger: Location, name: str) -> Location:
    """Return where a file lies that was set aside because it is damaged."""
    return ledger / "damaged" / name


def events_folder(ledger: Location, run: str) -> Location:
    return ledger / "events" / run


def read_head(ledger: Location, files: Files) -> Head | None:
    """Return the head, None where no run has written one.

    Raises Damaged for one that is not as it was written, ConfigError for one of a newer version.
    """
    value = files.read(head_place(ledger))
    if value is None:
        return None
    try:
        head = Head.from_dict(unseal(json.loads(value)))
    except (ValueError, TypeError, KeyError) as exc:
        raise Damaged(
            f"the ledger {head_place(ledger)} cannot be read ({exc}); run the same command again to recreate it"
        ) from exc
    if head.version != VERSION:
        raise ConfigError(
            f"the ledger {ledger} has version {head.version}, this reelmend reads {VERSION}: update reelmend"
        )
    return head


def write_head(ledger: Location, head: Head, files: Files) -> None:
    """Raises StoreError."""
    files.write(head_place(ledger), json.dumps(seal(asdict(head)), indent=1).encode())
