"""A process that runs items by the names of a `ToyWorker` through Ray, for tests that interrupt or kill it."""

import sys
from pathlib import Path

import toy_worker

from cluster.executor import RayExecutor
from pipelines.run_state import RunState


def main(folder: Path, names: list[str]) -> int:
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(toy_worker)
    items = [toy_worker.toy_item(name, folder) for name in names]
    state = RunState(items, attempts=3, active_items=0, on_change=lambda *_: None)
    try:
        RayExecutor(toy_worker.toy_context(folder), toy_worker.ToyWorker).run(state)
    except KeyboardInterrupt:
        return 130
    print(" ".join(row.state for row in state.rows.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
