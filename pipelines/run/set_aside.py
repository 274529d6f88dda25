"""Messages about files found in the outputs' places: the first few when they are found, all of them at the end."""

import logging

from reelmend.pipelines.observe.observer import RunObserver
from reelmend.pipelines.storage.ledger import ItemFacts, ItemRow
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Failure, ItemReceipt, Receipt
from reelmend.pipelines.utils.units import counted

log = logging.getLogger("reelmend")

_AT_ONCE = 3
"""Files that are named as they are met; their number follows at the end."""


class SetAside(RunObserver):
    def __init__(self, folder: Location) -> None:
        """`folder`: where what is set aside goes."""
        self._folder = folder
        self._aside = self._own = 0

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        if not isinstance(answer, ItemReceipt) or answer.reused:
            return
        known = ItemFacts.from_map(answer.facts)
        self._own += known.replaced_own is not None and not known.refined_blocks
        if known.set_aside is not None:
            self._aside += 1
            if self._aside <= _AT_ONCE:
                log.warning(
                    "%s: the existing file is not a result of this job; moved to %s", row.output, known.set_aside
                )

    def close(self) -> None:
        if self._aside > _AT_ONCE:
            log.warning("%d existing files at the paths of outputs were moved to %s", self._aside, self._folder)
        if self._own:
            own = counted(self._own, "earlier result")
            log.warning("%s of this job replaced, because sources or settings have changed", own)
