"""Waiting for a store that does not answer: how that is told from an item that fails, and for how long it is done."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from reelmend.pipelines.errors import ReelmendError, StoreAway
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import RemotePath
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.utils.logs import LogLine
from reelmend.pipelines.utils.units import readable_seconds

log = logging.getLogger("reelmend")

T = TypeVar("T")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0
"""Between two tries; each wait is twice as long as the one before."""
_ANSWER_S = 5.0
"""A store that answers takes less for a request of a few bytes."""
AT_START_S = 60.0
"""Before a store has answered once, a wrong address is as likely as an outage: nobody wants to wait long for that."""

Check = Callable[[Item], None]
"""Asks the stores of the run and of an item for something small. Raises StoreAway when one does not answer."""


class Outage:
    """Whether the run's stores answer. Not thread-safe: the executor's thread asks."""

    def __init__(self, outage_s: float, check: Check, now: Callable[[], float] = time.monotonic) -> None:
        """`outage_s`: how long one may last, in seconds."""
        self._most_s, self._check, self._now = outage_s, check, now
        self._began: float | None = None
        self._next_try = 0.0
        self._wait_s = _FIRST_WAIT_S
        self._item: Item | None = None
        self.reason = ""
        """What the store, or the line to it, said last; empty while it answers."""
        self.waited_s = 0.0
        """Seconds that outages took, those that are over."""

    @property
    def lasts(self) -> bool:
        """A store does not answer, as far as is known; nothing new is started."""
        return self._began is not None

    @property
    def seconds(self) -> float:
        """How long the present outage lasts; 0 while there is none."""
        return 0.0 if self._began is None else self._now() - self._began

    @property
    def exhausted(self) -> bool:
        """It has lasted longer than the run waits."""
        return self.lasts and self.seconds >= self._most_s

    def suspect(self, reason: str, item: Item) -> bool:
        """A task of `item` has found no answer: return whether the stores are away. They are asked, once an outage."""
        if not self.lasts and not self._answers(item):
            self._began, self._item, self.reason, self._wait_s = self._now(), item, reason, _FIRST_WAIT_S
            self._next_try = self._began + self._wait_s
            log.warning("%s", waiting_line(reason, self._most_s))
        return self.lasts

    def look(self) -> None:
        """Ask again if it is time for that."""
        if self._began is None or self._item is None or self._now() < self._next_try:
            return
        if self._answers(self._item):
            self.end()
        else:
            self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)
            self._next_try = self._now() + self._wait_s

    def end(self) -> None:
        """A store has answered."""
        if self.lasts:
            self.waited_s += self.seconds
            log.warning(LogLine(f"the store is available again after {readable_seconds(self.seconds)}"))
            self._began, self.reason = None, ""

    def _answers(self, item: Item) -> bool:
        try:
            self._check(item)
        except StoreAway as exc:
            self.reason = str(exc)
            return False
        except ReelmendError:
            return True  # it refuses, so it is there
        return True


def check_of(context: RunContext) -> Check:
    """Return what asks the run's stores, and those of an item's inputs, with little patience."""
    s3 = context.job.s3
    files = Files(replace(s3, attempts=1, timeout_s=min(s3.timeout_s, _ANSWER_S)))

    def check(item: Item) -> None:
        files.write(asked := context.work / ".answers", b"x")
        files.delete(asked)
        for place in (item.video, item.mask):
            if isinstance(place, RemotePath):
                files.is_folder(place.parent)

    return check


def patiently(action: Callable[[], T], outage_s: float) -> T:
    """Return what `action` returns, trying it again while a store does not answer.

    Raises StoreAway after `outage_s` seconds.
    """
    began, wait_s = time.monotonic(), _FIRST_WAIT_S
    while True:
        try:
            return action()
        except StoreAway as exc:
            left_s = outage_s - (time.monotonic() - began)
            if left_s <= 0:
                raise
            if wait_s == _FIRST_WAIT_S:
                log.warning("%s", waiting_line(str(exc), outage_s))
            time.sleep(min(wait_s, left_s))
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def waiting_line(reason: str, most_s: float) -> str:
    return f"the store does not answer ({reason}); waiting up to {readable_seconds(most_s)} for it (run.outage_s)"
