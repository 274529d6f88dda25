"""Selection of a job's items for a run: all, or those that options leave.

Flags narrow each other: an item is taken up when every one of them says so. What earlier runs made of an item, the
ledger says; an item whose video is another file now counts as new.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemState
from reelmend.pipelines.storage.ledger.write import Outcome, read_outcomes
from reelmend.pipelines.storage.location import Entry, Location
from reelmend.pipelines.tasks import Item

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True)
class Selection:
    """What a run is told; without anything, it takes up every item, and the quarantined ones again."""

    only_new: bool = False
    """Leave out items that an earlier run has brought to an end, whichever."""
    retry_quarantined: bool = False
    """Leave out all but those that are quarantined or failed."""
    since: float | None = None
    """Leave out items whose video and mask were all written before, in seconds since the epoch."""

    def __post_init__(self) -> None:
        if self.only_new and self.retry_quarantined:
            raise ConfigError("--only-new and --retry-quarantined cannot be combined; use one of them")

    def choose(self, items: Sequence[Item], ledger: Location, files: Files) -> tuple[list[Item], dict[str, int]]:
        """Return the items to take up, and how many are left out, by reason.

        Raises ConfigError when the ledger is asked and cannot be read, or when there is none to retry from.
        """
        chosen = list(items)
        left_out: Counter[str] = Counter()
        if self.only_new or self.retry_quarantined:
            outcomes = read_outcomes(ledger, files)
            if self.retry_quarantined and not outcomes:
                raise ConfigError(f"--retry-quarantined: no ledger at {ledger}; no run has written there yet")
            unwanted = self._ended_before if self.only_new else self._not_bad
            chosen = _leave_out(chosen, lambda item: unwanted(_outcome(item, outcomes)), left_out)
        if self.since is not None:
            since, entries = self.since, files.parts_of_many(_sources(chosen))
            chosen = _leave_out(chosen, lambda item: _written_before(item, since, entries), left_out)
        return chosen, dict(left_out)

    @staticmethod
    def _ended_before(state: ItemState | None) -> str:
        return "" if state is None else "not new"

    @staticmethod
    def _not_bad(state: ItemState | None) -> str:
        return "" if state is not None and state.bad else "not quarantined"


EVERYTHING = Selection()


def read_since(text: str, now: float) -> float:
    """Return the moment that a date (2026-11-20, with T18:00 and +01:00 if need be) or an age (36h, 7d) names.

    In seconds since the epoch; a date without zone is this machine's. Raises ConfigError.
    """
    age = _DURATION.fullmatch(text)
    if age is not None:
        return now - float(age[1]) * _UNIT_S[age[2]]
    try:
        moment = datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise ConfigError(
            f"--since {text}: not a valid date or age; use 2026-11-20, 2026-11-20T18:00, 90m, 36h, 7d or 2w"
        ) from None
    if moment > now:
        raise ConfigError(f"--since {text}: is in the future, so no item would be processed")
    return moment


def _leave_out(items: Iterable[Item], unwanted: Callable[[Item], str], left_out: Counter[str]) -> list[Item]:
    """Return the items about which `unwanted` says nothing; count what it says of the others."""
    kept = []
    for item in items:
        reason = unwanted(item)
        if reason:
            left_out[reason] += 1
        else:
            kept.append(item)
    return kept


def _outcome(item: Item, outcomes: Mapping[str, Outcome]) -> ItemState | None:
    known = outcomes.get(item.id)
    return known.state if known is not None and known.video == str(item.video) else None


def _sources(items: Iterable[Item]) -> Iterable[Location]:
    for item in items:
        yield from (item.video,) if item.mask is None else (item.video, item.mask)


def _written_before(item: Item, since: float, entries: Mapping[Location, Sequence[Entry]]) -> str:
    """A source that is not there was not written since: a run without the flag says that it is missing."""
    written = [entry.modified_s for place in _sources([item]) for entry in entries.get(place, ())]
    return "" if any(at >= since for at in written) else "written before"
