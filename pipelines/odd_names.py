"""An item whose name cannot be used: it stands in the job under a name that can, and is quarantined with the reason.

One such name costs that item, not the job.
"""

import hashlib
from pathlib import Path

from reelmend.pipelines.bounds import Bounds
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.visible import visible

_LONGEST = 80
"""Letters of a name that are shown."""


def odd_item(video: str, name: str, problem: str, bounds: Bounds, suffix: str) -> Item:
    """Return the item that says why `name`, of the video at `video`, is left out. Its id is unique to both."""
    mark = hashlib.sha256(f"{video}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    printable = "".join(letter if letter.isalnum() or letter in " .-_" else "_" for letter in _ascii(name)[:_LONGEST])
    shown = f"{printable.strip(' .-_') or 'name'}-{mark}"
    return Item(shown, Path(visible(video)[: 2 * _LONGEST]), None, bounds.output(shown, suffix), problem=problem)


def _ascii(name: str) -> str:
    return name.encode("ascii", "replace").decode().replace("?", "_")
