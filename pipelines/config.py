"""What can a job say? One typed dataclass a section, one comment a field.

The YAML in `conf/` holds the same keys; `pipelines/job.py` merges defaults, preset, job file and dot-list overrides.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class EngineName(StrEnum):
    propagation = "propagation"
    propainter = "propainter"


class Precision(StrEnum):
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class Attention(StrEnum):
    auto = "auto"
    math = "math"


class Compile(StrEnum):
    auto = "auto"
    on = "on"
    off = "off"


class OutOfMemory(StrEnum):
    fail = "fail"
    smaller = "smaller"


class Mode(StrEnum):
    inpaint = "inpaint"
    outpaint = "outpaint"


class Codec(StrEnum):
    h264 = "h264"
    h265 = "h265"
    ffv1 = "ffv1"
    prores = "prores"
    png = "png"


class Chroma(StrEnum):
    auto = "auto"
    source = "source"
    halved = "halved"


class Sound(StrEnum):
    copy = "copy"
    convert = "convert"


class ExecutorName(StrEnum):
    auto = "auto"
    ray = "ray"
    inline = "inline"


class Existing(StrEnum):
    aside = "aside"
    refuse = "refuse"
    overwrite = "overwrite"


class Addressing(StrEnum):
    auto = "auto"
    path = "path"
    virtual = "virtual"


class LogFormat(StrEnum):
    auto = "auto"
    text = "text"
    json = "json"


@dataclass
class InputConfig:
    videos: list[str] = field(default_factory=list)
    """Container files, folders of images, or globs of either (`in/*.mp4`, `s3://bucket/in/**/*.mov`)."""
    masks: str | None = None
    """Mask rule: one path for all videos, or a pattern with {stem}, {name} or {parent} (`masks/{stem}_mask.png`)."""
    manifest: str | None = None
    """Parquet, CSV or JSONL with columns video, mask and optionally output, frames, width, height, fps, overrides."""
    image_rate: str = "25"
    """Frames a second of a video that is a folder of images, unless the manifest's fps says otherwise: 25, 24000/1001,
    or 23.976, which means 24000/1001."""
    allowed: list[str] = field(default_factory=list)
    """Folders and s3:// prefixes in which every video and mask has to lie, for manifests that others write. Links are
    followed first. Empty: anywhere."""


@dataclass
class LimitsConfig:
    pixels: int = 67_108_864
    """Pixels a frame, of videos and masks: 8192 x 8192. What a header promises is refused before memory is taken."""
    frames: int = 6_000_000
    """Frames an item, a day at 60 a second. 0: any number."""
    duration_s: float = 604_800.0
    """Seconds an item lasts. 0: any."""
    probe_s: float = 43_200.0
    """Seconds in which an item's video and mask have to be read once (the probe); then it is quarantined."""
    task_s: float = 0.0
    """Seconds that any other task of an item (flow, inpaint, stitch) may take. 0: any."""
    still_s: float = 600.0
    """Seconds that a task on Ray may neither compute nor read, measure or write a frame; then its process is taken to
    hang, is ended, and the task is tried again. One that computes gets ten times as long. 0: any."""
    look_s: float = 30.0
    """Seconds in which a video's header or a mask has to be read when a run or `plan` looks ahead; then the look is
    given up, and the item is left to its probe."""


@dataclass
class OutpaintConfig:
    scale_w: float = 1.0
    """Width of the output over that of the source (1.0..4.0), as the picture is shown; 1: as wide as the source."""
    scale_h: float = 1.0
    """Height of the output over that of the source (1.0..4.0), as the picture is shown; 1: as high as the source."""


@dataclass
class MaskConfig:
    threshold: int = 127
    """Grey level above which a mask pixel counts as missing (0..254); JPEG and video noise stays below the default."""
    dilation: int = 4
    """Pixels of the source by which the mask is grown, so that the object's blurred edge is covered (0: not at all)."""
    numbered_from: int | None = None
    """The number that the first frame has in the names of a mask folder with fewer images than frames. None: 1 where
    the numbers begin with 1, or reach the number of frames, else 0."""


@dataclass
class ProcessConfig:
    max_side: int = 1920
    """Longest side in pixels at which pixels are restored; larger videos are restored smaller and only the hole is
    enlarged again. 0: always the source's size."""
    out_of_memory: OutOfMemory = OutOfMemory.fail
    """When a GPU cannot hold a block at this size: fail, or restore that block smaller, which the ledger then says."""


@dataclass
class FlowConfig:
    max_side: int = 640
    """Longest side in pixels at which optical flow is computed and cached. 0: the processing size."""
    segment_length: int = 40
    """Adjacent frame pairs a cached flow segment holds."""


