"""Items, their plans, the tasks they become, and the answers to tasks.

Everything here is small, frozen and picklable: it travels between processes. Frames, flows and parts never do.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Literal

from reelmend.core_model.regions import Region
from reelmend.pipelines.storage.flow_cache.usage import FlowUse
from reelmend.pipelines.storage.location import Location
from reelmend.pipelines.storage.stamp import NO_STAMP, Stamp
from reelmend.pipelines.utils.redaction import redact


@dataclass(frozen=True, slots=True)  # a run may hold millions
class Item:
    """One video, its mask and its output, as the manifest or the globs say; nothing has been opened yet."""

    id: str
    """The output's path inside the run's folder, without suffix; unique in a run."""
    video: Location
    mask: Location | None
    """None: its `mask_expression` names no file, or nothing inside the picture is missing (outpainting)."""
    output: Location
    """Final place: a file, or a folder for the `png` codec."""
    frames: int | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    overrides: tuple[str, ...] = ()
    """Dot-list settings of this item only (`mask.dilation=8`)."""
    problem: str = ""
    """Why it is quarantined without a look at it; empty for nearly all."""
    mask_expression: str = ""
    """Words by which the mask is drawn or made (`box:5%,80%,90%,15%`, `text`); empty where `mask` is all of it."""

    @property
    def mask_name(self) -> str:
        """The mask as a person named it; empty without one."""
        return self.mask_expression or str(self.mask or "")


@dataclass(frozen=True)
class Segment:
    """A run of adjacent frame pairs [start, stop), cut by the video's flow grid; pair p joins frames p and p+1."""

    index: int
    """Unique in a plan."""
    start: int
    stop: int
    region: Region | None = None
    """What of the picture flow is measured on, in its own pixels; None: all of it."""
    on_demand: bool = False
    """Probably nobody reads it: no task measures it, but a worker that does need it."""
    moving: tuple[int, ...] | None = None
    """The pairs that show two pictures, if others repeat one; the flow of those is zero. None: all."""


@dataclass(frozen=True)
class Block:
    """Frames [start, stop) on a shot's grid, and what goes with them; all numbers are the video's frames."""

    start: int
    stop: int
    kept_start: int
    """[kept_start, kept_stop): what is restored; neighbours are cross-faded where they both do."""
    kept_stop: int
    seen_start: int
    """[seen_start, seen_stop): frames between which optical flow is needed."""
    seen_stop: int
    shot_start: int
    """[shot_start, shot_stop): nothing else is ever looked at."""
    shot_stop: int
    regions: tuple[Region, ...] = ()
    """The parts of the frame that it is computed on, in pixels of the output; none: the whole frame."""

    @property
    def places(self) -> tuple[Region | None, ...]:
        """What is computed one after the other: the regions, or None for the whole frame."""
        return self.regions or (None,)


@dataclass(frozen=True)
class Chunk:
    """A run of whole blocks that one worker takes at once, and the indices of the segments they read."""

    index: int
    blocks: tuple[Block, ...]
    segments: tuple[int, ...]

    @property
    def frames(self) -> int:
        return sum(block.stop - block.start for block in self.blocks)


@dataclass(frozen=True)
class ItemPlan:
    """What has to be computed for an item. `segments` and `chunks` without any masked frame are left out."""

    probe_key: str
    """Where in the store the probe's record (timestamps, shots, masked ranges) lies."""
    frames: int
    width: int
    height: int
    segments: tuple[Segment, ...]
    chunks: tuple[Chunk, ...]
    flow_bytes: int = 0
    """What the flow of its segments will take in the store, estimated."""
    video_stamp: Stamp = NO_STAMP
    mask_stamp: Stamp = NO_STAMP
    """Of the sources as the probe saw them."""
    side: int | None = None
    """Longest side in pixels that the item is restored at, where its own detail chose that; None: the job's."""


class Stage(StrEnum):
    PROBE = "probe"  # read what the file says, digest it, check the mask, plan
    FLOW = "flow"
    INPAINT = "inpaint"
    STITCH = "stitch"


class TraceDetail(StrEnum):
    """What the trace of a task holds besides operators and the time that they take."""

    SHAPES = "shapes"
    MEMORY = "memory"
    STACK = "stack"
    NVTX = "nvtx"  # instead of a trace: ranges for a profiler outside of the process


@dataclass(frozen=True)
class _Task:
    """What tasks of all stages have."""

    stage: ClassVar[Stage]
    item: Item
    traced: bool = field(default=False, kw_only=True)
    """The worker is to record what torch does meanwhile (`reelmend run --profile`)."""
    trace_details: tuple[TraceDetail, ...] = field(default=(), kw_only=True)
    """What it records in addition."""
    recovery: int = field(default=0, kw_only=True)
    """Number of its step in `reelmend.core_model.device.recovery.RECOVERY`; 0: CUDA has not failed on it."""

    @property
    def index(self) -> int:
        """Where on the item's grid of segments or chunks; 0 for a task of the whole item."""
        return 0

    @property
    def id(self) -> str:
        return f"{self.stage}:{self.item.id}"


@dataclass(frozen=True)
class ProbeTask(_Task):
    """Look at an item, and plan it."""

    stage = Stage.PROBE


