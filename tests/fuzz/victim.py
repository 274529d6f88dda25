"""Who reads hostile files? A process of its own, which may crash, hang, or grow, and somebody notices.

`python victim.py` reads "READER PATH" lines and answers each with a line of JSON. `Victim` starts it, asks it, and
starts another one when it is gone.
"""

import importlib
import json
import os
import resource
import select
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DEADLINE_S = 20.0
"""For one file of a few kilobytes. A slow machine that does other things takes a second."""
GROWTH_MB = 400
"""By which a process may grow over one file; frames are held to `LIMITS` here."""
_ADDRESS_SPACE = 8 << 30
_ASKED_MOST = 400
"""Files for one process: what the memory grows by is then the files' doing, not the years'."""

GOOD = {"read", "refused"}


@dataclass(frozen=True)
class Answer:
    """What became of one file."""

    outcome: str
    """read, refused (an error of ours), bug (any other), hung, died, grew."""
    detail: str = ""
    seconds: float = 0.0
    grown_mb: float = 0.0

    @property
    def good(self) -> bool:
        return self.outcome in GOOD


class Victim:
    """One process at a time; a context manager ends it."""

    def __init__(self, deadline_s: float = DEADLINE_S, program: Path = HERE / "victim.py") -> None:
        self._deadline_s, self._program = deadline_s, program
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0

    def __enter__(self) -> "Victim":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, reader: str, path: Path) -> Answer:
        if self._asked >= _ASKED_MOST:
            self._end()
        process = self._process or self._start()
        assert process.stdin is not None
        self._asked += 1
        began = time.monotonic()
        process.stdin.write(f"{reader} {path}\n".encode())
        process.stdin.flush()
        line = self._line(process)
        seconds = time.monotonic() - began
        if line is None:
            self._end()
            return Answer("hung", f"no answer in {self._deadline_s:g} s", seconds)
        if not line:
            status = process.wait()
            self._end()
            return Answer("died", f"exit status {status}", seconds)
        told = json.loads(line)
        grew = told["outcome"] in GOOD and told["grown_mb"] > GROWTH_MB
        if grew:
            self._end()  # it would not grow again
        return Answer("grew" if grew else told["outcome"], told["detail"], seconds, told["grown_mb"])

    def _line(self, process: subprocess.Popen[bytes]) -> bytes | None:
        """Return the answer, b"" when the process is gone, None when it is too late."""
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], self._deadline_s)
        return process.stdout.readline() if ready else None

    def _start(self) -> subprocess.Popen[bytes]:
        here = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1] / "src"), *sys.path])}
        command = [sys.executable, str(self._program)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=here, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        self._asked = 0
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it has imported what it needs
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def main() -> None:
    READERS = importlib.import_module("readers").READERS  # beside this program: its test puts others there

    from reelmend.pipelines.config import LimitsConfig
    from reelmend.pipelines.media.limits import held_to

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print is no answer
    os.dup2(1, 2)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limits = LimitsConfig(pixels=1 << 20, frames=2000, duration_s=86_400.0)

    def answer(told: dict[str, Any]) -> None:
        answers.write(json.dumps(told).encode() + b"\n")
        answers.flush()

    answer({"ready": True})
    for line in sys.stdin:
        reader, _, path = line.rstrip("\n").partition(" ")
        before_mb = _peak_mb(reset=True)
        outcome, detail = "read", ""
        try:
            with held_to(limits, DEADLINE_S / 2):
                READERS[reader][0](Path(path))
        except READERS[reader][1] as exc:
            outcome, detail = "refused", f"{type(exc).__name__}: {exc}"
        except BaseException:
            outcome, detail = "bug", traceback.format_exc()
        answer({"outcome": outcome, "detail": detail, "grown_mb": _peak_mb() - before_mb})


def _peak_mb(*, reset: bool = False) -> float:
    """Return the most memory that was in use since the last reset. What `getrusage` says begins with the parent's."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
