"""Heartbeat of a run, visible to anyone who can read its folder."""

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.lease import SILENT_S, Holder
from reelmend.pipelines.storage.leases.open import lease_object
from reelmend.pipelines.storage.leases.process_id import is_dead
from reelmend.pipelines.storage.location import Location, RemotePath
from reelmend.pipelines.utils.locks import lock, unlock


@dataclass(frozen=True)
class Heartbeat:
    """What the lease says."""

    holder: Holder
    age_s: float
    """Since the last sign, by the clock of the store."""
    alive: bool
    """Whether the holder still writes there; a process that was killed is known at once on its own machine, elsewhere
    when it was silent for `SILENT_S`."""


def last_sign(place: Location, files: Files) -> Heartbeat | None:
    """Return what the lease at `place` says, None where none was ever taken. Raises StoreError, SetupError."""
    return _of_object(place, files) if isinstance(place, RemotePath) else _of_file(place)


def _of_object(place: RemotePath, files: Files) -> Heartbeat | None:
    found = lease_object(place, files).look()
    if found is None:
        return None
    return _sign(found.content, found.age_s, found.age_s <= SILENT_S and not is_dead(found.process))


def _of_file(path: Path) -> Heartbeat | None:
    try:
        with path.open() as file:
            content, written_at = json.loads(file.read() or "{}"), path.stat().st_mtime
            locked = _is_locked(file.fileno())
    except (OSError, ValueError):
        return None
    age_s = max(0.0, time.time() - written_at)
    seen_from_afar = content.get("host") != socket.gethostname() and age_s <= SILENT_S
    return _sign(content, age_s, locked or seen_from_afar)


def _sign(content: dict[str, Any], age_s: float, alive: bool) -> Heartbeat | None:
    try:
        return Heartbeat(Holder.from_dict(content), age_s, alive and not content.get("released"))
    except KeyError:
        return None


def _is_locked(handle: int) -> bool:
    try:
        lock(handle, shared=True, wait=False)
    except BlockingIOError:
        return True
    unlock(handle)
    return False
