"""Is every core used, and none promised twice?"""

import pytest

from cluster.resources import Layout, Node, lay_out

GIB = 2**30


def held(layout: Layout) -> float:
    """Logical CPUs that all workers, and all probes and stitches, hold together."""
    return sum(pool.size * pool.cpus for pool in layout.pools) + layout.task_slots * layout.task_cpus


@pytest.mark.parametrize("cores", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("workers", [0, 1, 2, 5, 200])
def test_workers_and_tasks_always_find_a_place(cores: int, workers: int) -> None:
    layout = lay_out([Node(cores, 256 * GIB)], workers)
    assert held(layout) <= cores + 1e-9
    assert layout.task_slots >= 1
    assert layout.busy_limit >= 1


def test_a_laptop_gets_a_worker_a_core_and_one_process_more() -> None:
    layout = lay_out([Node(2, 16 * GIB)], workers=0)
    assert (layout.workers, layout.pools[0].threads, layout.task_slots, layout.busy_limit) == (2, 1, 1, 2)


def test_little_memory_means_fewer_workers_with_more_threads() -> None:
    layout = lay_out([Node(8, 4 * GIB)], workers=0)
    assert (layout.workers, layout.pools[0].threads) == (2, 4)


def test_one_worker_on_many_machines_asks_for_no_more_than_one_of_them_has() -> None:
    layout = lay_out([Node(0, 8 * GIB), Node(4, 64 * GIB), Node(4, 64 * GIB)], workers=1)
    assert layout.pools[0].threads == 4
    assert layout.pools[0].cpus <= 4
