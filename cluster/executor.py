"""Executor on Ray: asks the scheduler, carries out its instructions, reports the answers, until the run is over."""

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path

from reelmend.cluster.beats import BeatReader
from reelmend.cluster.metrics import RayMetrics
from reelmend.cluster.pools import Pools
from reelmend.cluster.resources import Layout, Node, lay_out, resized
from reelmend.cluster.runtime import in_job_folder, nodes, ray_runtime
from reelmend.cluster.scheduler import Patience, Scheduler
from reelmend.cluster.scheduler_messages import End, GiveUp, Instruction, Run, Start, Stop
from reelmend.cluster.shortage import shortage
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import flow_wants_gpu, wants_gpu
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.run.executor import WorkerFactory
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker import Worker
from reelmend.pipelines.utils.logs import LogLine
from reelmend.pipelines.utils.signals import stop_requests

log = logging.getLogger(__name__)

# How long the loop sleeps when nothing happens; only patience, grace and new machines are late by it.
_TICK_S = 1.0

# By so much a task may be late that looks at its own time and ends by itself: so that it can say where it was.
_GRACE_S = 60.0

# How often the machines of the cluster are counted.
_COUNT_MACHINES_S = 5.0


class RayExecutor:
    """Runs a `RunState` on a Ray cluster, or on its own Ray on this machine."""

    def __init__(self, context: RunContext, worker_factory: WorkerFactory = Worker) -> None:
        """`worker_factory` must be importable in the workers; each process calls it with the context.

        Raises ConfigError when the outputs would be lost in Ray's own folders.
        """
        if isinstance(context.out, Path) and in_job_folder(context.out):
            raise ConfigError(
                f"out={context.out} is in Ray's copy of the job's folder, where it would be lost: use an absolute path "
                "that all machines can reach, or s3://"
            )
        self._context = context
        self._worker_factory = worker_factory

    def run(self, state: RunState) -> None:
        """Return when `state.over`, with every worker ended, and Ray too if it was started here.

        Raises KeyboardInterrupt after the same clean-up on Ctrl-C, and on SIGTERM when tasks in progress have ended or
        `run.stop_grace_s` is over; SetupError when there is no Ray.
        """
        if state.over:
            return
        job = self._context.job
        with ray_runtime(), stop_requests(job.run.stop_grace_s) as stop:
            machines = _Machines(job)
            layout = machines.lay_out()
            for pool in layout.pools:
                held = {"pool": pool.name, "workers": pool.size, "threads": pool.threads, "gpus": f"{pool.gpus:g}"}
                log.info(LogLine(run=self._context.run_id, **held))
            state.expect_workers(layout.workers, apart=any(pool.gpus for pool in layout.pools))
            scheduler = Scheduler(state, layout, _patience(job))
            pools = Pools(self._context, self._worker_factory, layout)
            metrics, beats = RayMetrics(), BeatReader(self._context.run_id)
            try:
                while not state.over:
                    if stop.made and _drained(scheduler, state, job.run.stop_grace_s):
                        raise KeyboardInterrupt
                    if metrics.due(time.monotonic()):
                        metrics.record(state.metrics.read())
                    for instruction in scheduler.decide(time.monotonic()):
                        _carry_out(instruction, pools, beats, state)
                    for event in [*pools.wait(_TICK_S), *beats.read(state.in_work, time.monotonic())]:
                        scheduler.handle(event)
                    if changed := machines.changed_layout(layout):
                        layout = changed
                        scheduler.resize(layout)
                        state.expect_workers(layout.workers, apart=state.workers_apart)
            finally:
                metrics.record(state.metrics.read())
                pools.close()


class _Machines:
    """The machines of the cluster, counted every now and then."""

    def __init__(self, job: JobConfig) -> None:
        self._job = job
        self._counted_at_s = time.monotonic()
        self._last: Sequence[Node] = nodes()

    def lay_out(self) -> Layout:
        job = self._job
        gpu, flow_gpu = wants_gpu(job), flow_wants_gpu(job)
        return lay_out(self._last, job.run.workers, gpu=gpu, flow_gpu=flow_gpu, limits=job.pools)

    def changed_layout(self, layout: Layout) -> Layout | None:
        """Return what `layout` becomes with the machines of now, None if that is the same or was asked just now."""
        now_s = time.monotonic()
        if now_s - self._counted_at_s < _COUNT_MACHINES_S:
            return None
        self._counted_at_s = now_s
        before, self._last = self._last, nodes()
        if sorted(map(repr, before)) == sorted(map(repr, self._last)):
            return None
        changed = resized(layout, self._last, self._job.run.workers, self._job.pools)
        sizes = ", ".join(f"{pool.name} {pool.size}" for pool in changed.pools)
        log.info("the cluster has %d machines now instead of %d: %s", len(self._last), len(before), sizes)
        return changed


def _patience(job: JobConfig) -> Patience:
    crowded_s = job.pools.start_timeout_s
    unplaceable_s = crowded_s if job.pools.autoscaling else min(Patience.unplaceable_s, crowded_s)
    limits = job.limits
    probe_s, task_s = (seconds + _GRACE_S if seconds else math.inf for seconds in (limits.probe_s, limits.task_s))
    still_s = limits.still_s or math.inf
    return Patience(unplaceable_s, crowded_s, job.pools.grace_s, probe_s, task_s, still_s)


def _drained(scheduler: Scheduler, state: RunState, grace_s: float) -> bool:
    """Whether a run that was told to stop has nothing in progress any more."""
    if not scheduler.draining and (count := len(state.in_work)):
        what = f"{count} task" + ("" if count == 1 else "s")
        log.warning(
            "stopping: tasks in progress (%s) have %g s to finish; a second signal stops at once", what, grace_s
        )
    scheduler.drain()
    return not state.in_work


def _carry_out(instruction: Instruction, pools: Pools, beats: BeatReader, state: RunState) -> None:
    match instruction:
        case Start(worker, pool):
            pools.start(worker, pool)
        case Stop(worker):
            pools.stop(worker)
        case Run(task, worker, extra):
            pools.run(task, worker, extra=extra)
        case End(task_id, worker):
            pools.end(task_id, worker, beats.place_of(task_id))
        case GiveUp(pool, waited_s):
            state.halt(shortage(pool, waited_s))
