"""A process that runs two items on the cluster at RAY_ADDRESS and prints what Ray's exporter then shows of them.

A process of its own: Ray counts on from one run to the next in the same.
"""

import json
import sys
import time
from pathlib import Path

import ray

from reelmend.cluster.executor import RayExecutor
from reelmend.pipelines.run.state_machine import RunState
from tests.cluster import toy_worker
from tests.scrapes import scrape_ray

_PATIENCE_S = 60.0


def main(folder: Path) -> None:
    ray.cloudpickle.register_pickle_by_value(toy_worker)  # type: ignore[no-untyped-call]
    ray.init(log_to_driver=False)  # it stays connected until its figures have been shown
    items = [toy_worker.toy_item(name, folder) for name in ("a", "b")]
    state = RunState(items, attempts=3, active_items=0)
    RayExecutor(toy_worker.toy_context(folder), toy_worker.ToyWorker).run(state)
    print(json.dumps(_shown_at_the_end()))


def _shown_at_the_end() -> dict[str, float]:
    """Ask until the run's last figures are there: Ray's agent is told every ten seconds."""
    (node,) = ray.nodes()  # type: ignore[no-untyped-call]
    url = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        shown = scrape_ray(url, driver=ray.get_runtime_context().get_worker_id())
        if shown.get("reelmend_items_open") == 0.0:
            return shown
        time.sleep(0.5)
    raise TimeoutError(f"Ray's exporter showed no end of the run in {_PATIENCE_S} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
