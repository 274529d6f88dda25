"""Shell command that reproduces an item's failure."""

import glob
import shlex

from reelmend.pipelines.storage.ledger import ItemFacts, ItemRow
from reelmend.pipelines.storage.location import location_of
from reelmend.pipelines.storage.run_layout import WORK_FOLDER


def reproduce_command(row: ItemRow, out: str) -> str:
    """Return a shell line that runs this item alone with the run's settings and its own, in one process.

    There a debugger follows. It writes to its own folder, so that ledger and report of the run in `out` stay as
    they are.
    """
    work = location_of(out) / WORK_FOLDER
    words = ["reelmend", "run", str(work / "config.yaml"), "--videos", glob.escape(row.video)]
    masks = ["--masks", row.mask] if row.mask else []
    known = ItemFacts.from_map(row.facts)
    rate = [] if known.fps is None else [f"input.image_rate={known.fps}"]
    own = shlex.split(known.overrides or "")
    return shlex.join([*words, *masks, "--out", str(work / "again"), *rate, *own, "run.executor=inline"])
