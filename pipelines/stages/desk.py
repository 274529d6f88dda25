"""What has a stage at hand? The run's context, the store, the engines already built, and what the probe recorded."""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from core_model.engine import Engine, FlowEstimator
from pipelines.config import EngineName, JobConfig
from pipelines.context import RunContext
from pipelines.engines import build_engine, build_flow
from pipelines.errors import StoreError
from pipelines.job import apply_overrides
from pipelines.masks import MaskSummary
from pipelines.media.info import VideoInfo
from pipelines.store import Store, get_json, put_json
from pipelines.tasks import Item, Task


@dataclass(frozen=True)
class ProbeRecord:
    """What a probe found; every later stage of the item reads it from the store."""

    info: VideoInfo
    video_digest: str
    mask_digest: str
    mask: MaskSummary
    shots: tuple[tuple[int, int], ...]

    @property
    def size(self) -> tuple[int, int]:
        return self.info.width, self.info.height

    def facts(self) -> dict[str, str | int | float]:
        """Figures for the ledger."""
        return {
            "frames": self.info.frames,
            "width": self.info.width,
            "height": self.info.height,
            "video_digest": self.video_digest,
            "mask_digest": self.mask_digest,
            "masked_fraction": self.mask.masked_fraction,
            "shots": len(self.shots),
        }

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "info": self.info.to_dict()}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "ProbeRecord":
        mask = {**value["mask"], "masked": _pairs(value["mask"]["masked"]), "box": tuple(value["mask"]["box"])}
        info = VideoInfo.from_dict(value["info"])
        return cls(**{**value, "info": info, "mask": MaskSummary(**mask), "shots": _pairs(value["shots"])})


def _pairs(ranges: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((start, stop) for start, stop in ranges)


class Desk:
    """One a worker process. Engines are built when first asked for and kept."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.store: Store = context.store
        self._engines: dict[EngineName, Engine] = {}
        self._flows: dict[EngineName, FlowEstimator] = {}
        self._record_of = lru_cache(maxsize=8)(self._load_record)
        self.settings = lru_cache(maxsize=64)(self._settings)

    def engine(self, job: JobConfig) -> Engine:
        if job.engine not in self._engines:
            self._engines[job.engine] = build_engine(job)
        return self._engines[job.engine]

    def flow(self, job: JobConfig) -> FlowEstimator:
        if job.engine not in self._flows:
            self._flows[job.engine] = build_flow(job)
        return self._flows[job.engine]

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
