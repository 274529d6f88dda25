"""Who gets which share of the machines? The one place where a stage's resources are decided.

Ray's resources are logical: they say where a process is placed, not what it may use. Every core is therefore divided
twice: 0.9 of it for a restoring worker, which holds its share as long as it lives, and 0.1 for a probe or a stitch.
Both always find a place, on two cores as on two hundred, and no wait for the other's share can lock the run up; that
no more of them *work* at once than there are cores is the scheduler's doing (`busy_limit`).

Without a GPU one pool serves flow and inpainting: a core that only did one of them would wait for the other. An engine
that wants GPUs gets two pools here, flow on a fraction of a GPU and inpainting on whole ones; the scheduler takes any
number of pools.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.tasks import Stage

_WORKER_SHARE = 0.9
_TASK_SHARE = 0.1

# What a worker with torch and one chunk of 720p in hand stays under.
_WORKER_MEMORY = 2 * 2**30


@dataclass(frozen=True)
class Node:
    """What one machine offers."""

    cpus: float
    memory: float
    """Bytes."""


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


@dataclass(frozen=True)
class Layout:
    """What a run may occupy."""

    pools: tuple[Pool, ...]
    task_slots: int
    """Probes and stitches at once; each is a process of its own."""
    task_cpus: float
    busy_limit: int
    """Tasks of all stages in work at once."""

    @property
    def workers(self) -> int:
        return max(pool.size for pool in self.pools)


def lay_out(nodes: Sequence[Node], workers: int) -> Layout:
    """Divide these machines, at least one CPU in all. `workers` as in `RunConfig`: 0 takes what the machines hold."""
    cores = max(1, int(sum(node.cpus for node in nodes)))
    size = workers or max(1, sum(int(min(node.cpus, node.memory // _WORKER_MEMORY)) for node in nodes))
    threads = max(1, cores // size)
    while threads > 1 and sum(node.cpus // threads for node in nodes) < size:
        threads -= 1
    share = threads if size * threads <= cores else cores / size
    restore = Pool("restore", (Stage.INPAINT, Stage.FLOW), size, cpus=_WORKER_SHARE * share, threads=threads)
    return Layout(
        pools=(restore,),
        # Decoders and encoders use several threads by themselves: half as many processes as cores keep them all busy.
        task_slots=max(1, cores // 2),
        task_cpus=_TASK_SHARE,
        busy_limit=max(cores, size),
    )
