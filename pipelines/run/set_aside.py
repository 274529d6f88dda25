"""What a run says of files that lay in its outputs' places: the first few as they are met, all together at its end."""

import logging

from reelmend.pipelines.observe.observer import RunObserver
from reelmend.pipelines.stages.there_before import REPLACED_OWN, SET_ASIDE
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.tasks import Failure, ItemReceipt, Receipt

log = logging.getLogger("reelmend")

_AT_ONCE = 3


class SetAside(RunObserver):
    def __init__(self, folder: Location) -> None:
        """`folder`: where what is set aside goes."""
        self._folder = folder
        self._aside = self._own = 0

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        if not isinstance(answer, ItemReceipt) or answer.reused:
            return
        self._own += REPLACED_OWN in answer.facts
        if SET_ASIDE in answer.facts:
            self._aside += 1
            if self._aside <= _AT_ONCE:
                log.warning("%s: the earlier file is not of this job; moved to %s", row.output, answer.facts[SET_ASIDE])

    def close(self) -> None:
        if self._aside > _AT_ONCE:
            log.warning("%d files in the place of outputs were moved to %s", self._aside, self._folder)
        if self._own:
            log.warning(
                "%d earlier results of this job were replaced, because their sources or settings changed", self._own
            )
