"""Who gets which share of the machines? The one place where a stage's resources are decided.

Ray's resources are logical: they say where a process is placed, not what it may use. Every core is therefore divided
twice: 0.9 of it for a restoring worker, which holds its share as long as it lives, and 0.1 for a probe or a stitch.
Both always find a place, on two cores as on two hundred, and no wait for the other's share can lock the run up; that
no more of them *work* at once than there are cores is the scheduler's doing (`busy_limit`).

Without a GPU one pool serves flow and inpainting: a core that only did one of them would wait for the other. An engine
that wants GPUs gets two pools where there are two, flow on halves of a GPU and inpainting on whole ones. A machine
without a GPU then serves probes and stitches.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.tasks import Stage

_WORKER_SHARE = 0.9
_TASK_SHARE = 0.1

# What a worker with torch and one chunk of 720p in hand stays under.
_WORKER_MEMORY = 2 * 2**30

# RAFT is 43 % of ProPainter's operations: 317 of 317 + 39 + 372 GFLOP a frame at 432x240. A little less of the GPUs
# serves it, because flow that the store holds from an earlier run is not computed again.
_FLOW_GPUS, _INPAINT_GPUS = 2, 3

# Two flow workers on a GPU: one reads, packs and writes while the other computes.
_FLOW_WORKERS_A_GPU = 2


@dataclass(frozen=True)
class Node:
    """What one machine offers."""

    cpus: float
    memory: float
    """Bytes."""
    gpus: int = 0


@dataclass(frozen=True)
class Pool:
    """Workers of one kind: long-lived processes that keep their engine loaded."""

    name: str
    stages: tuple[Stage, ...]
    size: int
    """Workers at most."""
    cpus: float
    """Logical CPUs a worker holds."""
    threads: int
    """Threads a worker computes with."""
    gpus: float = 0.0
    """GPUs a worker holds: 0, 1, or the part of one that it shares with others of its pool."""


@dataclass(frozen=True)
class Layout:
    """What a run may occupy."""

    pools: tuple[Pool, ...]
    task_slots: int
    """Probes and stitches at once; each is a process of its own."""
    task_cpus: float
    busy_limit: int
    """Tasks at once that compute on CPUs: all but those of GPU workers."""

    @property
    def workers(self) -> int:
        return sum(pool.size for pool in self.pools)


def lay_out(nodes: Sequence[Node], workers: int, *, gpu: bool = False) -> Layout:
    """Divide these machines, at least one CPU in all.

    `workers` as in `RunConfig`: the most workers that inpaint, 0 for what the machines hold. `gpu`: whether the engine
    wants GPUs; where there are none it gets what any engine gets.
    """
    cores = max(1, int(sum(node.cpus for node in nodes)))
    on_gpus = gpu and any(node.gpus for node in nodes)
    pools = _gpu_pools(nodes, workers) if on_gpus else (_cpu_pool(nodes, workers, cores),)
    return Layout(
        pools=pools,
        # Decoders and encoders use several threads by themselves: half as many processes as cores keep them all busy.
        task_slots=max(1, cores // 2),
        task_cpus=_TASK_SHARE,
        busy_limit=max(cores, sum(pool.size for pool in pools if not pool.gpus)),
    )


def _cpu_pool(nodes: Sequence[Node], workers: int, cores: int) -> Pool:
    size = workers or max(1, sum(int(min(node.cpus, node.memory // _WORKER_MEMORY)) for node in nodes))
    threads = max(1, cores // size)
    while threads > 1 and sum(node.cpus // threads for node in nodes) < size:
        threads -= 1
    share = threads if size * threads <= cores else cores / size
    return Pool("restore", (Stage.INPAINT, Stage.FLOW), size, cpus=_WORKER_SHARE * share, threads=threads)


def _gpu_pools(nodes: Sequence[Node], workers: int) -> tuple[Pool, ...]:
    gpus = sum(node.gpus for node in nodes)
    # All workers of a pool hold the same, so that each finds a place on every machine: what the poorest one can give.
    cores_a_gpu = min(node.cpus / node.gpus for node in nodes if node.gpus)

    def pool(name: str, stages: tuple[Stage, ...], size: int, share: float) -> Pool:
        cores = cores_a_gpu * share
        return Pool(name, stages, size, cpus=_WORKER_SHARE * cores, threads=max(1, int(cores)), gpus=share)

    if gpus == 1:
        return (pool("restore", (Stage.INPAINT, Stage.FLOW), 1, share=1.0),)
    flow_gpus = max(1, round(gpus * _FLOW_GPUS / (_FLOW_GPUS + _INPAINT_GPUS)))
    inpaint = gpus - flow_gpus
    if 0 < workers < inpaint:
        inpaint = workers
        flow_gpus = min(flow_gpus, math.ceil(inpaint * _FLOW_GPUS / _INPAINT_GPUS))
    flow_size = _FLOW_WORKERS_A_GPU * flow_gpus
    return (
        pool("flow", (Stage.FLOW,), flow_size, share=1 / _FLOW_WORKERS_A_GPU),
        pool("inpaint", (Stage.INPAINT,), inpaint, share=1.0),
    )
