"""Worker context of a clip in memory: stages run on it as on a file, and nothing is written to a disk."""

from collections import OrderedDict
from pathlib import Path

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.registry import check_engine, find_weights
from reelmend.pipelines.media.arrays import ArrayMask
from reelmend.pipelines.stages.probe_record import ProbeRecord, Source
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import Store
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.stamp import Stamp
from reelmend.pipelines.tasks import Item, PlannedTask

MOST_FLOW_BYTES = 1 << 30
"""Of compressed flow kept between blocks, about the flow of 2 000 frames of 640x360; what is dropped is computed again
if another block needs it."""
_UNCHANGED = Stamp("in memory")


class MemoryStore(Store):
    """Store in memory; above `most_bytes` the least recently used values are dropped. 0: no limit."""

    def __init__(self, most_bytes: int = 0) -> None:
        super().__init__(Path("memory"), Files())
        self._most_bytes = most_bytes
        self._held = 0
        self._values: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.delete(key)
        self._values[key] = value
        self._held += len(value)
        while self._most_bytes and self._held > self._most_bytes and len(self._values) > 1:
            self.delete(next(iter(self._values)))

    def exists(self, key: str) -> bool:
        return key in self._values

    def delete(self, key: str) -> None:
        self._held -= len(self._values.pop(key, b""))


class MemoryContext(WorkerContext):
    """Context of one clip and its mask."""

    def __init__(self, job: JobConfig, mask: ArrayMask | None) -> None:
        """Raises SetupError or ConfigError where the engine cannot be used: its weights are missing, say."""
        weights = find_weights(job)
        check_engine(job, weights)
        super().__init__(RunContext("", job, weights))
        self.probed: ProbeRecord | None = None
        """What the probe found; stages read it from here."""
        self.take(mask)

    def take(self, mask: ArrayMask | None) -> None:
        """Begin another clip, or the same again: the engine is kept, and all that was computed is forgotten."""
        self.store, self.flow_store = MemoryStore(), MemoryStore(MOST_FLOW_BYTES)
        self.mask = mask
        self.probed = None
        self.forget()

    def record(self, task: PlannedTask) -> ProbeRecord:
        assert self.probed is not None, "the clip is probed before anything else is done with it"
        return self.probed

    def local(self, place: Location) -> Path:
        """Return the name of the array, which no stage opens."""
        assert isinstance(place, Path)
        return place

    def mask_of(self, item: Item, key: str = "") -> ArrayMask | None:
        return self.mask

    def stamp(self, place: Location) -> Stamp:
        """Arrays are the caller's, and stay as they are until the call returns."""
        return _UNCHANGED


def source_in_memory(name: Path) -> Source:
    """Return where and what an array is, for checks that it has not changed."""
    return Source(name, _UNCHANGED, f"{name} in memory")