@dataclass
class PlanConfig:
    shots: bool = True
    """Cut the video at scene changes first, so that nothing is carried across a cut."""
    shot_threshold: float = 3.0
    """How many times the picture's change at a cut exceeds that of the frames around it; lower finds more cuts."""
    block_length: int = 80
    """Frames of the grid on which a shot is computed; part of the result's identity. Engine propagation."""
    overlap: int = 5
    """Frames by which a block reaches into each neighbour; there the two are cross-faded. Engine propagation."""
    chunk_length: int = 240
    """Frames a worker takes at once, in whole blocks; changes the time, never the picture."""
    sample: int = 500
    """Items that `reelmend plan` opens, drawn at random with a fixed seed where there are more; what it says of all is
    then estimated from them. Nothing is opened for frames and sizes that a manifest gives."""


@dataclass
class ProPainterConfig:
    raft: str = "raft-things"
    """Weights of the optical flow: a name that `reelmend weights list` shows, or a .pth or .safetensors file."""
    flow_completion: str = "recurrent_flow_completion"
    """Weights of the flow completion."""
    generator: str = "ProPainter"
    """Weights of the generator."""
    subvideo_length: int = 80
    """Frames of a shot beyond which flow, propagation and references are limited to a surrounding; its block."""
    neighbor_length: int = 10
    """Adjacent frames completed at once, less one."""
    ref_stride: int = 10
    """Frames from one reference frame to the next."""
    raft_iterations: int = 20
    """Refinements of the optical flow."""
    precision: Precision = Precision.bf16
    """Of RAFT's convolutions and the generator: fp32, bf16 or fp16 (GPUs only). fp32 where a device lacks it."""
    tf32: bool = True
    """Let NVIDIA GPUs multiply what stays fp32 in RAFT and the generator at 10 bits of fraction."""
    attention: Attention = Attention.auto
    """auto: torch's fused kernels; math: written out, slower, for comparison."""
    compile: Compile = Compile.auto
    """Compile the hot parts before the first chunk: auto (on GPUs), on, off."""
    window_batch: int = 0
    """Windows of the generator computed at once. 0: as many as the GPU's free memory holds, one on a CPU."""


@dataclass
class StitchConfig:
    codec: Codec = Codec.h264
    """h264 (mp4), h265 (mp4), ffv1 (mkv, lossless), prores (mov), png (a folder of images)."""
    crf: int = 16
    """Quality of h264 and h265: 0 (best; lossless for 8-bit h264 only) .. 51 (worst)."""
    speed: str = "medium"
    """x264/x265 preset, ultrafast .. veryslow: slower makes smaller files."""
    chroma: Chroma = Chroma.auto
    """Colours of h264 and h265. auto: as fine as the source's, of folders of images halved to 8-bit 4:2:0, which every
    player plays; source: as fine as the source's; halved: always 8-bit 4:2:0."""
    sound: Sound = Sound.copy
    """copy: the source's own packets; what the output's container cannot hold is left out, and said. convert: such
    sound becomes AAC."""


@dataclass
class QualityConfig:
    review_below: float = 0.5
    """Quality score (0..1) below which a restored item is marked for review; it counts as restored all the same.
    Changing it computes nothing: the next run marks anew what it finds finished. 0: none."""


@dataclass
class RunConfig:
    executor: ExecutorName = ExecutorName.auto
    """ray: a running cluster when RAY_ADDRESS names one, else one of its own; inline: in this process; auto: inline for
    what takes some seconds on a CPU, else ray."""
    workers: int = 0
    """Inpainting workers. 0: as many as the machine or cluster has cores (or GPUs) for."""
    attempts: int = 3
    """Times an item is tried when the machine, not the data, is at fault; a machine that goes away takes none."""
    existing: Existing = Existing.aside
    """What becomes of a file in an output's place that is not this job's own result, unchanged: aside (kept in
    `_reelmend/replaced/`), refuse (the item is quarantined, before any work) or overwrite."""
    active_items: int = 0
    """Items in work at once; bounds memory of the driver. 0: four a worker."""
    active_bytes: int = 200_000_000_000
    """Bytes of optical flow (estimated) that items in work may still need; what must lie in the store at once. Beyond
    it no new item is begun; one is always in work. 0: any number."""
    outage_s: float = 600.0
    """Seconds that a store may be away (no answer, or errors of the server) while the run waits for it; before it has
    answered once, 60 at most. Then the run stops with exit status 75: the same command, later."""
    stop_grace_s: float = 90.0
    """Seconds that tasks in work get to end after SIGTERM (a machine that is taken back); nothing new is begun. A
    second signal stops at once."""


@dataclass
class PoolsConfig:
    inpaint_min: int = 0
    """Inpainting workers that are kept as long as work may come, ready before it does."""
    inpaint_max: int = 0
    """Inpainting workers at most, as `run.workers`. 0: as many as the machines hold, also those that join later."""
    flow_min: int = 0
    """Flow workers that are kept, where flow has workers of its own (two GPUs and more)."""
    flow_max: int = 0
    """Flow workers at most. 0: what the inpainting workers need."""
    grace_s: float = 60.0
    """Seconds a worker above the minimum may be idle before it is ended. One that stands in another pool's way ends
    sooner."""
    start_timeout_s: float = 600.0
    """Seconds to wait for a place for a pool's first worker, while others hold it or an autoscaler may bring it. A
    place that no machine could give is given up after 45."""
    autoscaling: bool = False
    """The cluster brings machines for workers that wait: ask for `inpaint_max` of them, GPUs too, though no machine
    could hold them now."""


