"""Search for faster settings: one setting after the other from the job's own, each value measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.tuning.candidates import Candidate, Situation
from reelmend.pipelines.tuning.measure import Row

MARGIN = 0.03
"""Share of the time by which a value has to be faster to be kept: less is within what measurements differ by."""
_ROUNDS = 2
"""Times that all settings are gone through; the second finds what a changed setting has made worth it."""

Measure = Callable[[Mapping[str, Any]], Row | None]
"""Measures settings that differ from the job's own. Returns None if the budget is used up."""


@dataclass(frozen=True)
class Verdict:
    """A row, and what became of it."""

    row: Row
    kept: bool
    why: str
    key: str = ""
    """The setting that was varied; empty for the job's own settings."""


@dataclass
class Search:
    """What was found so far."""

    own: Row
    best: Row
    verdicts: list[Verdict] = field(default_factory=list)
    ruled_out: list[tuple[str, Any]] = field(default_factory=list)
    """Settings and values that lost too much or failed: nothing that is changed besides makes them better."""
    not_measured: list[str] = field(default_factory=list)
    """Settings for which there was no time."""


def descend(
    own: Row,
    candidates: Sequence[Candidate],
    situation: Callable[[Mapping[str, Any]], Situation],
    measure: Measure,
    loss_db: float,
    on_verdict: Callable[[Verdict], object] = lambda verdict: None,
) -> Search:
    """Vary one setting at a time, keep what is faster and loses at most `loss_db` on every clip against `own`.

    `situation` tells candidates what the job looks like with some settings.
    """
    search = Search(own, own)
    for _ in range(_ROUNDS):
        before = search.best
        for candidate in candidates:
            if not _try(candidate, search, situation, measure, loss_db, on_verdict):
                return search
        if search.best is before:
            break
    return search


def loss_of(row: Row, own: Row) -> float:
    """Return the largest loss of any clip, in dB; below 0 where every clip gained."""
    return max((_lost(was, now) for was, now in zip(own.psnr_db, row.psnr_db, strict=True)), default=0.0)


def _lost(was: float, now: float) -> float:
    return 0.0 if was == now else was - now  # both may be infinite


def _try(
    candidate: Candidate,
    search: Search,
    situation: Callable[[Mapping[str, Any]], Situation],
    measure: Measure,
    loss_db: float,
    on_verdict: Callable[[Verdict], object],
) -> bool:
    """Measure the values of one setting. Returns False if the budget is used up."""
    for settings, value in _untried(candidate, search, situation):
        try:
            row = measure(settings)
        except ConfigError as exc:
            row = Row(dict(settings), 0.0, 0.0, 0.0, (), 0, 0, 0.0, f"these settings do not go together: {exc}")
        if row is None:
            search.not_measured.append(f"{candidate.key}={value}")
            return False
        verdict = _judge(row, search, loss_db, candidate.key)
        search.verdicts.append(verdict)
        on_verdict(verdict)
        if verdict.kept:
            search.best = row
        elif row.failed or loss_of(row, search.own) > loss_db:
            search.ruled_out.append((candidate.key, value))
    return True


def _untried(
    candidate: Candidate, search: Search, situation: Callable[[Mapping[str, Any]], Situation]
) -> Iterator[tuple[dict[str, Any], Any]]:
    for value in candidate.values(situation(search.best.settings)):
        if (candidate.key, value) in search.ruled_out:
            if candidate.falling:
                return
            continue
        settings = {**search.best.settings, candidate.key: value}
        tried = [search.own.settings, *(verdict.row.settings for verdict in search.verdicts)]
        if settings not in tried:
            yield settings, value
            if candidate.falling and (candidate.key, value) in search.ruled_out:
                return


def _judge(row: Row, search: Search, loss_db: float, key: str) -> Verdict:
    if row.failed:
        return Verdict(row, False, row.failed, key)
    lost = loss_of(row, search.own)
    if lost > loss_db:
        return Verdict(row, False, f"loses {lost:.2f} dB, more than {loss_db:g}", key)
    share = row.seconds_per_frame / search.best.seconds_per_frame
    if share > 1 - MARGIN:
        said = f"{share - 1:.0%} slower" if share >= 1.005 else "not faster"
        return Verdict(row, False, f"{said} than the best row before", key)
    return Verdict(row, True, f"{1 / share:.2f} times as fast, {_loss_word(lost)}", key)


def _loss_word(lost: float) -> str:
    return f"loses {lost:.2f} dB" if lost >= 0.005 else "loses nothing"
