"""Beats of workers, from wherever they are to the driver, through the store of keys that every Ray cluster has.

An actor that works cannot be asked, so it says by itself how far it is, every few seconds, from a thread.
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import ray
from ray.experimental import internal_kv

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.observe.task_progress import Beat
from reelmend.pipelines.utils.repeating import repeating

log = logging.getLogger(__name__)

BEAT_S = 2.0
"""Between two beats of a worker, and between two times that the driver reads them."""


@dataclass(frozen=True)
class Place:
    """A process, on whichever machine."""

    node: str
    """Ray's name of the machine."""
    process: int


_AT_ONCE = 64
"""Beats that the driver reads at a time; each takes it about a millisecond."""


@contextmanager
def beating(run: str, task_id: str) -> Iterator[None]:
    """Say inside, every few seconds, how far the task of this process is."""
    where = f"{os.getpid()} {ray.get_runtime_context().get_node_id()}"

    def beat() -> None:
        text = f"{PROGRESS.signs} {PROGRESS.frames:.2f} {time.process_time():.3f} {where}"
        with suppress(Exception):  # a beat that is lost is followed by others
            internal_kv._internal_kv_put(_key(run, task_id), text.encode(), overwrite=True)

    try:
        with repeating(beat, BEAT_S, "beat"):
            yield
    finally:
        with suppress(Exception):
            internal_kv._internal_kv_del(_key(run, task_id))


class BeatReader:
    """Reads the beats of the tasks in progress, some at a time, in turn."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._due_s = 0.0
        self._last = ""
        self._places: dict[str, Place] = {}

    def place_of(self, task_id: str) -> Place | None:
        """Return where the task's process is, None before its first beat."""
        return self._places.get(task_id)

    def read(self, task_ids: Iterable[str], now_s: float) -> list[Beat]:
        """Return what workers have said last, of as many tasks as are read at once; nothing when none is due."""
        if now_s < self._due_s:
            return []
        self._due_s = now_s + BEAT_S
        ids = sorted(task_ids)
        chosen = ([one for one in ids if one > self._last] + [one for one in ids if one <= self._last])[:_AT_ONCE]
        self._last = chosen[-1] if chosen else ""
        self._places = {task_id: place for task_id, place in self._places.items() if task_id in set(ids)}
        found: list[Beat] = []
        for task_id in chosen:
            try:
                said = internal_kv._internal_kv_get(_key(self._run, task_id))
            except Exception as exc:  # the cluster's own store cannot be reached: waiting for workers shows it
                log.info("beats cannot be read: %s", exc)
                return found
            if said:
                signs, frames, cpu_s, process, node = said.decode().split()
                self._places[task_id] = Place(node, int(process))
                found.append(Beat(task_id, int(signs), float(frames), float(cpu_s)))
        return found


def _key(run: str, task_id: str) -> bytes:
    return f"reelmend/{run}/{task_id}".encode()
