"""Verification of installed weights: digest, content, and fit to the network."""

from dataclasses import dataclass
from pathlib import Path

from reelmend.pipelines.weights.find import Look, State, changed_message, look, missing_message
from reelmend.pipelines.weights.fit import check_fit
from reelmend.pipelines.weights.registry import Entry
from reelmend.pipelines.weights.state import read_state


@dataclass(frozen=True)
class Verdict:
    """What looking at one file gave."""

    seen: Look
    problem: str
    """One line; empty when the file is right."""


def verify(entry: Entry, folder: Path) -> Verdict:
    """Hash the file, compare, read it, and try its tensors on the network."""
    seen = look(entry, folder, anew=True)
    match seen.state:
        case State.MISSING:
            return Verdict(seen, missing_message(seen))
        case State.CHANGED:
            return Verdict(seen, changed_message(seen))
    try:
        check_fit(read_state(seen.path, seen.path.suffix), entry.network)
    except ValueError as exc:
        return Verdict(seen, f"{seen.path}: {exc}")
    return Verdict(seen, "")
