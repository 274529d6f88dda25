"""Executors: what one has to provide, the simplest one (this process), and which one `auto` stands for.

An executor pulls tasks from a `RunState` as it has room for them, and hands back receipts and failures. Which task
comes next, what a failure means and when the run is over is the state's business; where tasks run is the executor's.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Protocol

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.choices import ExecutorName
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.device import device_of, one_process_only
from reelmend.pipelines.engines.registry import only_here, wants_gpu
from reelmend.pipelines.errors import FailureKind, SetupError
from reelmend.pipelines.forecast.result import Forecast
from reelmend.pipelines.observe.task_progress import Beat
from reelmend.pipelines.run.child_worker import ChildWorker
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker import Worker
from reelmend.pipelines.tasks import Failure, Receipt, Stage, Task
from reelmend.pipelines.utils.repeating import repeating
from reelmend.pipelines.utils.signals import stop_requests

log = logging.getLogger(__name__)

_LOOK_S = 0.2
"""Between two looks whether a store answers again."""
_BEAT_S = 1.0
"""Between two looks how far a task is."""
_GROUP = "reelmend.executors"


class Executor(Protocol):
    """Runs a `RunState` to its end."""

    def run(self, state: RunState) -> None:
        """Return when `state.over`; raise KeyboardInterrupt when interrupted, after stopping what it started.

        On SIGTERM tasks in progress get `run.stop_grace_s` to end first (`stop_requests`).

        Raises SetupError when tasks cannot be run on this machine at all.
        """
        ...


class TaskWorker(Protocol):
    """What an executor needs to run tasks with: `Worker`, or anything that takes its place."""

    def warm(self, stage: Stage) -> None:
        """Load what tasks of this stage need, so that the first one is as fast as the next."""
        ...

    def perform(self, task: Task) -> Receipt | Failure:
        """Do the task; whatever goes wrong becomes a Failure, except KeyboardInterrupt."""
        ...


ExecutorFactory = Callable[[RunContext], Executor]
WorkerFactory = Callable[[RunContext], TaskWorker]


class InlineExecutor:
    """Every task in this process, one after the other: for tests, debugging and machines without Ray."""

    def __init__(self, context: RunContext, worker_factory: WorkerFactory = Worker) -> None:
        """Raises SetupError where the job's networks are to compute on a device that this process cannot use."""
        device = str(device_of(context.job)) if wants_gpu(context.job) else context.job.device
        self._worker: TaskWorker = worker_factory(context)
        # A process that takes this one's place computes on the same device: with `auto` it might choose the CPU.
        self._child = ChildWorker(replace(context, job=replace(context.job, device=device)), worker_factory)
        self._job = context.job
        self._grace_s = context.job.run.stop_grace_s

    def run(self, state: RunState) -> None:
        state.expect_workers(1)
        state.count_workers(1)
        with stop_requests(self._grace_s) as stop, _beats_of_this_process(state), closing(self._child):
            while not state.over:
                task = state.take()
                if task is None and state.waits_for_store:
                    time.sleep(_LOOK_S)
                    if stop.made:
                        raise KeyboardInterrupt
                    continue
                if task is None:
                    if state.over:
                        break
                    raise RuntimeError("the run is not over, nothing is in work and no task is ready")
                answer = self._worker.perform(task)
                state.handle(answer)
                if isinstance(answer, Failure) and answer.kind == FailureKind.CONTEXT_LOST:
                    self._leave_process(state, answer)
                if stop.made and not state.over:
                    raise KeyboardInterrupt

    def _leave_process(self, state: RunState, failure: Failure) -> None:
        """CUDA has failed in this process, which nothing can mend: another one does what is left."""
        if only_here(self._job):
            state.halt(
                f"{failure.reason}; this process can no longer use its GPU, and the engine {self._job.engine} or its "
                "flow method is registered in it only: start the program again, or install the engine as a package",
                kind=failure.kind,
            )
        if self._worker is not self._child and not state.over:
            log.warning("CUDA failed, and this process can no longer use its GPU: another process does what is left")
            self._worker = self._child


@contextmanager
def _beats_of_this_process(state: RunState) -> Iterator[None]:
    """Let the run know inside how far the task is that this process works on."""

    def beat() -> None:
        for task_id in [*state.in_work]:
            state.signs.tell(Beat(task_id, PROGRESS.signs, PROGRESS.frames, time.process_time()))
        state.signs.look(time.monotonic())

    with repeating(beat, _BEAT_S, "beats"):
        yield


def load_executor(name: str) -> ExecutorFactory:
    """Return the executor that packages register under this name (entry points, group "reelmend.executors").

    Raises SetupError when there is none of that name, or what it needs is not installed.
    """
    found = {entry.name: entry for entry in entry_points(group=_GROUP)}
    if name not in found:
        raise SetupError(
            f"executor {name!r} is not installed (available: {', '.join(sorted(found))}); set run.executor"
        )
    try:
        factory: ExecutorFactory = found[name].load()
    except ImportError as exc:
        raise SetupError(
            f"executor {name!r} cannot be loaded ({exc}): install it (pip install reelmend) or set run.executor=inline"
        ) from exc
    return factory


SHORT_S = 20.0
"""Work that one process does while Ray would start, load the engine in its workers and end again."""


def choose_executor(job: JobConfig, items: int, predicted: Forecast) -> ExecutorName:
    """Return the executor for so many items that are not finished.

    Inline for less than some seconds of work on a CPU, by the prediction; Ray where that is not known, where a cluster
    is named, several workers are asked for, or GPUs compute. An engine that a program registered is in its process only.
    """
    if job.run.executor is not ExecutorName.auto:
        return job.run.executor
    if not items or only_here(job):
        return ExecutorName.inline
    asked_for = (
        os.environ.get("RAY_ADDRESS", "") not in ("", "local") or max(job.run.workers, job.pools.inpaint_max) > 1
    )
    known = bool(predicted.seconds) and not predicted.unknown and predicted.quarantined < items
    short = known and sum(predicted.seconds.values()) <= SHORT_S
    if one_process_only(job) and wants_gpu(job):
        return ExecutorName.inline
    return ExecutorName.inline if short and not asked_for and not wants_gpu(job) else ExecutorName.ray
