"""Check of Ray: `python -m reelmend.cluster.check` starts it, or connects to it, and prints its resources as JSON.

A separate process: a Ray that hangs or crashes must not take the one who asks with it. Exit status 1 and one line on
stderr when Ray does not work. With `--gpu` it checks a GPU of each machine instead.
"""

import json
import sys
from dataclasses import asdict
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from reelmend.cluster.deaths import one_line
from reelmend.cluster.resources import lay_out
from reelmend.cluster.runtime import nodes, ray_runtime
from reelmend.pipelines.errors import SetupError

_GPU_S = 300.0
"""For the GPUs of all machines, which are checked at the same time."""


def check_gpus(timeout_s: float = _GPU_S) -> list[dict[str, Any]]:
    """Check one GPU of every machine that Ray says has one: [{"address", "checks", "problem"}], in Ray's order.

    `checks` as `reelmend.core_model.device.gpu_check` has them; `problem` says why there are none.
    """
    check: Any = ray.remote(num_gpus=1, num_cpus=0, max_retries=0)(_check_gpu)
    known: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    machines = [node for node in known if node["Alive"] and node["Resources"].get("GPU", 0) >= 1]
    asked = {
        check.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(): node
        for node in machines
    }
    answered = ray.wait([*asked], num_returns=len(asked), timeout=timeout_s)[0] if asked else []
    found = []
    for reference, node in asked.items():
        checks: list[dict[str, Any]] = []
        problem = f"its GPU did not answer in {timeout_s:.0f} s: other jobs hold it, or it hangs"
        if reference in answered:
            try:
                checks, problem = ray.get(reference), ""
            except RayError as exc:
                problem = f"the check of its GPU failed: {one_line(exc)}"
        else:
            ray.cancel(reference, force=True)
        found.append({"address": node["NodeManagerAddress"], "checks": checks, "problem": problem})
    return found


def _check_gpu() -> list[dict[str, Any]]:
    from reelmend.core_model.device.gpu_check import check_device

    return [asdict(checked) for checked in check_device("cuda")]


def main() -> int:
    """Print {"nodes", "cpus", "gpus", "workers", "gpu_pools"}.

    `workers` is what a job with run.workers=0 gets; `gpu_pools` what its engine gets instead if it wants GPUs, as
    (pool, workers, GPUs a worker), empty where there are none.
    """
    try:
        with ray_runtime():
            if "--gpu" in sys.argv[1:]:
                print(json.dumps(check_gpus()))
                return 0
            machines = nodes()
            offer = {
                "nodes": len(machines),
                "cpus": sum(machine.cpus for machine in machines),
                "gpus": sum(machine.gpus for machine in machines),
                "workers": lay_out(machines, 0).workers,
                "gpu_pools": [
                    (pool.name, pool.size, pool.gpus) for pool in lay_out(machines, 0, gpu=True).pools if pool.gpus
                ],
            }
    except SetupError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(json.dumps(offer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
