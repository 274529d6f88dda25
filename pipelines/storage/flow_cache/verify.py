"""Verification of the flow cache: every object is read once, and damaged ones are deleted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from reelmend.pipelines.storage.artifacts import Condition, Store
from reelmend.pipelines.storage.flow_cache.keys import FLOW_FOLDER

_READERS = 8  # segments, of megabytes each, that are read and held at once


@dataclass(frozen=True)
class Checked:
    """What there was, and the keys of what was damaged and has been deleted."""

    objects: int
    bytes: int
    damaged: tuple[str, ...]
    half_written: int
    """Files that killed processes had left behind; they are deleted too."""


def check_all(store: Store) -> Checked:
    """Read every object and delete the damaged ones; runs may continue meanwhile. Raises StoreError.

    Objects that another process removes meanwhile do not count.
    """
    objects = size = 0
    damaged = []
    for key, bytes_, condition in _read(store):
        if condition is not Condition.ABSENT:
            objects += 1
            size += bytes_
        if condition is Condition.DAMAGED:
            damaged.append(key)
            store.delete(key)
    return Checked(objects, size, tuple(damaged), store.sweep(FLOW_FOLDER))


def _read(store: Store) -> Iterator[tuple[str, int, Condition]]:
    """Yield as they are read; a listing of millions is not taken in before the first is."""
    with ThreadPoolExecutor(_READERS) as readers:
        waiting = []
        for key, entry in store.list(FLOW_FOLDER):
            waiting.append((key, entry.size, readers.submit(store.check, key)))
            if len(waiting) >= 4 * _READERS:
                key, size, answer = waiting.pop(0)
                yield key, size, answer.result()
        for key, size, answer in waiting:
            yield key, size, answer.result()
