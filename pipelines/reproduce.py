"""Which command shows an item's failure again?"""

import shlex

from pipelines.context import WORK_FOLDER
from pipelines.ledger import ItemRow
from pipelines.stores.location import location_of


def reproduce_command(row: ItemRow, out: str) -> str:
    """Return a shell line that runs this item alone with the run's settings, in one process, where a debugger follows.

    It writes to a folder of its own, so that ledger and report of the run in `out` stay as they are.
    """
    work = location_of(out) / WORK_FOLDER
    words = ["reelmend", "run", str(work / "config.yaml"), "--videos", row.video]
    masks = ["--masks", row.mask] if row.mask else []
    return shlex.join([*words, *masks, "--out", str(work / "again"), "run.executor=inline"])