@dataclass
class CostConfig:
    rates: str | None = None
    """File of measured rates that `reelmend bench rates` writes. None: `rates.yaml` beside the job file or in the
    current folder, else those that come with reelmend and name the machine they were measured on."""
    machine: str | None = None
    """Part of the name of the machine whose rates count. None: one with a GPU for an engine that is made for GPUs."""
    price_per_gpu_hour: float = 0.0
    """Price of one GPU for an hour, with the machine around it. 0: not known, and no price is said."""
    price_per_cpu_hour: float = 0.0
    """Price of one processor core for an hour. 0: not known, and no price is said."""
    price_per_gb_month: float = 0.0
    """Price of keeping a GB in the store for a month, which `reelmend cache stat` says of the flow. 0: not known."""
    currency: str = "USD"
    """Of the prices; printed, never converted."""
    pools: list[int] = field(default_factory=lambda: [1, 8, 64])
    """Numbers of GPUs, or of cores without them, for which `reelmend plan` says how long the run takes."""


@dataclass
class StoreConfig:
    root: str | None = None
    """Folder or bucket's prefix of what is computed on the way (flow, parts, ...). None: `_reelmend/store` in `out`."""
    flow: str | None = None
    """Folder or bucket's prefix of the cached optical flow, so that several runs share it. None: with the rest."""
    cache_dir: str | None = None
    """Folder of a worker's machine for copies of remote inputs and for outputs before they are uploaded; workers of a
    machine share it. None: `reelmend-cache-UID` in the folder for temporary files."""
    cache_bytes: int = 50_000_000_000
    """Bytes of copies kept there; the least recently used ones go first. Every worker's video and mask have to fit."""


@dataclass
class FlowCacheConfig:
    max_bytes: int = 0
    """Bytes of cached optical flow that are kept; the least recently used go first, never what a live run needs. The
    runs that share a cache should agree on it. 0: no limit."""


@dataclass
class S3Config:
    endpoint: str | None = None
    """URL of a store that speaks S3 (MinIO, Ceph, R2). None: what AWS_ENDPOINT_URL says, else AWS."""
    region: str | None = None
    """Region of the buckets. None: what AWS_DEFAULT_REGION or the AWS profile says."""
    addressing: Addressing = Addressing.auto
    """Where a request names its bucket: auto, path (https://host/bucket) or virtual (https://bucket.host)."""
    ca_bundle: str | None = None
    """PEM file of the authorities that the endpoint's certificate is checked against. None: the usual ones."""
    attempts: int = 6
    """Times a request is tried, with longer and longer waits, before its task counts as failed."""
    timeout_s: float = 60.0
    """Seconds without a byte after which a request is given up and tried again."""
    piece_bytes: int = 67_108_864
    """Larger outputs are uploaded in pieces of this size, at least 5 MiB. A proxy may allow requests only so large."""


@dataclass
class MetricsConfig:
    port: int = 0
    """Port on which Prometheus reads the run's metrics while it lives (http://host:port/metrics). 0: none."""
    host: str = "127.0.0.1"
    """Address of the driver's machine that the port is opened on; 0.0.0.0: all of them, for a scraper elsewhere."""


@dataclass
class LogConfig:
    format: LogFormat = LogFormat.auto
    """auto: what REELMEND_LOG_FORMAT says, else text; text: for people; json: an object a line, for machines."""


@dataclass
class JobConfig:
    """A whole job."""

    name: str = "reelmend"
    """Name of the run in logs, ledger and report."""
    out: str = "out"
    """Folder or bucket's prefix of the outputs; the run keeps its own files in `_reelmend/` inside it."""
    engine: EngineName = EngineName.propagation
    """What fills the masked pixels. propagation: optical flow and propagation, no weights, runs on a CPU. propainter:
    networks, whose weights `reelmend weights pull` fetches; made for GPUs."""
    mode: Mode = Mode.inpaint
    """inpaint: fill the masked pixels. outpaint: enlarge the picture by the factors of `outpaint` and fill what is
    around it; a mask is optional."""
    input: InputConfig = field(default_factory=InputConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    outpaint: OutpaintConfig = field(default_factory=OutpaintConfig)
    mask: MaskConfig = field(default_factory=MaskConfig)
    process: ProcessConfig = field(default_factory=ProcessConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    plan: PlanConfig = field(default_factory=PlanConfig)
    propainter: ProPainterConfig = field(default_factory=ProPainterConfig)
    stitch: StitchConfig = field(default_factory=StitchConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)
    run: RunConfig = field(default_factory=RunConfig)
    pools: PoolsConfig = field(default_factory=PoolsConfig)
    cost: CostConfig = field(default_factory=CostConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    flow_cache: FlowCacheConfig = field(default_factory=FlowCacheConfig)
    s3: S3Config = field(default_factory=S3Config)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    log: LogConfig = field(default_factory=LogConfig)
