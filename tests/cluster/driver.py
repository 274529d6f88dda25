"""A process that runs items by the names of a `ToyWorker` through Ray, for tests that interrupt or kill it.

Every answer is a line of the file `answers`. Tasks in work get GRACE_S seconds to end after SIGTERM.
"""

import sys
from pathlib import Path

from reelmend.cluster.executor import RayExecutor
from reelmend.pipelines.observe.observer import OnChange
from reelmend.pipelines.run.state_machine import RunState
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.tasks import Failure, Receipt
from tests.cluster import toy_worker


def main(folder: Path, grace_s: float, names: list[str]) -> int:
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(toy_worker)  # type: ignore[no-untyped-call]
    items = [toy_worker.toy_item(name, folder) for name in names]

    def write(row: ItemRow, answer: Receipt | Failure | None) -> None:
        with (folder / "answers").open("a") as answers:
            print(answer and answer.task_id, file=answers)

    state = RunState(items, attempts=3, active_items=0, observer=OnChange(write))
    try:
        RayExecutor(toy_worker.toy_context(folder, grace_s=grace_s), toy_worker.ToyWorker).run(state)
    except KeyboardInterrupt:
        return 130
    print(" ".join(row.state for row in state.rows.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
