"""How does a run go through Ray? Ask the scheduler, do it, wait, tell the scheduler; until the run is over."""

import logging
import math
import time

from cluster.metrics import RayMetrics
from cluster.pools import Pools
from cluster.resources import Pool, lay_out
from cluster.runtime import free_and_total, nodes, ray_runtime
from cluster.scheduler import GiveUp, Instruction, Run, Scheduler, Start, Stop
from pipelines.context import RunContext
from pipelines.engines import wants_gpu
from pipelines.executor import WorkerFactory
from pipelines.logs import LogLine
from pipelines.run_state import RunState
from pipelines.worker import Worker

log = logging.getLogger(__name__)

# How long the loop sleeps when nothing happens; only the patience with workers that find no place is late by it.
_TICK_S = 1.0


class RayExecutor:
    """Runs a `RunState` on a Ray cluster, or on a Ray of its own on this machine."""

    def __init__(self, context: RunContext, worker_factory: WorkerFactory = Worker) -> None:
        """`worker_factory` must be importable in the workers; each process calls it with the context."""
        self._context = context
        self._worker_factory = worker_factory

    def run(self, state: RunState) -> None:
        """Return when `state.over`, with every worker ended, and Ray too if it was started here.

        Raises KeyboardInterrupt on ctrl-C and SIGTERM after the same clean-up, SetupError when there is no Ray.
        """
        if state.over:
            return
        with ray_runtime() as patience_s:
            job = self._context.job
            layout = lay_out(nodes(), job.run.workers, gpu=wants_gpu(job))
            for pool in layout.pools:
                held = {"pool": pool.name, "workers": pool.size, "threads": pool.threads, "gpus": f"{pool.gpus:g}"}
                log.info(LogLine(run=self._context.run_id, **held))
            state.expect_workers(layout.workers, apart=any(pool.gpus for pool in layout.pools))
            scheduler = Scheduler(state, layout, patience_s=patience_s)
            pools = Pools(self._context, self._worker_factory, layout)
            metrics = RayMetrics()
            try:
                while not state.over:
                    if metrics.due(time.monotonic()):
                        metrics.record(state.metrics.read())
                    for instruction in scheduler.decide(time.monotonic()):
                        _carry_out(instruction, pools, state)
                    for event in pools.wait(_TICK_S):
                        scheduler.handle(event)
            finally:
                metrics.record(state.metrics.read())
                pools.close()


def _carry_out(instruction: Instruction, pools: Pools, state: RunState) -> None:
    match instruction:
        case Start(worker, pool):
            pools.start(worker, pool)
        case Stop(worker):
            pools.stop(worker)
        case Run(task, worker):
            pools.run(task, worker)
        case GiveUp(pool, waited_s):
            state.halt(_shortage(pool, waited_s))


def _shortage(pool: Pool, waited_s: float) -> str:
    free_gpus, gpus = free_and_total("GPU")
    free_cpus, cpus = free_and_total("CPU")
    if free_gpus < math.ceil(pool.gpus):  # who shares a GPU waits for a whole one that nobody else is on
        what = f"{pool.gpus:g} GPU, free are {free_gpus:g} of {gpus:g}"
    else:
        what = f"{pool.cpus:g} CPU, free are {free_cpus:g} of {cpus:g}"
    return (
        f"no {pool.name} worker found a place in {waited_s:.0f} s: each needs {what};"
        " end what else runs on the cluster, or set run.workers lower"
    )
