"""Start, answers, death and end of workers: the thin layer that carries out the scheduler's instructions with Ray.

The driver owns every reference and holds receipts only. Nothing is restarted or retried by Ray itself: what a death
means is the scheduler's and the run state's business, and a Ray that retried behind their back would try a task that
kills its worker for ever.
"""

import logging
import os
import platform
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from reelmend.cluster.beats import Place, beating
from reelmend.cluster.deaths import KernelKills, for_want_of_memory, one_line, with_its_machine
from reelmend.cluster.placement import fit_on_gpu, stay_near_gpu, use_threads
from reelmend.cluster.resources import Layout, Pool
from reelmend.cluster.scheduler_messages import Answered, Event, Gone, Placed, Ready
from reelmend.cluster.shared_gpus import SharedGpus
from reelmend.core_model.device.allocator import let_segments_grow
from reelmend.pipelines.errors import kind_of_death
from reelmend.pipelines.run.executor import TaskWorker, WorkerFactory
from reelmend.pipelines.stages.cuda_debugging import wait_for_each_kernel
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.tasks import Failure, Receipt, Task
from reelmend.pipelines.utils.logs import LogLine, log_to_stderr

log = logging.getLogger(__name__)


class _RestoringWorker:
    """The actor. Its constructor does nothing, so that `where` tells a worker without a place from a slow one."""

    _worker: TaskWorker

    def where(self) -> str:
        gpus = os.environ.get("CUDA_VISIBLE_DEVICES")  # Ray sets it to the GPUs of this worker; it alone knows them
        return f"process {os.getpid()} on {platform.node()}" + (f", GPU {gpus}" if gpus else "")

    def warm(self, context: RunContext, worker_factory: WorkerFactory, pool: Pool) -> int:
        """Load what tasks of the pool need; return how many like this one its GPU's memory holds, 0: unknown."""
        log_to_stderr(context.job.log.format, logging.INFO)  # Ray keeps it in its own file for each worker
        if context.debug_cuda:
            wait_for_each_kernel()  # first of all: what comes next asks CUDA
        use_threads(pool.threads)
        if pool.gpus:
            let_segments_grow()
            stay_near_gpu()
        if pool.gpus:
            context = on_its_gpu(context)
        self._worker = worker_factory(context)
        for stage in pool.stages:
            self._worker.warm(stage)
        return fit_on_gpu()

    def perform(self, run: str, task: Task) -> Receipt | Failure:
        with beating(run, task.id):
            return self._worker.perform(task)


def on_its_gpu(context: RunContext) -> RunContext:
    """Return the context of a worker that holds a GPU: it computes there or does not start.

    With `device=auto` it would compute on its CPU where torch cannot use the GPU, and keep that from others.
    """
    return replace(context, job=replace(context.job, device="cuda"))


def _perform_alone(context: RunContext, worker_factory: WorkerFactory, task: Task) -> Receipt | Failure:
    """A probe or a stitch: nothing to keep loaded, so a Ray task of its own."""
    log_to_stderr(context.job.log.format, logging.INFO)
    cv2.setNumThreads(1)
    with beating(context.run_id, task.id):
        return worker_factory(context).perform(task)


def _kill(process: int) -> None:
    """Kill a process of Ray's on this machine, if it still is one."""
    with suppress(OSError):
        if Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"ray::"):
            os.kill(process, signal.SIGKILL)


def _nothing(_: Any) -> Event:
    return Gone("", "its process was ended")


@dataclass(frozen=True)
class _Awaited:
    """What a reference means when its value arrives, and when it never will."""

    arrived: Callable[[Any], Event]
    lost: Callable[[RayError], Event]
    alone: str = ""
    """Id of a task that runs in its own process."""


