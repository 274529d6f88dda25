"""Who may write to this output folder now? One run at a time holds the lease; another is told who does.

The lease is a file that its holder keeps locked. The lock ends with the process, however it ends, so a run that was
killed never blocks the next one; the file's text only says whom to ask.
"""

import fcntl
import json
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import TextIO

from pipelines.errors import SetupError


class Lease:
    """Context manager; entering raises SetupError while another run holds the folder."""

    def __init__(self, path: Path, run_id: str) -> None:
        self._path = path
        self._text = json.dumps({"run": run_id, "host": socket.gethostname(), "pid": os.getpid()})
        self._file: TextIO | None = None

    def __enter__(self) -> "Lease":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            file.close()
            raise SetupError(self._held_message()) from exc
        file.truncate(0)
        file.write(self._text)
        file.flush()
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        self._file.close()

    def _held_message(self) -> str:
        try:
            holder = json.loads(self._path.read_text())
            who = f"run {holder['run']}, process {holder['pid']} on {holder['host']}"
        except (ValueError, KeyError):
            who = "it has only just started"
        return f"another run writes to {self._path.parent.parent}: {who}; wait for it, or choose another --out"
