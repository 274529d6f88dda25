"""Lease on an output folder: one run at a time holds it; another is told who does.

On a disk the lease is a file that its holder keeps locked. The lock ends with the process, however it ends, so a run
that was killed never blocks the next one; the file's text says whom to ask, and its time that the holder lives, to
machines that do not see the lock. In a bucket it is an object that its holder keeps renewing
(`pipelines/storage/leases/remote_lease.py`). Whether a run is alive, `pipelines/observe/heartbeat.py` tells.
"""

import contextlib
import json
import os
import socket
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from reelmend.pipelines.errors import SetupError, StoreError
from reelmend.pipelines.storage.leases.process_id import this_process
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.utils.locks import lock

BEAT_S = 10.0
"""Between two signs of life."""
SILENT_S = 60.0
"""Without a sign for this long, the holder is taken for dead: six of them missed, more than a store may delay one
(`files._HASTY_S`)."""
_TRIES = 5
"""Times the lock is asked for: somebody who looks whether it is held has it for a moment."""


@dataclass(frozen=True)
class Holder:
    """Whom to ask."""

    run: str
    host: str
    pid: int
    process: str = ""
    """As `process_id` names it, so that another process of the machine can tell whether it lives."""

    @classmethod
    def this_process(cls, run_id: str) -> "Holder":
        return cls(run_id, socket.gethostname(), os.getpid(), this_process())

    @classmethod
    def from_dict(cls, said: dict[str, Any]) -> "Holder":
        """Raises KeyError for what does not say who it is."""
        return cls(said["run"], said["host"], said["pid"], said.get("process", ""))

    def __str__(self) -> str:
        return f"run {self.run}, process {self.pid} on {self.host}"

    def to_dict(self) -> dict[str, str | int]:
        return asdict(self)


class Lease(Protocol):
    """Context manager; entering raises SetupError while another run holds the folder."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def lost(self) -> str:
        """Why the folder is another's now; empty while it is this run's, as far as it was looked at."""
        ...

    def check(self, *, now: bool = False) -> None:
        """Look whether it is lost if nobody has for a while (this process stood still), with `now` in any case."""
        ...


def held_by(place: Location, who: object) -> SetupError:
    """Return the error of a run that comes second."""
    folder = place.parent.parent
    return SetupError(f"another run writes to {folder}: {who}; wait for it, or choose another --out")


def lost_to_another(lease: Lease) -> SetupError:
    """Return the error of a run whose folder is another's by now: it has to stop."""
    return SetupError(f"{lease.lost}; nothing is lost; run the same command again to resume when that run has ended")


class FileLease:
    """A locked file; it cannot be lost."""

    lost = ""

    def check(self, *, now: bool = False) -> None:
        """The lock stays with its process, also while that stands still."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self._path, self._holder = path, holder
        self._file: TextIO | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_ended, name="lease", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+")
        except OSError as exc:
            raise StoreError(f"cannot write {self._path}: {exc.strerror}") from exc
        try:
            if not _lock(file):
                raise held_by(self._path, self._who())
        except BaseException:
            file.close()
            raise
        self._file = file
        self._write(released=False)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        self._ended.set()
        self._thread.join()
        with self._file, contextlib.suppress(OSError):
            self._write(released=True)

    def _beat_until_ended(self) -> None:
        while not self._ended.wait(BEAT_S):
            with contextlib.suppress(OSError):  # the lock is what counts
                os.utime(self._path)

    def _write(self, *, released: bool) -> None:
        assert self._file is not None
        self._file.truncate(0)
        self._file.write(json.dumps(self._holder.to_dict() | {"released": released}))
        self._file.flush()

    def _who(self) -> str:
        try:
            return str(Holder.from_dict(json.loads(self._path.read_text())))
        except (ValueError, TypeError, KeyError):
            return "it has only just started"


def _lock(file: TextIO) -> bool:
    """Raises SetupError where the file system knows no locks."""
    for _ in range(_TRIES):
        try:
            lock(file.fileno(), wait=False)
            return True
        except BlockingIOError:
            time.sleep(0.02)
        except OSError as exc:
            raise SetupError(
                f"cannot lock {file.name}: {exc.strerror}; choose another --out, or mount this one with locking"
            ) from exc
    return False
