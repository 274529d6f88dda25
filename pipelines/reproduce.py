"""Which command shows an item's failure again?"""

import shlex

from pipelines.ledger import ItemRow


def reproduce_command(row: ItemRow, out: str) -> str:
    """Return a shell line that runs this item alone, in one process, where a debugger can follow it."""
    words = ["reelmend", "run", "--videos", row.video, "--masks", row.mask, "--out", out, "run.executor=inline"]
    return shlex.join(words)
