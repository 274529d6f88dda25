"""Context of a worker: the run's context, the store, engines already built, and probe records."""

from collections.abc import Callable, Hashable
from copy import copy
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from reelmend.core_model.device.recovery import AS_ASKED, RecoveryStep
from reelmend.core_model.engine import Engine, FlowEstimator
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.recovery import settings_at
from reelmend.pipelines.engines.registry import build_engine, build_flow, engine_of, hybrid_of
from reelmend.pipelines.errors import SourceChanged, StoreError
from reelmend.pipelines.job.load import apply_overrides
from reelmend.pipelines.media.masks.expression import read_expression
from reelmend.pipelines.media.masks.made import MadeMask, unpack
from reelmend.pipelines.media.masks.reader import MaskInput
from reelmend.pipelines.media.sizes import with_side
from reelmend.pipelines.stages.model_clock import ModelClock
from reelmend.pipelines.stages.probe_record import ProbeRecord, Source
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.storage.artifacts import get_json, put_json
from reelmend.pipelines.storage.flow_cache.usage import FlowUse
from reelmend.pipelines.storage.input_cache import InputCache
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.stamp import NO_STAMP, Stamp, stamp_of
from reelmend.pipelines.tasks import Item, PlannedTask

T = TypeVar("T")


class TaskRecovery:
    """The step of recovery from errors of CUDA that the present task is at."""

    def __init__(self) -> None:
        self.step = AS_ASKED


class WorkerContext:
    """One a worker process. Engines are built when first asked for and kept; an item cannot choose its own."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.files = context.open_files()
        self.store = context.open_store(self.files)
        self.flow_store = context.open_flow_store(self.files)
        self.inputs = InputCache(context.cache_dir, context.job.store.cache_bytes, self.files)
        self.model_clock = ModelClock()
        self.side_that_fits: dict[tuple[int, int], int] = {}
        """By the size that a job asks for, the longest side at which the GPU could restore it; 0: at that size."""
        self.flow_use = FlowUse()
        """What the present task had from the flow cache so far."""
        self.recovery = TaskRecovery()
        """Shared by the contexts of a hybrid's engines."""
        self._recovered: tuple[RecoveryStep, Engine, FlowEstimator] | None = None
        self._last: tuple[Hashable, Any] | None = None
        self._record_of = lru_cache(maxsize=8)(self.find_record)
        self.made_mask = lru_cache(maxsize=2)(self._load_mask)
        self.settings = lru_cache(maxsize=64)(self._settings)

    @cached_property
    def engine(self) -> Engine:
        return build_engine(self.context.job, self.context.weights)

    @cached_property
    def flow(self) -> FlowEstimator:
        return build_flow(self.context.job, self.context.weights)

    @property
    def computing_engine(self) -> Engine:
        """The engine that restores for the present task; `engine` unless CUDA has failed on it before."""
        return self._recovering[1] if self.recovery.step.changes else self.engine

    @property
    def computing_flow(self) -> FlowEstimator:
        """The same for flow."""
        return self._recovering[2] if self.recovery.step.changes else self.flow

    @property
    def _recovering(self) -> tuple[RecoveryStep, Engine, FlowEstimator]:
        step = self.recovery.step
        if self._recovered is None or self._recovered[0] != step:
            self._recovered = None
            job, weights = settings_at(self.context.job, step), self.context.weights
            self._recovered = (step, build_engine(job, weights), build_flow(job, weights))
        return self._recovered

    @cached_property
    def fed(self) -> bool:
        """Whether blocks are read ahead and parts packed behind the engine: where that leaves cores free."""
        return engine_of(self.context.job).leaves_cores_free(self.context.job)

    @cached_property
    def pair(self) -> "tuple[WorkerContext, WorkerContext] | None":
        """For a hybrid engine, contexts of its two engines, with which blocks are restored; None for any other."""
        names = hybrid_of(self.context.job)
        return None if names is None else (self._of_engine(names[0]), self._of_engine(names[1]))

    @property
    def engine_names(self) -> tuple[str, ...]:
        """The job's engine, or the two that it is made of."""
        return hybrid_of(self.context.job) or (self.context.job.engine,)

    def _of_engine(self, name: str) -> "WorkerContext":
        """A context with another engine, that shares stores, inputs and probe records with this one."""
        other = copy(self)
        for made in ("engine", "flow", "pair", "fed"):
            other.__dict__.pop(made, None)
        other.context = replace(self.context, job=replace(self.context.job, engine=name))
        other.side_that_fits, other.flow_use, other._last, other._recovered = {}, FlowUse(), None, None
        other.settings = lru_cache(maxsize=64)(other._settings)
        return other

    def keep_last(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made for `key` if that was the last thing asked for, so that tasks can continue each other.

        One thing at a time: it may hold a block of frames.
        """
        if self._last is None or self._last[0] != key:
            self._last = None
            self._last = (key, make())
        kept: T = self._last[1]
        return kept

    def forget(self) -> None:
        """Let go of what `keep_last` has kept."""
        self._last = None

    def _settings(self, item: Item) -> JobConfig:
        """The job with the item's own overrides."""
        return apply_overrides(self.context.job, item.overrides)

    def planned_settings(self, task: PlannedTask) -> JobConfig:
        """The same, with the size that the item's plan has chosen."""
        return with_side(self.settings(task.item), task.plan.side)

    def local(self, place: Location) -> Path:
        """Return where a video or a mask can be read on this machine until the task ends. Raises SourceChanged."""
        path = self.inputs.path_of(place)
        if path is None:
            raise SourceChanged(f"{place}: no longer exists")
        return path

    def mask_of(self, item: Item, key: str = "") -> MaskInput | None:
        """Return the item's mask as it can be read until the task ends, None without one; `key` as its probe has made it.

        Raises SourceChanged, and StoreError when a made one is gone.
        """
        if key:
            return self.made_mask(key)
        if item.mask_expression:
            return read_expression(item.mask_expression).drawn
        return None if item.mask is None else self.local(item.mask)

    def _load_mask(self, key: str) -> MadeMask:
        blob = self.store.get(key)
        if blob is None:
            raise StoreError(f"the mask {key} is gone or damaged; run the same command again")
        return unpack(blob)

    def stamp(self, place: Location) -> Stamp:
        """Return that of what `local` gave, as it is now; of a copy, as the object was. Not known where it is gone."""
        parts = self.inputs.held(place) or self.files.parts_of(place)
        return NO_STAMP if parts is None else stamp_of(parts)

    def save_record(self, key: str, record: ProbeRecord) -> None:
        put_json(self.store, key, record.to_dict())

    def find_record(self, key: str) -> ProbeRecord | None:
        """The record under `key`, if it is there; its content may have been found under another path."""
        value = get_json(self.store, key)
        return None if value is None else ProbeRecord.from_dict(value)

    def record(self, task: PlannedTask) -> ProbeRecord:
        """The record that the task's plan was made from, with the video's path. Raises StoreError when it is gone."""
        plan, item = task.plan, task.item
        record = self._record_of(plan.probe_key)
        if record is None:
            self._record_of.cache_clear()
            raise StoreError(
                f"{item.video}: its probe record {plan.probe_key} is gone or damaged; run the same command again"
            )
        video = Source(item.video, plan.video_stamp, record.video_digest)
        place = None if record.mask_key else item.mask  # a made mask has taken what it needs of its file
        mask = None if place is None else Source(place, plan.mask_stamp, record.mask_digest)
        info = replace(record.info, path=self.local(item.video))
        return replace(record, info=info, sources=(video, mask))
