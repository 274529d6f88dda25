"""Check of Ray: `python -m reelmend.cluster.check` starts it, or connects to it, and prints its resources as JSON.

A separate process: a Ray that hangs or crashes must not take the one who asks with it. Exit status 1 and one line on
stderr when Ray does not work.
"""

import json
import sys

from reelmend.cluster.resources import lay_out
from reelmend.cluster.runtime import nodes, ray_runtime
from reelmend.pipelines.errors import SetupError


def main() -> int:
    """Print {"nodes", "cpus", "gpus", "workers", "gpu_pools"}.

    `workers` is what a job with run.workers=0 gets; `gpu_pools` what its engine gets instead if it wants GPUs, as
    (pool, workers, GPUs a worker), empty where there are none.
    """
    try:
        with ray_runtime():
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
