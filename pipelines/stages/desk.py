"""What has a stage at hand? The run's context, the store, the engines already built, and what the probe recorded."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from core_model.engine import Engine, FlowEstimator
from pipelines.config import JobConfig
from pipelines.context import RunContext
from pipelines.engines import build_engine, build_flow
from pipelines.errors import StoreError
from pipelines.job import apply_overrides
from pipelines.stages.record import ProbeRecord
from pipelines.store import Store, get_json, put_json
from pipelines.tasks import Item, Task

T = TypeVar("T")


class Desk:
    """One a worker process. Engines are built when first asked for and kept; an item cannot choose its own."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.store: Store = context.store
        self.side_that_fits: dict[tuple[int, int], int] = {}
        """By the size that a job asks for, the longest side at which the GPU could restore it; 0: at that size."""
        self._last: tuple[Hashable, Any] | None = None
        self._record_of = lru_cache(maxsize=8)(self._load_record)
        self.settings = lru_cache(maxsize=64)(self._settings)

    @cached_property
    def engine(self) -> Engine:
        return build_engine(self.context.job, self.context.weights)

    @cached_property
    def flow(self) -> FlowEstimator:
        return build_flow(self.context.job, self.context.weights)

    def keep_last(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made for `key` if that was the last thing asked for, so that a task can go on from another.

        One thing at a time: it may hold a block of frames.
        """
        if self._last is None or self._last[0] != key:
            self._last = None
            self._last = (key, make())
        kept: T = self._last[1]
        return kept

    def _settings(self, item: Item) -> JobConfig:
        """The job with the item's own overrides."""
        return apply_overrides(self.context.job, item.overrides)

    def save_record(self, key: str, record: ProbeRecord) -> None:
        put_json(self.store, key, record.to_dict())

    def find_record(self, key: str, item: Item) -> ProbeRecord | None:
        """The record under `key`, if it is there; its content may have been found under another path."""
        value = get_json(self.store, key)
        if value is None:
            return None
        record = ProbeRecord.from_dict(value)
        return replace(record, info=replace(record.info, path=item.video))

    def record(self, task: Task) -> ProbeRecord:
        """The record that the task's plan was made from. Raises StoreError when it is gone."""
        assert task.plan is not None
        return self._record_of(task.plan.probe_key, task.item)

    def _load_record(self, key: str, item: Item) -> ProbeRecord:
        record = self.find_record(key, item)
        if record is None:
            raise StoreError(f"{item.video}: its probe record {key} is gone or damaged; run the same command again")
        return record
