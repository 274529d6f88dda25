"""The driver's part in the flow cache: records what the run needs, and keeps within the budget.

Workers find and write segments and know nothing of this. A pass over the cache costs a request a thousand segments; the
driver makes one in the background when the run has started to write, after every `STEP` of the budget that it has
written, and at its end.
"""

import logging
import threading
from collections.abc import Sequence

from reelmend.pipelines.engines.region_sizes import measured_size
from reelmend.pipelines.errors import ReelmendError
from reelmend.pipelines.media.sizes import with_side
from reelmend.pipelines.observe.observer import RunObserver
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.flow_cache.eviction import Limits, prune
from reelmend.pipelines.storage.flow_cache.journal import FlowJournal
from reelmend.pipelines.storage.flow_cache.keys import segment_key, segment_name
from reelmend.pipelines.storage.flow_cache.usage import FlowUse
from reelmend.pipelines.storage.ledger import ItemFacts, ItemRow
from reelmend.pipelines.tasks import Failure, Item, ItemPlan, ProbeReceipt, Receipt
from reelmend.pipelines.utils.units import readable_bytes

STEP = 0.05
"""Share of the budget; so much is kept free during a run for what it writes until the next pass."""

log = logging.getLogger(__name__)


class FlowCacheManager(RunObserver):
    """One a run; `change` is called from one thread, as the ledger's rows change."""

    def __init__(self, items: Sequence[Item], worker_context: WorkerContext) -> None:
        self._items = {item.id: item for item in items}
        self._worker_context = worker_context
        self._budget = worker_context.context.job.flow_cache.max_bytes
        store = worker_context.context.open_flow_store(worker_context.files.hasty)  # a record is a sign of life, too
        self._journal = FlowJournal(store, worker_context.context.run_id, worker_context.flow.digest)
        self._written = 0
        self._next_pass_at = 1
        self._pass: threading.Thread | None = None
        self._told = False
        self.evicted = FlowUse()
        """What this run removed so far."""

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        """Take note of an answer, before the tasks that follow from it are handed out."""
        if isinstance(answer, Receipt):
            self._written += answer.flow.bytes_written
        if isinstance(answer, ProbeReceipt) and answer.plan is not None:
            self._journal.need(row.id, self._names(answer.plan, answer.facts, self._items[row.id]))
        if row.state.ended:
            self._journal.done(row.id)
        if self._budget and self._written >= self._next_pass_at and not (self._pass and self._pass.is_alive()):
            self._plan_next_pass()
            target = round(self._budget * (1 - STEP))
            self._pass = threading.Thread(target=self._make_room, args=(target,), name="flow eviction", daemon=True)
            self._pass.start()

    def finish(self) -> None:
        """Make room once more, after everything has been done."""
        if self._pass is not None:
            self._pass.join()
            self._make_room(self._budget)

    def close(self) -> None:
        """Say that nothing is needed any more; also after an interrupt."""
        self._journal.close()

    def _plan_next_pass(self) -> None:
        self._next_pass_at = self._written + max(1, round(self._budget * STEP))

    def _make_room(self, max_bytes: int) -> None:
        """A cache that stays too large must not end a run."""
        try:
            self._journal.publish(all_used=True)  # what ended just now is needed no more
            pruned = prune(self._worker_context.flow_store, Limits(max_bytes), self._journal.let_go)
        except ReelmendError as exc:
            log.warning("could not prune the flow cache: %s", exc)
            return
        self.evicted += FlowUse(evicted=pruned.segments, evicted_bytes=pruned.bytes)
        if pruned.bytes_left > self._budget and not self._told:
            self._told = True
            left, needed = readable_bytes(pruned.bytes_left), readable_bytes(pruned.needed_bytes)
            budget = readable_bytes(self._budget)
            log.warning("the flow cache holds %s of flow_cache.max_bytes=%s: live runs need %s", left, budget, needed)

    def _names(self, plan: ItemPlan, facts: dict[str, str | int | float], item: Item) -> list[bytes]:
        """Return the segments that workers will ask for; `facts` are those of the probe."""
        known, job = ItemFacts.from_map(facts), with_side(self._worker_context.settings(item), plan.side)
        source, digest, flow = known.size, known.video_digest or "", self._worker_context.flow.digest
        sized = [(segment, measured_size(segment.region, source, job)) for segment in plan.segments]
        return [segment_name(segment_key(digest, segment, size, flow)) for segment, size in sized]
