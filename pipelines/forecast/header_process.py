"""A separate process for looks at strangers' files, which may hang, crash or ask for all memory."""

import os
import pickle
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import reelmend
from reelmend.pipelines.forecast.header_child import HEAD, send

_START_S = 60.0
"""More than a busy machine takes to start Python and load the libraries."""
MEMORY_BYTES = 1 << 30
"""A look may take: enough for the largest mask that `limits.pixels` allows."""
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from reelmend.pipelines.forecast.header_child import serve; serve(int(sys.argv[2]))"
)


class Overdue(Exception):
    """It did not answer in time, and was ended."""


class Crashed(Exception):
    """It ended without an answer."""


class HeaderProcess:
    """Answers one question at a time; starts in the background."""

    def __init__(self) -> None:
        package = str(Path(reelmend.__file__).parents[1])
        self._process = subprocess.Popen(
            # -P: the current folder may hold anything, also a folder of the name of one of our packages
            [sys.executable, "-P", "-c", _CODE, package, str(MEMORY_BYTES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the driver's to answer
        )
        self._asked_before = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, config: Any, what: str, arguments: tuple[Any, ...], timeout_s: float) -> Any:
        """Return what `Glance(config).what(*arguments)` returns, or raise what it raises.

        Raises Overdue or Crashed, after which the process is of no use any more.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        deadline = time.monotonic() + timeout_s + (0 if self._asked_before else _START_S)
        self._asked_before = True
        try:
            send(stdin, (str(Path.cwd()), dict(os.environ), config, what, arguments))
            (size,) = HEAD.unpack(self._read(stdout.fileno(), HEAD.size, deadline))
            value, error = pickle.loads(self._read(stdout.fileno(), size, deadline))
        except OSError as exc:
            self.end()
            raise Crashed from exc
        except BaseException:  # also an interrupt: an answer that comes late would be taken for the next one's
            self.end()
            raise
        if error is not None:
            raise error
        return value

    def end(self) -> None:
        """End it at once. One that the system holds in a read that never ends is not waited for."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)

    def _read(self, handle: int, size: int, deadline: float) -> bytes:
        content = bytearray()
        while len(content) < size:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not select.select([handle], [], [], left_s)[0]:
                raise Overdue
            piece = os.read(handle, min(size - len(content), 1 << 20))
            if not piece:
                raise Crashed
            content += piece
        return bytes(content)
