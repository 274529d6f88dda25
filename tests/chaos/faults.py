"""Which request meets which fault? Drawn from a seed; knows requests by method and path only."""

from enum import StrEnum
from random import Random


class Fault(StrEnum):
    INTERNAL_ERROR = "500 InternalError"
    SLOW_DOWN = "503 SlowDown"
    HELD = "time-out: never answered"
    RESET = "connection reset before the store saw it"
    CUT = "body truncated"
    ANSWER_LOST = "done, answer lost"
    COMPLETION_LOST = "multipart completed, answer lost"
    COMPLETION_UNDONE = "multipart completion never arrived"


_WEIGHTS = {
    Fault.INTERNAL_ERROR: 3,
    Fault.SLOW_DOWN: 1,
    Fault.HELD: 1,
    Fault.RESET: 2,
    Fault.CUT: 3,
    Fault.ANSWER_LOST: 3,
}
_COMPLETIONS = (Fault.COMPLETION_LOST, Fault.COMPLETION_UNDONE)
_COMPLETION_SHARE = 0.5
"""Completions of uploads are rare among requests, and what is lost with them is most."""


class Faults:
    """`share` of the requests meet one; not the same ones each time, as the order of requests differs."""

    def __init__(self, seed: int, share: float) -> None:
        self._random, self._share = Random(seed), share

    def draw(self, method: str, path: str) -> Fault | None:
        if is_completion(method, path):
            return self._random.choice(_COMPLETIONS) if self._random.random() < _COMPLETION_SHARE else None
        if self._random.random() >= self._share:
            return None
        fits = {fault: weight for fault, weight in _WEIGHTS.items() if _fits(fault, method)}
        return self._random.choices([*fits], [*fits.values()])[0]


def is_completion(method: str, path: str) -> bool:
    return method == "POST" and "uploadId=" in path


def _fits(fault: Fault, method: str) -> bool:
    match fault:
        case Fault.CUT:
            return method == "GET"
        case Fault.ANSWER_LOST:
            return method in ("PUT", "POST", "DELETE")
    return True