class Pools:
    """The run's actors and Ray tasks."""

    def __init__(self, context: RunContext, worker_factory: WorkerFactory, layout: Layout) -> None:
        self._context = context
        self._worker_factory = worker_factory
        self._actors: dict[str, Any] = {}
        self._awaited: dict[Any, _Awaited] = {}
        self._shared_gpus = SharedGpus()
        self._kernel_kills = KernelKills()
        self._worker_class: Any = ray.remote(max_restarts=0, max_task_retries=0)(_RestoringWorker)
        self._perform_alone: Any = ray.remote(num_cpus=layout.task_cpus, max_retries=0, scheduling_strategy="SPREAD")(
            _perform_alone
        )

    def start(self, name: str, pool: Pool) -> None:
        """Start a worker; `Placed` and `Ready` follow, or `Gone`."""
        # SPREAD: Ray would fill half of one machine before it used the next, but the cores are divided by machine.
        strategy = self._shared_gpus.place(name, pool) if 0 < pool.gpus < 1 else "SPREAD"
        actor = self._worker_class.options(
            name=f"reelmend-{self._context.run_id}-{name}",
            num_cpus=pool.cpus,
            num_gpus=pool.gpus,
            scheduling_strategy=strategy,
        ).remote()
        self._actors[name] = actor

        def placed(where: str) -> Event:
            log.info(LogLine(f"placed as {where}", run=self._context.run_id, worker=name))
            return Placed(name)

        def warm_now(fit: int) -> Event:
            self._shared_gpus.measured(pool, fit)
            return Ready(name, fit)

        warm = actor.warm.remote(self._context, self._worker_factory, pool)
        self._awaited[actor.where.remote()] = _Awaited(placed, self._gone(name))
        self._awaited[warm] = _Awaited(warm_now, self._gone(name))

    def stop(self, name: str) -> None:
        """End a worker; what it has in hand is lost."""
        ray.kill(self._actors.pop(name))
        self._shared_gpus.leave(name)

    def run(self, task: Task, name: str | None, *, extra: bool = False) -> None:
        """Hand the task to a worker, or to its own process; `Answered` follows, or `Gone`.

        `extra`: the process takes none of the places that Ray has, which others hold and make nothing of.
        """
        if name is not None:
            self._awaited[self._actors[name].perform.remote(self._context.run_id, task)] = _Awaited(
                Answered, self._gone(name)
            )
            return

        def lost(error: RayError) -> Event:
            with_machine = with_its_machine(error)
            out_of_memory = not with_machine and self._memory_ran_out(error)
            kind = kind_of_death(with_machine=with_machine, out_of_memory=out_of_memory)
            return Answered(Failure(task.id, kind, one_line(error), transient=True))

        own_process = self._perform_alone.options(num_cpus=0) if extra else self._perform_alone
        reference = own_process.remote(self._context, self._worker_factory, task)
        self._awaited[reference] = _Awaited(Answered, lost, alone=task.id)

    def end(self, task_id: str, name: str | None, place: Place | None = None) -> None:
        """Kill the process in which a task runs: the worker, or its own process. None of its answers counts.

        `place`: where that is, if it has said so; for one that hangs so deeply that it hears nothing of Ray.
        """
        if name is not None:
            self.stop(name)
        for reference, awaited in self._awaited.items():
            if awaited.alone == task_id:
                ray.cancel(reference, force=True)
                self._awaited[reference] = _Awaited(_nothing, _nothing)  # the task may be in another process by now
        if place is not None:
            there = NodeAffinitySchedulingStrategy(place.node, soft=False)
            killer = ray.remote(num_cpus=0, max_retries=0)(_kill).options(scheduling_strategy=there)
            self._awaited[killer.remote(place.process)] = _Awaited(_nothing, _nothing)

    def wait(self, timeout_s: float) -> list[Event]:
        """Return all that has happened, as soon as something did; nothing after `timeout_s`."""
        awaited = [*self._awaited]
        if not awaited:
            time.sleep(timeout_s)
            return []
        ready, rest = ray.wait(awaited, num_returns=1, timeout=timeout_s, fetch_local=False)
        if ready and rest:
            ready += ray.wait(rest, num_returns=len(rest), timeout=0, fetch_local=False)[0]
        return [self._event(reference) for reference in ready]

    def close(self) -> None:
        """Kill every worker and cancel every task; what they had in hand was not published."""
        for reference, awaited in self._awaited.items():
            if awaited.alone:
                ray.cancel(reference, force=True)
        for name in [*self._actors]:
            self.stop(name)
        self._awaited.clear()

    def _event(self, reference: Any) -> Event:
        awaited = self._awaited.pop(reference)
        try:
            value = ray.get(reference)
        except RayError as exc:
            return awaited.lost(exc)
        return awaited.arrived(value)

    def _memory_ran_out(self, error: RayError) -> bool:
        return for_want_of_memory(error, kernel_killed=self._kernel_kills.new())

    def _gone(self, name: str) -> Callable[[RayError], Event]:
        def gone(error: RayError) -> Event:
            reason = one_line(error)
            if name in self._actors:
                log.info(LogLine(f"gone: {reason}", run=self._context.run_id, worker=name))
                self.stop(name)  # it may only be out of reach, and must not continue
            refused, with_machine = isinstance(error, RayTaskError), with_its_machine(error)
            return Gone(name, reason, refused, with_machine, out_of_memory=self._memory_ran_out(error))

        return gone
