"""Metrics from a run's events: receipts and queues, all known in the driver."""

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from reelmend.pipelines.errors import PROCESS_LOST
from reelmend.pipelines.observe import metrics
from reelmend.pipelines.observe.metrics import Metrics, Sample, TaskOutcome
from reelmend.pipelines.observe.observer import RunObserver
from reelmend.pipelines.storage.ledger import ItemRow
from reelmend.pipelines.tasks import Failure, Receipt, Stage, Task

_MB = 2**20


class Queues(Protocol):
    """What a run's state says of its tasks; may be asked from any thread."""

    @property
    def in_work(self) -> Mapping[str, Task]: ...

    @property
    def workers(self) -> int:
        """That flow and inpaint."""
        ...

    @property
    def workers_apart(self) -> bool:
        """They compute on GPUs, so that probes and stitches take nothing from them."""
        ...

    @property
    def open_items(self) -> int: ...

    def ready(self, stage: Stage) -> int: ...


def in_work_by_stage(queues: Queues) -> Counter[Stage]:
    return Counter(task.stage for task in list(queues.in_work.values()))  # a copy at once: another thread may change it


class RunMetrics(RunObserver):
    """Counts what happens in one run."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self._metrics = Metrics()

    def answered(self, task: Task, answer: Receipt | Failure, *, again: bool) -> None:
        """A task came back. `again`: it will be tried once more."""
        stage, effort, add = str(task.stage), answer.effort, self._metrics.add
        add(metrics.TASKS, 1, stage, _outcome(answer))
        add(metrics.STAGE_SECONDS, answer.seconds, stage)
        add(metrics.BYTES_READ, effort.bytes_read, stage)
        add(metrics.OOM_STEPS, effort.memory_steps, stage)
        add(metrics.RETRIES, again, stage)
        if effort.device:
            self._metrics.put(metrics.GPU_USED, effort.device_used_mb * _MB, effort.device)
            self._metrics.put(metrics.GPU_RESERVED, effort.device_reserved_mb * _MB, effort.device)
        if effort.device and effort.device_load is not None:
            self._metrics.put(metrics.GPU_LOAD, effort.device_load, effort.device)
        if effort.rss_mb:
            self._metrics.put(metrics.RSS, effort.rss_mb * _MB, stage)
        if isinstance(answer, Receipt):
            self._succeeded(task, answer)

    def change(self, row: ItemRow, answer: Receipt | Failure | None) -> None:
        if row.state.ended:
            self._item_ended(row)

    def _item_ended(self, row: ItemRow) -> None:
        add, score = self._metrics.add, row.quality_score
        add(metrics.ITEMS, 1, metrics.FINISHED_EARLIER if row.reused else str(row.state))
        if score is None or row.reused:
            return
        add(metrics.TO_REVIEW, row.review)
        add(metrics.QUALITY_SUM, score)
        for label, bound in metrics.QUALITY_STEPS.items():
            add(metrics.QUALITY, score <= bound, label)

    def read(self) -> list[Sample]:
        """Return all figures as they are now; may be called from any thread."""
        in_work = in_work_by_stage(self._queues)
        for stage in Stage:
            self._metrics.put(metrics.TASKS_READY, self._queues.ready(stage), str(stage))
            self._metrics.put(metrics.TASKS_IN_WORK, in_work[stage], str(stage))
        self._metrics.put(metrics.WORKERS, self._queues.workers)
        self._metrics.put(metrics.ITEMS_OPEN, self._queues.open_items)
        return self._metrics.read()

    def _succeeded(self, task: Task, receipt: Receipt) -> None:
        stage, add = str(task.stage), self._metrics.add
        add(metrics.BYTES_WRITTEN, receipt.bytes_written, stage)
        if not receipt.reused:
            add(metrics.FRAMES, receipt.frames, stage)
        if task.stage is Stage.FLOW:
            add(metrics.FLOW_HITS if receipt.reused else metrics.FLOW_MISSES, 1)
        self._metrics.raise_to(metrics.RSS_PEAK, receipt.peak_rss_mb * _MB, stage)
        if receipt.effort.device:
            self._metrics.raise_to(metrics.GPU_PEAK, receipt.peak_device_mb * _MB, receipt.effort.device)


def _outcome(answer: Receipt | Failure) -> TaskOutcome:
    if isinstance(answer, Receipt):
        return TaskOutcome.REUSED if answer.reused else TaskOutcome.COMPUTED
    return TaskOutcome.LOST if answer.kind in PROCESS_LOST else TaskOutcome.FAILED
