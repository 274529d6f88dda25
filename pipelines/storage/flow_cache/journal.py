"""A run's records of the cached flow it needs and has used, kept in the store by its driver.

The first need is written before its flow tasks are handed out, later ones within `PAUSE_S`; a run that does not change
gives a sign every `BEAT_S`. That is a request every two seconds of a busy run, whatever it reads, and one for every
`PIECE_NAMES` segments it is done with.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from reelmend.pipelines.errors import ReelmendError
from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.flow_cache.records import RUNS, USED, Names, as_names, encode_record

PAUSE_S = 2.0
"""Between two looks whether what the run needs has changed: the most that others learn of it too late."""
BEAT_S = 10.0
"""Between two signs of life of a run whose needs stay the same: a sixth of `records.SILENT_S`."""
PIECE_NAMES = 10_000
"""Segments (160 kB of names) after which what was used is written down as such."""
PIECE_S = 600.0
"""The same, after this time."""

log = logging.getLogger(__name__)


class FlowJournal:
    """What one run needs and has used. Writes nothing before the first need. Used by the driver and by evictions."""

    def __init__(self, store: Store, run_id: str, flow_digest: str, pause_s: float = PAUSE_S) -> None:
        self._store, self._run, self._flow, self._pause_s = store, run_id, flow_digest, pause_s
        self._needed: dict[str, Sequence[bytes]] = {}
        self._used: list[bytes] = []
        self._used_since = self._published_at = time.monotonic()
        self._pieces = 0
        self._changed = False
        self._leaving = as_names(())
        self._state = threading.Condition()
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._publish_until_ended, name="flow journal", daemon=True)

    def need(self, item: str, names: Sequence[bytes]) -> None:
        """An item needs these segments from now on; waits while an eviction of this run deletes one of them."""
        wanted = as_names(names)
        with self._state:
            self._state.wait_for(lambda: not np.isin(wanted, self._leaving).any())
            self._needed[item] = names
            self._changed = True
        if self._thread.ident is None:
            self.publish()
            self._thread.start()

    def done(self, item: str) -> None:
        """The item has ended: its segments were used just now, and are needed no more once that is written down."""
        with self._state:
            self._used += self._needed.pop(item, ())
            self._changed = True

    @contextmanager
    def let_go(self, names: Names) -> Iterator[Names]:
        """Give those of `names` that are not needed; they are not until the context ends."""
        with self._state:
            self._leaving = leaving = names[~np.isin(names, self._names(self._needed))]
        try:
            yield leaving
        finally:
            with self._state:
                self._leaving = as_names(())
                self._state.notify_all()

    def publish(self, *, all_used: bool = False) -> None:
        """Write down what is needed, and what was used where that is much or `all_used`; a failure is only told."""
        with self._writing:
            if self._ended.is_set():
                return
            try:
                self._write_used(at_once=all_used)
                with self._state:
                    self._changed = False
                    names = self._names(self._needed | {"": self._used})
                self._store.put(f"{RUNS}/{self._run}", encode_record(self._flow, names))
                self._published_at = time.monotonic()
            except ReelmendError as exc:
                log.warning("could not record which cached flow this run needs, so other runs may remove it: %s", exc)

    def close(self) -> None:
        """Write down everything as used, and that nothing is needed. Nothing happens where nothing ever was."""
        if self._thread.ident is None:
            return
        self._ended.set()
        self._thread.join()
        for item in list(self._needed):
            self.done(item)
        with self._writing:
            try:
                self._write_used(at_once=True)
                self._store.delete(f"{RUNS}/{self._run}")
            except ReelmendError as exc:
                log.warning("could not record which cached flow was used: %s", exc)

    def _publish_until_ended(self) -> None:
        while not self._ended.wait(self._pause_s):
            if self._changed or time.monotonic() - self._published_at >= BEAT_S:
                self.publish()

    def _write_used(self, *, at_once: bool) -> None:
        with self._state:
            used = list(self._used)
        waited = time.monotonic() - self._used_since >= PIECE_S
        if not used or not (at_once or waited or len(used) >= PIECE_NAMES):
            return
        self._store.put(f"{USED}/{self._run}-{self._pieces:06}", encode_record(self._flow, as_names(used)))
        self._pieces += 1
        self._used_since = time.monotonic()
        with self._state:
            del self._used[: len(used)]

    @staticmethod
    def _names(needed: Mapping[str, Sequence[bytes]]) -> Names:
        return as_names(name for names in needed.values() for name in names)