@dataclass(frozen=True)
class FlowTask(_Task):
    """Measure the optical flow of a segment."""

    stage = Stage.FLOW
    plan: ItemPlan
    """Without segments and chunks: a long video has thousands of each, and this travels to a worker."""
    segment: Segment

    @property
    def index(self) -> int:
        return self.segment.index

    @property
    def id(self) -> str:
        return f"{self.stage}:{self.item.id}:{self.index}"


@dataclass(frozen=True)
class InpaintTask(_Task):
    """Restore a chunk."""

    stage = Stage.INPAINT
    plan: ItemPlan
    """With segments, and without chunks."""
    chunk: Chunk
    coming: Block | None = None
    """The item's first block after the chunk: probably this worker's next."""

    @property
    def index(self) -> int:
        return self.chunk.index

    @property
    def id(self) -> str:
        return f"{self.stage}:{self.item.id}:{self.index}"


@dataclass(frozen=True)
class StitchTask(_Task):
    """Join an item's parts and the source to its output."""

    stage = Stage.STITCH
    plan: ItemPlan
    """All of it: a part that is damaged is computed again."""


Task = ProbeTask | FlowTask | InpaintTask | StitchTask
"""One unit of work. What decides which comes next and who takes it looks at stage, item, index and id alone."""
PlannedTask = FlowTask | InpaintTask | StitchTask


@dataclass(frozen=True)
class Effort:
    """Where an attempt at a task took place, and what it took besides seconds."""

    worker: str = ""
    """`machine:process`."""
    began_at: float = 0.0
    """Seconds since the epoch, by the worker's clock."""
    bytes_read: int = 0
    """Of artefacts, and of inputs that were copied to the machine; what is on its disk is read in place."""
    memory_steps: int = 0
    """Number of times work was split or scaled down because memory was insufficient."""
    device: str = ""
    """`machine:GPU`; empty where the worker uses none."""
    device_used_mb: float = 0.0
    """Memory in use on that GPU afterwards, by any process."""
    device_reserved_mb: float = 0.0
    """Of that, what torch's allocator holds for this worker, used or not."""
    device_load: float | None = None
    """Share of the attempt's time in which the GPU computed, for any process, 0..1; None where NVML does not say."""
    rss_mb: float = 0.0
    """Main memory of the worker afterwards; 0 where the system does not say."""


@dataclass(frozen=True)
class _Receipt:
    """A task is done and what it made is in the store."""

    task_id: str
    reused: bool = False
    """The artefact was there already; nothing was computed."""
    seconds: float = 0.0
    model_seconds: float = 0.0
    """Of those, inside the flow estimator or the engine, without what they read."""
    cpu_seconds: float = 0.0
    """Of all threads of the worker: what it takes of the machine's cores, however busy these are."""
    frames: int = 0
    """Frames the task was about; of flow, pairs of frames."""
    bytes_written: int = 0
    flow: FlowUse = field(default_factory=FlowUse)
    """What the task had from the flow cache and gave to it."""
    peak_rss_mb: float = 0.0
    peak_device_mb: float = 0.0
    """Of the worker's GPU memory, so far; 0 without one."""
    effort: Effort = Effort()


@dataclass(frozen=True)
class _ItemReceipt(_Receipt):
    """Of a task of the whole item, which tells something about it."""

    note: str = ""
    """For a person: why an item was left untouched, what was repaired."""
    facts: dict[str, str | int | float] = field(default_factory=dict)
    """Figures for ledger and report (digests, sizes, codec, preview key)."""


@dataclass(frozen=True)
class ProbeReceipt(_ItemReceipt):
    """An item was looked at: it has a plan, or needs nothing more."""

    plan: ItemPlan | None = None
    """What to do next; None when the item has ended (see `final`)."""
    final: Literal["restored", "untouched"] | None = None
    """How it has: its output was finished already, or its mask is empty."""


@dataclass(frozen=True)
class FlowReceipt(_Receipt):
    """A segment's flow is in the cache; `frames` are pairs."""


@dataclass(frozen=True)
class InpaintReceipt(_Receipt):
    """A chunk's parts are in the store."""


@dataclass(frozen=True)
class StitchReceipt(_ItemReceipt):
    """An item is restored."""


Receipt = ProbeReceipt | FlowReceipt | InpaintReceipt | StitchReceipt
ItemReceipt = ProbeReceipt | StitchReceipt
RECEIPTS: dict[Stage, type[Receipt]] = {
    Stage.PROBE: ProbeReceipt,
    Stage.FLOW: FlowReceipt,
    Stage.INPAINT: InpaintReceipt,
    Stage.STITCH: StitchReceipt,
}
"""What answers a task of each stage."""


@dataclass(frozen=True)
class Failure:
    """A task did not succeed."""

    task_id: str
    kind: str
    """A `reelmend.pipelines.errors.FailureKind`, or the class name of an error that nobody expected."""
    reason: str
    """One line for a person."""
    transient: bool
    """The machine was at fault, not the data: worth another attempt."""
    seconds: float = 0.0
    trace: str = ""
    effort: Effort = Effort()
    by_item: bool = False
    """The item's data may have caused it: it says nothing about the machine, and never stops the run."""

    def __post_init__(self) -> None:
        """What is said here comes into logs, ledger and report, whoever found the words."""
        object.__setattr__(self, "reason", redact(self.reason))
        object.__setattr__(self, "trace", redact(self.trace))
