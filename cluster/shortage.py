"""Explanation of why no worker of a pool can be placed: what each needs, and what the cluster has."""

import math

from reelmend.cluster.resources import Pool
from reelmend.cluster.runtime import free_and_total


def shortage(pool: Pool, waited_s: float) -> str:
    """Return one line for a person."""
    each = " and ".join([f"{pool.gpus:g} GPU"] * (pool.gpus > 0) + [f"{pool.cpus:.3g} CPU"] * (pool.cpus > 0))
    free_gpus, gpus = free_and_total("GPU")
    free_cpus, cpus = free_and_total("CPU")
    if pool.size == 0:
        return (
            f"no machine of the cluster has had room for a {pool.name} worker for {waited_s:.0f} s: each needs {each}"
            f" on one machine, and all machines together have {gpus:g} GPU and {cpus:g} CPU; start a larger one,"
            " or set pools.autoscaling=true if the cluster can add one"
        )
    if free_gpus < math.ceil(pool.gpus):  # who shares a GPU waits for a whole one that nobody else is on
        what = f"{pool.gpus:g} GPU, and {free_gpus:g} of {gpus:g} are free"
    else:
        what = f"{pool.cpus:.3g} CPU, and {free_cpus:g} of {cpus:g} are free"
    return (
        f"no {pool.name} worker could be placed within {waited_s:.0f} s: each needs {what};"
        " stop other work on the cluster, or lower run.workers"
    )
