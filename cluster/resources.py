"""Division of the machines among stages: the one place where resources are decided.

Ray's resources are logical: they say where a process is placed, not what it may use. Every core is therefore divided
twice: 0.9 of it for a restoring worker, which holds its share as long as it lives, and 0.1 for a probe or a stitch.
Both always find a place, on two cores as on two hundred, and no wait for the other's share can lock the run up; that
no more of them *work* at once than there are cores is the scheduler's doing (`busy_limit`).

Without a GPU one pool serves flow and inpainting: a core that only did one of them would wait for the other. An engine
that wants GPUs gets two pools where there are two, flow on halves of a GPU and inpainting on whole ones. A machine
without a GPU then serves probes and stitches. Where flow is measured without a GPU, all GPUs are for inpainting, and
half of their machines' cores, with those of machines without a GPU, for flow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reelmend.pipelines.config import PoolsConfig
from reelmend.pipelines.tasks import Stage

_WORKER_SHARE, _TASK_SHARE = 0.9, 0.1
"""Shares of a CPU: of a worker for each core it computes on, and of a probe or stitch. Together one: beside a worker there
is room for a task."""

# What a worker with torch and one chunk of 720p in hand stays under.
_WORKER_MEMORY = 2 * 2**30

# RAFT is 43 % of ProPainter's operations: 317 of 317 + 39 + 372 GFLOP a frame at 432x240. A little less of the GPUs
# serves it, because flow that the store holds from an earlier run is not computed again.
_FLOW_GPUS, _INPAINT_GPUS = 2, 3

# Of the cores that come with a GPU, where flow is measured on cores: a worker that inpaints decodes and packs on the rest.
_FLOW_CORES = 0.5

# Two flow workers on a GPU: one reads, packs and writes while the other computes.
_FLOW_WORKERS_A_GPU = 2


@dataclass(frozen=True)
class Node:
    """What one machine offers."""

    cpus: float
    memory: float
    """Bytes."""
    gpus: int = 0


_UNSEEN_NODE = Node(cpus=4, memory=0, gpus=1)
"""What the shares of workers are cut for when an autoscaler is to bring the first machine with GPUs."""


@dataclass(frozen=True)
class Pool:
    """Workers of one kind: long-lived processes that keep their engine loaded."""

    name: str
    stages: tuple[Stage, ...]
    size: int
    """Workers at most; 0 when no machine has a place for one."""
    cpus: float
    """Logical CPUs a worker holds."""
    threads: int
    """Threads a worker computes with."""
    gpus: float = 0.0
    """GPUs a worker holds: 0, 1, or the part of one that it shares with others of its pool."""
    least: int = 0
    """Workers that are kept while work may come."""

    @property
    def seats(self) -> int:
        """How many share a GPU, if its memory holds them; 1 where none is shared."""
        return round(1 / self.gpus) if self.gpus else 1


@dataclass(frozen=True)
class Layout:
    """What a run may occupy."""

    pools: tuple[Pool, ...]
    task_slots: int
    """Probes and stitches at once; each is its own process."""
    task_cpus: float
    busy_limit: int
    """Tasks at once that compute on CPUs: all but those of GPU workers."""

    @property
    def workers(self) -> int:
        return sum(pool.size for pool in self.pools)


def lay_out(
    nodes: Sequence[Node], workers: int, *, gpu: bool = False, flow_gpu: bool = True, limits: PoolsConfig | None = None
) -> Layout:
    """Divide these machines, at least one CPU in all.

    `workers` as in `RunConfig`: the most workers that inpaint, 0 for what the machines hold. `gpu`: whether the engine
    wants GPUs; where there are none, and none may come, it gets what any engine gets. `flow_gpu`: whether its flow
    method wants them, too.
    """
    limits = limits or PoolsConfig()
    most = workers or limits.inpaint_max
    with_gpus = [node for node in nodes if node.gpus]
    if gpu and limits.autoscaling and not with_gpus:
        with_gpus = [_UNSEEN_NODE]
    if gpu and with_gpus:
        alone = not limits.autoscaling and sum(node.gpus for node in with_gpus) == 1
        pools = _gpu_pools(with_gpus, alone=alone) if flow_gpu else _flow_on_cores(with_gpus)
    else:
        pools = (_cpu_pool(nodes, most),)
    return resized(Layout(pools, 1, _TASK_SHARE, 1), nodes, workers, limits)


def resized(layout: Layout, nodes: Sequence[Node], workers: int, limits: PoolsConfig) -> Layout:
    """Return the layout for the machines that are there now: pools of other sizes, of the same workers.

    A pool that no machine has a place for is of size 0.
    """
    most = workers or limits.inpaint_max
    sizes = _asked_for(most) if limits.autoscaling else _room(layout.pools, nodes, most)
    if "flow" in sizes and limits.flow_max:
        sizes["flow"] = min(sizes["flow"], limits.flow_max)
    least = {"flow": limits.flow_min}
    pools = tuple(
        replace(pool, size=sizes[pool.name], least=min(sizes[pool.name], least.get(pool.name, limits.inpaint_min)))
        for pool in layout.pools
    )
    cores = max(1, int(sum(node.cpus for node in nodes)))
    return Layout(
        pools=pools,
        # Decoders and encoders use several threads by themselves: half as many processes as cores keep them all busy.
        task_slots=max(1, cores // 2),
        task_cpus=_TASK_SHARE,
        busy_limit=max(cores, sum(pool.size for pool in pools if not pool.gpus)),
    )


def _cpu_pool(nodes: Sequence[Node], workers: int) -> Pool:
    cores = max(1, int(sum(node.cpus for node in nodes)))
    size = workers or max(1, sum(int(min(node.cpus, node.memory // _WORKER_MEMORY)) for node in nodes))
    threads = max(1, cores // size)
    while threads > 1 and sum(node.cpus // threads for node in nodes) < size:
        threads -= 1
    share = threads if size * threads <= cores else cores / size
    return Pool("restore", (Stage.INPAINT, Stage.FLOW), size, cpus=_WORKER_SHARE * share, threads=threads)


def _gpu_pools(nodes: Sequence[Node], *, alone: bool) -> tuple[Pool, ...]:
    # All workers of a pool hold the same, so that each finds a place on every machine: what the poorest one can give.
    cores_a_gpu = min(node.cpus / node.gpus for node in nodes)

    def pool(name: str, stages: tuple[Stage, ...], share: float) -> Pool:
        cores = cores_a_gpu * share
        return Pool(name, stages, 0, cpus=_WORKER_SHARE * cores, threads=max(1, int(cores)), gpus=share)

    if alone:
        return (pool("restore", (Stage.INPAINT, Stage.FLOW), 1.0),)
    return (
        pool("flow", (Stage.FLOW,), 1 / _FLOW_WORKERS_A_GPU),
        pool("inpaint", (Stage.INPAINT,), 1.0),
    )


def _flow_on_cores(nodes: Sequence[Node]) -> tuple[Pool, ...]:
    cores_a_gpu = min(node.cpus / node.gpus for node in nodes)
    flow, inpaint = min(1.0, cores_a_gpu * _FLOW_CORES) or 1.0, cores_a_gpu * (1 - _FLOW_CORES)
    return (
        Pool("flow", (Stage.FLOW,), 0, cpus=_WORKER_SHARE * flow, threads=1),
        Pool("inpaint", (Stage.INPAINT,), 0, _WORKER_SHARE * inpaint, threads=max(1, int(inpaint)), gpus=1.0),
    )


def _asked_for(workers: int) -> dict[str, int]:
    """The sizes of pools for which machines will be brought."""
    flow = _FLOW_WORKERS_A_GPU * math.ceil(workers * _FLOW_GPUS / _INPAINT_GPUS)
    return {"restore": workers, "inpaint": workers, "flow": flow}


def _room(pools: Sequence[Pool], nodes: Sequence[Node], workers: int) -> dict[str, int]:
    """The sizes of pools for which there are places, `workers` inpainting ones at most, if that is not 0."""
    gpus = sum(_gpus_in_reach(node, pools[-1]) for node in nodes)
    if len(pools) == 1:
        (pool,) = pools
        room = gpus if pool.gpus else _cpu_room(pool, nodes, by_memory=not workers)
        return {pool.name: min(room, workers or room)}
    if gpus == 0:
        return {"flow": 0, "inpaint": 0}
    if not pools[0].gpus:
        on_cores, whole = pools
        free = [_WORKER_SHARE * node.cpus - _gpus_in_reach(node, whole) * whole.cpus for node in nodes]
        places = [
            min(cpus / on_cores.cpus, node.memory / _WORKER_MEMORY) for node, cpus in zip(nodes, free, strict=True)
        ]
        return {"flow": max(1, sum(int(place + 1e-9) for place in places)), "inpaint": min(gpus, workers or gpus)}
    flow_gpus = max(1, round(gpus * _FLOW_GPUS / (_FLOW_GPUS + _INPAINT_GPUS)))
    inpaint = max(1, gpus - flow_gpus)  # when one GPU is left of many, the two pools take turns on it
    if 0 < workers < inpaint:
        inpaint = workers
        flow_gpus = min(flow_gpus, math.ceil(inpaint * _FLOW_GPUS / _INPAINT_GPUS))
    return {"flow": _FLOW_WORKERS_A_GPU * flow_gpus, "inpaint": inpaint}


def _gpus_in_reach(node: Node, whole: Pool) -> int:
    """GPUs of a machine that also has the cores which a worker on one holds."""
    return min(node.gpus, int(node.cpus / whole.cpus + 1e-9)) if whole.cpus else node.gpus


def _cpu_room(pool: Pool, nodes: Sequence[Node], *, by_memory: bool) -> int:
    by_cores = [int(node.cpus * _WORKER_SHARE / pool.cpus + 1e-9) for node in nodes]
    if not by_memory:
        return sum(by_cores)
    both = sum(min(count, int(node.memory // _WORKER_MEMORY)) for count, node in zip(by_cores, nodes, strict=True))
    return both or min(1, sum(by_cores))  # one worker is tried, however little memory there is
