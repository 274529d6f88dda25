"""Measurement of one set of settings: processes that restore the clips at the same time, as workers do."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.job.load import dump_job, load_job
from reelmend.pipelines.tuning.hidden import HiddenClip

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
TOO_LONG = "it took too long"
"""Why a row that was ended has no figures."""
_START_S = 900.0
"""Time to load and compile an engine, at most."""


@dataclass(frozen=True)
class Row:
    """What one set of settings takes, and how near to the truth its pictures are."""

    settings: dict[str, Any]
    """By dotted key, what differs from the job's own settings."""
    seconds_per_frame: float
    """Of the machine, with all workers."""
    cpu_seconds_per_frame: float
    memory_mb: float
    """Peak, of one worker."""
    psnr_db: tuple[float, ...]
    """Of each clip, in the part whose truth was hidden."""
    workers: int
    threads: int
    """Of each worker; 0: as many as its libraries choose."""
    took_s: float
    """To measure it, start included."""
    failed: str = ""
    """Why there are no figures."""
    operations: float = field(default=0.0, compare=False)

    @classmethod
    def of_dict(cls, plain: Mapping[str, Any]) -> "Row":
        """Inverse of `dataclasses.asdict`, also by way of JSON."""
        return cls(**{**plain, "psnr_db": tuple(plain["psnr_db"])})


class Bench:
    """The clips and the job's own settings, in a folder that processes read."""

    def __init__(self, job: JobConfig, clips: Sequence[HiddenClip], folder: Path, *, cores: int, gpu: bool) -> None:
        self.job, self._folder, self._cores, self._gpu = job, folder, cores, gpu
        self._frames = sum(len(clip.frames) for clip in clips)
        self._own = folder / "own.yaml"
        self._own.write_text(dump_job(job))
        self._clips = []
        for number, clip in enumerate(clips):
            place = folder / f"{number}.npz"
            np.savez(place, frames=clip.frames, masks=clip.masks, truth=clip.truth, scored=clip.scored)
            self._clips.append(str(place))

    def job_with(self, settings: Mapping[str, Any]) -> JobConfig:
        """Return the job with other settings. Raises ConfigError for values that do not go together."""
        return load_job(self._own, flags=settings, origin="tune")

    def layout(self, job: JobConfig) -> tuple[int, int]:
        """Return how many workers this machine would have, and the threads of each; 0: not limited."""
        if self._gpu or job.run.executor is ExecutorName.inline:
            return 1, 0
        workers = job.run.workers or self._cores
        return workers, max(1, self._cores // workers)

    def measure(self, settings: Mapping[str, Any], limit_s: float, *, operations: bool = False) -> Row:
        """Restore the clips in as many processes as the job has workers; a failure is a row too.

        `limit_s`: seconds that the processes may take once they are ready. Raises ConfigError as `job_with`.
        """
        job = self.job_with(settings)
        workers, threads = self.layout(job)
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            written = Path(place, "job.yaml")
            written.write_text(dump_job(job))
            request = {"job": str(written), "clips": self._clips, "threads": threads, "operations": operations}
            answers, failed = _run_together(request, workers, limit_s)
        took_s = time.monotonic() - began
        if failed:
            return Row(dict(settings), 0.0, 0.0, 0.0, (), workers, threads, took_s, failed)
        rate = sum(self._frames / answer["seconds"] for answer in answers)
        return Row(
            settings=dict(settings),
            seconds_per_frame=1 / rate,
            cpu_seconds_per_frame=sum(answer["cpu_seconds"] for answer in answers) / self._frames / workers,
            memory_mb=max(answer["memory_mb"] for answer in answers),
            psnr_db=tuple(answers[0]["psnr_db"]),
            workers=workers,
            threads=threads,
            took_s=took_s,
            operations=answers[0]["operations"],
        )


def as_plain(row: Row) -> dict[str, Any]:
    """Return a row as JSON holds it."""
    return asdict(row) | {"psnr_db": list(row.psnr_db)}


class _Process:
    """One worker's process; its answers are read by a thread, so that waiting for them can end."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        environment = dict(os.environ)
        if request["threads"]:
            environment |= dict.fromkeys(_THREADS, str(request["threads"]))
        command = [sys.executable, "-P", "-m", "reelmend.pipelines.tuning.row"]
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed by `end`
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=environment,
            )
        except OSError as exc:
            raise SetupError(f"cannot start {sys.executable}: {exc.strerror}") from exc
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.say(json.dumps(request))

    def say(self, line: str) -> None:
        """Send a line; a process that has ended says why when it is asked for its answer."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def answer(self, until_s: float) -> dict[str, Any] | str:
        """Return its next answer, or why there is none by `until_s` of the monotonic clock."""
        try:
            line = self._lines.get(timeout=max(0.01, until_s - time.monotonic()))
        except queue.Empty:
            return TOO_LONG
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else f"its process ended with {self._process.returncode}"

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError):  # it was closed
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put("")


def _run_together(request: Mapping[str, Any], workers: int, limit_s: float) -> tuple[list[dict[str, Any]], str]:
    """Return every process' answer, or why there are none."""
    processes: list[_Process] = []
    try:
        processes += [_Process(request) for _ in range(workers)]
        for until_s in (time.monotonic() + _START_S, None):
            deadline = time.monotonic() + limit_s if until_s is None else until_s
            answers = [process.answer(deadline) for process in processes]
            failed = next((answer for answer in answers if isinstance(answer, str)), "")
            if failed:
                return [], failed
            for process in processes if until_s else ():
                process.say("go")
        return [answer for answer in answers if not isinstance(answer, str)], ""
    finally:
        for process in processes:
            process.end()
