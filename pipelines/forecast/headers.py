"""The driver's looks at videos and masks: in separate processes, each held to a time and a memory.

Whatever a file does there is an error of its item. After some looks that did not end no more files are opened: a mount
that hangs must not keep a run from its start.
"""

import atexit
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from typing import Any

from reelmend.pipelines.config import JobConfig, MaskConfig
from reelmend.pipelines.errors import MediaError, OverLimit, ReelmendError
from reelmend.pipelines.forecast.header_process import Crashed, HeaderProcess, Overdue
from reelmend.pipelines.forecast.header_reader import HeaderReaderConfig, MaskHeader, Size
from reelmend.pipelines.media.records import VideoHeader
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.location import Location

_OVERDUE_AT_MOST = 2
"""Headers that may run out of time, before the rest is not opened."""


class Headers:
    """Of one job; may be used by several threads, each of which gets a process."""

    def __init__(self, job: JobConfig, most_s: float = math.inf) -> None:
        """`most_s`: seconds from now after which nothing more is opened."""
        context = RunContext(run_id="", job=job)
        self._config = HeaderReaderConfig(job.s3, job.limits, context.cache_dir.absolute(), job.store.cache_bytes)
        self._look_s = job.limits.look_s
        self._overdue = 0
        self._until_s = time.monotonic() + most_s
        self._in_use: set[HeaderProcess] = set()
        self._doubts: dict[tuple[Location, Size, tuple[object, ...]], list[str]] = {}
        self._masks: dict[tuple[Location, Size, tuple[object, ...]], MaskHeader] = {}

    def exists(self, place: Location) -> bool:
        """Raises ItemError where nobody can say."""
        return bool(self._ask(place, "exists", place))

    def video(self, place: Location) -> VideoHeader:
        """Return a video's header. Raises ItemError, StoreError, SetupError."""
        header: VideoHeader = self._ask(place, "video", place)
        return header

    def mask_image(self, place: Location, picture: Size, config: MaskConfig, header: VideoHeader | None) -> MaskHeader:
        """Return what a mask that is one image covers of a picture of the size (w, h). Raises as `video`."""
        key = place, picture, astuple(config)
        if key not in self._masks:  # one mask may be that of many videos
            self._masks[key] = self._ask(place, "mask_image", place, picture, config, header)
        return self._masks[key]

    def mask_doubts(self, place: Location, config: MaskConfig, header: VideoHeader) -> list[str]:
        """Return what a first look at a mask leaves to doubt. Raises as `video`."""
        key = place, header.display_size, astuple(config)
        if key not in self._doubts:
            self._doubts[key] = self._ask(place, "mask_doubts", place, config, header)
        return self._doubts[key]

    def stop(self) -> None:
        """Open nothing any more, and end what other threads ask now."""
        self._until_s = 0.0
        for process in [*self._in_use]:
            process.end()

    def _ask(self, place: Location, what: str, *arguments: Any) -> Any:
        if self._overdue >= _OVERDUE_AT_MOST:
            raise OverLimit(f"{place}: was not checked, because {self._overdue} earlier checks did not finish")
        if time.monotonic() > self._until_s:
            raise OverLimit(f"{place}: was not checked, because earlier checks used up the time")
        try:
            with _a_process() as process, self._using(process):
                return process.ask(self._config, what, arguments, self._look_s)
        except ReelmendError:
            raise
        except Overdue as exc:
            self._overdue += 1
            waited = f"did not answer in limits.look_s={self._look_s:g} s"
            raise OverLimit(f"{place}: {waited}; does its disk or mount hang?") from exc
        except Crashed as exc:
            raise MediaError(f"{place}: the process that checked it crashed") from exc
        except MemoryError as exc:
            raise OverLimit(f"{place}: checking it takes more memory than allowed") from exc
        except Exception as exc:  # whatever a stranger's file made a library raise
            raise MediaError(f"{place}: cannot be checked ({type(exc).__name__}: {exc})") from exc

    @contextmanager
    def _using(self, process: HeaderProcess) -> Iterator[None]:
        self._in_use.add(process)
        try:
            yield
        finally:
            self._in_use.discard(process)


def start_ahead() -> None:
    """Start a process that the first look will find ready."""
    with _a_process():
        pass


_idle: list[tuple[int, HeaderProcess]] = []
"""Kept for the next look, with the process that started them."""
_lock = threading.Lock()


@contextmanager
def _a_process() -> Iterator[HeaderProcess]:
    """Yield a process that nobody else asks meanwhile."""
    with _lock:
        mine = [pair for pair in _idle if pair[0] == os.getpid()]  # those of a parent are not a fork's
        process = mine[-1][1] if mine else HeaderProcess()
        _idle[:] = mine[:-1]
    try:
        yield process
    except (Overdue, Crashed, KeyboardInterrupt):
        process.end()
        raise
    except BaseException:
        _give_back(process)
        raise
    _give_back(process)


def _give_back(process: HeaderProcess) -> None:
    with _lock:
        _idle.append((os.getpid(), process))


@atexit.register
def end_idle() -> None:
    """End the processes that nobody asks now: each holds some of the machine's memory."""
    with _lock:
        mine = [process for owner, process in _idle if owner == os.getpid()]
        _idle.clear()
    for process in mine:
        process.end()
