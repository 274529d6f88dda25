"""Protocol of executors, and the simplest one: in this process.

An executor pulls tasks from a `RunState` as it has room for them, and hands back receipts and failures. Which task
comes next, what a failure means and when the run is over is the state's business; where tasks run is the executor's.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Protocol

from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.context import RunContext
from reelmend.pipelines.errors import SetupError
from reelmend.pipelines.run_state import RunState
from reelmend.pipelines.stopping import stop_requests
from reelmend.pipelines.tasks import Failure, Receipt, Stage, Task
from reelmend.pipelines.watch.repeating import repeating
from reelmend.pipelines.watch.signs import Beat
from reelmend.pipelines.worker import Worker

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
        self._worker = worker_factory(context)
        self._grace_s = context.job.run.stop_grace_s

    def run(self, state: RunState) -> None:
        state.expect_workers(1)
        state.count_workers(1)
        with stop_requests(self._grace_s) as stop, _beats_of_this_process(state):
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
                state.handle(self._worker.perform(task))
                if stop.made and not state.over:
                    raise KeyboardInterrupt


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
