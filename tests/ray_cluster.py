"""A Ray cluster for tests, of machines that are processes of this one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LEAN = {"object_store_memory": 100 * 2**20}
"""Of every machine: receipts are all that Ray carries."""
_LEAN_HEAD = {**_LEAN, "include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
"""The dashboard alone is a dozen processes, and no test looks at it."""


@contextmanager
def ray_cluster(*machines: dict[str, Any]) -> Iterator[Any]:
    """Yield a `ray.cluster_utils.Cluster` of these machines (`num_cpus`, `num_gpus`); the first is the head."""
    from ray.cluster_utils import Cluster

    head, *others = machines
    cluster = Cluster(initialize_head=True, head_node_args=_LEAN_HEAD | head, shutdown_at_exit=False)
    try:
        for machine in others:
            cluster.add_node(**_LEAN | machine)
        yield cluster
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]
