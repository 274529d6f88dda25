"""Lease on a prefix of a bucket: an object that its holder renews again and again.

Every write is conditional on the object being the one that this process wrote last, or on there being none, so of two
writers one is told. There are stores that ignore the condition, so each renewal looks first, and a run that finds
another one's lease there stops: also one that stood still, was taken for dead, and went on.

A lease that was not renewed for `SILENT_S` belongs to a dead run and may be taken. How old it is, the store's own clock
says, so that clocks of machines may be wrong, or jump. Should the store's own clock jump, too, or
not be known, a lease is free when it was watched for that long without being renewed. One whose holder was a process of
this machine that is gone is free at once: a run that was killed does not keep the same command waiting.
"""

import json
import logging
import threading
import time
from types import TracebackType
from typing import Self

from reelmend.pipelines.errors import ReelmendError, StoreError
from reelmend.pipelines.storage.leases.lease import BEAT_S, SILENT_S, Holder, held_by
from reelmend.pipelines.storage.leases.lease_object import Found, LeaseObject
from reelmend.pipelines.storage.leases.process_id import is_alive, is_dead
from reelmend.pipelines.storage.location import RemotePath

log = logging.getLogger(__name__)

_NO_TAG = '"00000000000000000000000000000000"'
_NO_CONDITIONS = (
    "the store of bucket %s ignores %s on PUT, so it cannot keep a second run out of %s: each run checks every %g s for"
    " another one and stops if it finds one, after some work was done twice; start one run at a time"
)
_UNSURE = (
    "the store of %s is not asked to compare on writing, so that two runs on %s that start in the same moment learn of"
    " each other only after some seconds: one stops then; start one at a time"
)
_MOMENT_S = 1.0
"""Between a look and a write of another run that comes in."""
_TRIES = 5
"""Times the object is looked at again because it was written between look and write."""


class RemoteLease:
    """See `reelmend.pipelines.storage.leases.lease.Lease`. A thread renews it while it is held."""

    def __init__(
        self, place: RemotePath, holder: Holder, object: LeaseObject, beat_s: float = BEAT_S, silent_s: float = SILENT_S
    ) -> None:
        self._place, self._holder, self._object = place, holder, object
        self._beat_s, self._silent_s = beat_s, silent_s
        self._beats = 0
        self._confirmed_s = 0.0
        self._renewing = threading.Lock()
        self._tag = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_ended, name="lease", daemon=True)
        self.lost = ""

    def __enter__(self) -> Self:
        self._acquire()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self.lost:
            return
        try:
            with self._renewing:
                self._renew(released=True)
        except ReelmendError as exc:
            log.warning("the lease could not be released; the next run waits up to %g s: %s", self._silent_s, exc)
        if self.lost:
            log.warning("%s", self.lost)

    def check(self, *, now: bool = False) -> None:
        """See `reelmend.pipelines.storage.leases.lease.Lease`. A look that fails says nothing; the next renewal looks again."""
        if self.lost or not (now or _elapsed_s() - self._confirmed_s > 2 * self._beat_s):
            return
        try:
            self._beat()
        except ReelmendError as exc:
            log.warning("the lease could not be read: %s", exc)

    def _acquire(self) -> None:
        """Requests that are given up early are made again: nothing is in a hurry yet. Raises SetupError, StoreError."""
        for tries_left in reversed(range(_TRIES)):
            try:
                if self._take():
                    return
            except StoreError as exc:
                if not tries_left:
                    raise
                log.info("the lease could not be taken yet: %s", exc)
        raise held_by(self._place, "several runs started at once")

    def _take(self) -> bool:
        """Return False when somebody wrote the object in between."""
        found = self._object.look()
        if found is not None and self._is_held(found):
            found = self._outlast(found)
        self._tag = found.tag if found else ""
        if not self._write(released=False):
            return False
        if not self._compares():
            self._wait_for_others()
        self._confirmed_s = _elapsed_s()
        return True

    def _is_held(self, found: Found) -> bool:
        if found.content.get("released") or self._is_ours(found):
            return False
        return (found.age_s <= self._silent_s or not self._object.sure) and not is_dead(found.process)

    def _outlast(self, held: Found) -> Found | None:
        """Return the lease when it is free. Raises SetupError as soon as its holder gives a sign of life."""
        if is_alive(held.process):
            raise held_by(self._place, self._who(held))
        log.info("%s held %s: waiting up to %g s for a heartbeat", self._who(held), self._place, self._silent_s)
        deadline = time.monotonic() + self._silent_s
        while time.monotonic() < deadline:
            self._ended.wait(self._beat_s / 4)
            now = self._object.look()
            if now is None or not self._is_held(now):
                return now
            if now.tag != held.tag:
                raise held_by(self._place, self._who(now))
        return held

    def _compares(self) -> bool:
        """Say so where the store takes a write whose condition does not hold: a lease there keeps nobody out."""
        folder = self._place.parent.parent
        if not self._object.sure:
            log.info(_UNSURE, folder, folder)
            return True  # it has looked again by itself
        tag = self._tag
        for name, no_match in (("If-None-Match", ""), ("If-Match", _NO_TAG)):
            self._tag = no_match
            if self._write(released=False):
                log.warning(_NO_CONDITIONS, self._place.bucket, name, folder, self._beat_s)
                return False
        self._tag = tag
        return True

    def _wait_for_others(self) -> None:
        """Let whoever came in at the same moment write, too, and leave it to the last one. Raises SetupError."""
        self._ended.wait(min(_MOMENT_S, self._beat_s / 4))
        found = self._object.look()
        if found is None or not self._is_ours(found):
            raise held_by(self._place, self._who(found) if found else "several runs started at once")
        self._tag = found.tag

    def _renew_until_ended(self) -> None:
        while not self._ended.wait(self._beat_s):
            try:
                self._beat()
            except ReelmendError as exc:
                log.warning("the lease could not be renewed: %s", exc)
            if self.lost:
                return

    def _beat(self) -> None:
        with self._renewing:
            if not self.lost:
                self._beats += 1
                self._renew(released=False)

    def _renew(self, *, released: bool) -> None:
        """Look, and write the object again; `lost` says so where it is another run's. Raises StoreError.

        One that is not as it was last known to be may still be this run's: a write whose answer was lost was done.
        """
        for _ in range(_TRIES):
            found = self._object.look()
            if found is None or not self._is_ours(found):
                who = f"taken while this run was silent: {self._who(found)}" if found else "removed"
                self.lost = f"the lease on {self._place.parent.parent} was {who}"
                return
            self._tag = found.tag
            if found.text == self._text(released=released) or self._write(released=released):
                self._confirmed_s = _elapsed_s()
                return
        raise StoreError(f"{self._place}: every write is rejected, as if another process were writing there")

    def _write(self, *, released: bool) -> bool:
        """Write the object if it still is the one with `_tag`, or absent without one; False where it is not."""
        tag = self._object.write(self._text(released=released), self._tag)
        self._tag = tag or self._tag
        return tag is not None

    def _is_ours(self, found: Found) -> bool:
        try:
            return Holder.from_dict(found.content) == self._holder
        except KeyError:
            return False

    def _text(self, *, released: bool) -> str:
        # The count makes every renewal another object, so that every one has its own tag.
        return json.dumps(self._holder.to_dict() | {"beats": self._beats, "released": released})

    def _who(self, found: Found) -> str:
        try:
            return str(Holder.from_dict(found.content))
        except KeyError:
            return "it does not say who it is"


def _elapsed_s() -> float:
    """Return seconds of a clock that continues while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
