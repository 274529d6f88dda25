"""Is every core and every GPU used, and none promised twice?"""

import pytest

from reelmend.cluster.resources import Layout, Node, lay_out, resized
from reelmend.pipelines.config import PoolsConfig
from reelmend.pipelines.tasks import Stage

GIB = 2**30


def on_gpus(*nodes: tuple[int, int], workers: int = 0) -> tuple[Layout, dict[str, int]]:
    """The layout of machines of (CPUs, GPUs) each, and its workers by pool."""
    layout = lay_out([Node(cpus, 64 * GIB, gpus) for cpus, gpus in nodes], workers, gpu=True)
    return layout, {pool.name: pool.size for pool in layout.pools}


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


def test_one_gpu_is_one_worker_s_for_flow_and_inpainting() -> None:
    layout, sizes = on_gpus((16, 1))
    (pool,) = layout.pools
    assert sizes == {"restore": 1}
    assert (pool.gpus, pool.threads, set(pool.stages)) == (1.0, 16, {Stage.FLOW, Stage.INPAINT})


@pytest.mark.parametrize(
    ("gpus", "sizes"),
    [
        (2, {"flow": 2, "inpaint": 1}),
        (3, {"flow": 2, "inpaint": 2}),
        (4, {"flow": 4, "inpaint": 2}),
        (8, {"flow": 6, "inpaint": 5}),
    ],
)
def test_two_fifths_of_the_gpus_compute_flow(gpus: int, sizes: dict[str, int]) -> None:
    layout, found = on_gpus((8 * gpus, gpus))
    assert found == sizes
    assert {pool.name: (pool.gpus, pool.threads) for pool in layout.pools} == {"flow": (0.5, 4), "inpaint": (1.0, 8)}


def test_the_job_can_ask_for_fewer_inpainting_workers_and_gets_the_flow_they_need() -> None:
    assert [on_gpus((64, 8), workers=n)[1] for n in (1, 3, 99)] == [
        {"flow": 2, "inpaint": 1},
        {"flow": 4, "inpaint": 3},
        {"flow": 6, "inpaint": 5},
    ]


@pytest.mark.parametrize(
    "nodes",
    [
        [(16, 1)],
        [(2, 8)],  # fewer cores than GPUs
        [(0, 2), (8, 0)],  # a machine that offers its GPUs only
        [(1, 1), (1, 3)],
        [(16, 4), (64, 4), (96, 0)],  # machines for probes and stitches
        [(4, 1)] * 40,
    ],
)
def test_every_gpu_is_held_and_its_workers_find_their_cores_on_every_machine(nodes: list[tuple[int, int]]) -> None:
    layout, _ = on_gpus(*nodes)
    assert sum(pool.size * pool.gpus for pool in layout.pools) == sum(gpus for _, gpus in nodes)
    for pool in layout.pools:
        assert all(gpus / pool.gpus * pool.cpus <= 0.9 * cpus + 1e-9 for cpus, gpus in nodes if gpus)
        assert pool.threads >= 1
    assert held(layout) <= sum(cpus for cpus, _ in nodes) + 1e-9
    assert layout.task_slots >= 1
    assert layout.busy_limit >= 1


@pytest.mark.parametrize(
    ("nodes", "sizes"),
    [
        ([(16, 1)], {"flow": 8, "inpaint": 1}),
        ([(16, 4), (8, 0)], {"flow": 16, "inpaint": 4}),  # half of 16 cores, and 8 without a GPU
        ([(2, 8)], {"flow": 8, "inpaint": 8}),  # an eighth of a core each
        ([(0, 2), (8, 0)], {"flow": 8, "inpaint": 2}),
    ],
)
def test_flow_without_networks_takes_no_gpu_from_inpainting(
    nodes: list[tuple[int, int]], sizes: dict[str, int]
) -> None:
    layout = lay_out([Node(cpus, 64 * GIB, gpus) for cpus, gpus in nodes], 0, gpu=True, flow_gpu=False)
    assert {pool.name: (pool.size, pool.gpus) for pool in layout.pools} == {
        "flow": (sizes["flow"], 0.0),
        "inpaint": (sizes["inpaint"], 1.0),
    }
    assert held(layout) <= sum(cpus for cpus, _ in nodes) + 1e-9


def test_an_engine_that_wants_gpus_gets_cores_where_there_are_none() -> None:
    nodes = [Node(8, 64 * GIB)]
    assert lay_out(nodes, 0, gpu=True) == lay_out(nodes, 0)


def test_an_engine_without_use_for_gpus_leaves_them_alone() -> None:
    layout = lay_out([Node(8, 64 * GIB, gpus=2)], 0)
    assert [(pool.name, pool.gpus) for pool in layout.pools] == [("restore", 0.0)]


@pytest.mark.parametrize(
    ("machines", "sizes"),
    [
        ([(8, 1)] * 8, {"flow": 6, "inpaint": 5}),
        ([(8, 1)] * 3, {"flow": 2, "inpaint": 2}),
        ([(8, 1)], {"flow": 2, "inpaint": 1}),  # they take turns
        ([(8, 1)] * 3 + [(1, 4)], {"flow": 2, "inpaint": 2}),  # whose cores do not do for a worker
        ([(64, 0)], {"flow": 0, "inpaint": 0}),
    ],
)
def test_pools_follow_the_machines_that_are_there(machines: list[tuple[int, int]], sizes: dict[str, int]) -> None:
    layout, _ = on_gpus(*[(8, 1)] * 4)
    now = resized(layout, [Node(cpus, 64 * GIB, gpus) for cpus, gpus in machines], 0, PoolsConfig())
    assert {pool.name: pool.size for pool in now.pools} == sizes
    shapes = [(pool.cpus, pool.threads, pool.gpus) for pool in layout.pools]
    assert [(pool.cpus, pool.threads, pool.gpus) for pool in now.pools] == shapes


def test_a_second_machine_doubles_a_pool_on_cores_unless_the_job_says_how_many() -> None:
    machine = Node(4, 64 * GIB)
    for workers, expected in ((0, 8), (2, 2)):
        layout = lay_out([machine], workers)
        assert resized(layout, [machine, machine], workers, PoolsConfig()).workers == expected


def test_the_job_bounds_both_pools() -> None:
    limits = PoolsConfig(inpaint_min=1, inpaint_max=3, flow_min=9, flow_max=1)
    layout = lay_out([Node(64, 256 * GIB, gpus=8)], 0, gpu=True, limits=limits)
    assert {pool.name: (pool.least, pool.size) for pool in layout.pools} == {"flow": (1, 1), "inpaint": (1, 3)}


def test_machines_that_an_autoscaler_will_bring_are_asked_for() -> None:
    limits = PoolsConfig(inpaint_max=6, autoscaling=True)
    layout = lay_out([Node(4, 16 * GIB)], 0, gpu=True, limits=limits)
    assert {pool.name: (pool.gpus, pool.size) for pool in layout.pools} == {"flow": (0.5, 8), "inpaint": (1.0, 6)}


def test_a_machine_with_little_memory_still_gets_one_worker() -> None:
    assert lay_out([Node(4, GIB)], 0).workers == 1
