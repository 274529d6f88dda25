"""The settings of a job: one typed dataclass per section, one comment per field.

The YAML in `conf/` holds the same keys; `pipelines/job/load.py` merges defaults, preset, job file and dot-list overrides.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

AUTO_FLOW = "auto"
"""The flow method that an engine has by itself."""


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


class StillFrames(StrEnum):
    off = "off"
    equal = "equal"
    noise = "noise"


class WorkRegion(StrEnum):
    auto = "auto"
    frame = "frame"
    hole = "hole"


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
    """Mask pattern: one path for all videos, or a pattern with {stem}, {name} or {parent} (`masks/{stem}_mask.png`); or
    boxes and polygons, such as box:5%,80%,90%,15%."""
    manifest: str | None = None
    """Parquet, CSV or JSONL with columns video, mask and optionally output, range, frames, width, height, fps, overrides."""
    image_rate: str = "25"
    """Frames per second of a folder of images, unless the manifest gives fps: 25, 24000/1001, or 23.976, which means
    24000/1001."""
    allowed: list[str] = field(default_factory=list)
    """Folders and s3:// prefixes that every video and mask must be in, for untrusted manifests. Symbolic links are
    resolved first. Empty: anywhere."""


@dataclass
class LimitsConfig:
    pixels: int = 67_108_864
    """Maximum pixels per frame of videos and masks: 8192 x 8192. Checked from the header, before memory is
    allocated."""
    frames: int = 6_000_000
    """Maximum frames per item; the default is a day at 60 fps. 0: no limit."""
    duration_s: float = 604_800.0
    """Maximum duration of an item, in seconds. 0: no limit."""
    probe_s: float = 43_200.0
    """Time limit for reading an item's video and mask once (the probe), in seconds; then the item is quarantined."""
    task_s: float = 0.0
    """Time limit for any other task of an item (flow, inpaint, stitch), in seconds. 0: no limit."""
    still_s: float = 600.0
    """Seconds without progress (no frame read, computed or written, no CPU time) after which a task on Ray is
    considered hung: its process is ended and the task retried. A task that uses CPU gets ten times as long. 0: no
    limit."""
    look_s: float = 30.0
    """Time limit for reading a video's header or a mask before the run or in `plan`, in seconds; then the check is
    skipped, and the probe decides."""


@dataclass
class OutpaintConfig:
    scale_w: float = 1.0
    """Output width as a multiple of the source's displayed width (1.0..4.0). 1: unchanged."""
    scale_h: float = 1.0
    """Output height as a multiple of the source's displayed height (1.0..4.0). 1: unchanged."""


@dataclass
class MaskConfig:
    threshold: int = 127
    """Grey level above which a mask pixel counts as missing (0..254). The default ignores JPEG and video noise."""
    dilation: int = 4
    """Number of source pixels to grow the mask by, to cover the blurred edge of an object. 0: not at all."""
    numbered_from: int | None = None
    """Number of the first frame in the file names of a mask folder with fewer images than frames. 1 for images written
    by FFmpeg, often 1001 in a studio. None: 1 if the numbers start at 1 or reach the number of frames, else 0."""


@dataclass
class ProcessConfig:
    region: WorkRegion = WorkRegion.auto
    """What of a frame is worked on. hole: the surroundings of holes, several for holes far apart; frame: all of it, which
    takes longer and more memory; auto: hole, for every engine that can. Outpainting always works on the frame."""
    region_margin: int = 0
    """Pixels around a hole that are worked on with it, a multiple of 8; at least 40. 0: the engine's own (128 for
    propagation; for propainter 64 beside and 40 above and below, and at least half of the hole's shorter side)."""
    max_side: int = 1920
    """Longest side, in pixels, at which holes are restored; in larger videos the restored hole is scaled back up. Half
    the side is about four times faster. propainter applies it to the region, so that a logo in 4K is restored at the
    source's size. 0: always the source's size."""
    out_of_memory: OutOfMemory = OutOfMemory.fail
    """If a GPU cannot hold a block at this size: fail, or restore that block smaller (smaller; recorded in the
    ledger)."""
    still_frames: StillFrames = StillFrames.off
    """Restore runs of equal frames under equal masks once (pulldown, slides, animation on twos, frozen shots). off;
    equal: the same in every sample; noise: but for what looks like noise of coding, in every small tile."""


@dataclass
class FlowConfig:
    method: str = AUTO_FLOW
    """Method that measures optical flow. auto: the engine's own (dis for propagation, raft for propainter); raft: a
    network with weights, by the settings of `propainter`; dis: dense inverse search; farneback: polynomial expansion.
    The last two need no weights and no GPU."""
    max_side: int = 640
    """Longest side in pixels at which optical flow is computed and cached. 0: the processing size."""
    segment_length: int = 40
    """Pairs of adjacent frames per cached flow segment."""


@dataclass
class PlanConfig:
    shots: bool = True
    """Split videos at scene changes, so that nothing is carried across a cut."""
    shot_threshold: float = 3.0
    """How many times more the picture changes at a cut than around it; lower values find more cuts."""
    block_length: int = 80
    """Frames per block, the unit of restoration; changes the result. Engine propagation."""
    overlap: int = 5
    """Frames by which neighbouring blocks overlap; they are cross-faded there. Engine propagation."""
    chunk_length: int = 240
    """Frames per chunk, the unit of work of a worker, in whole blocks; changes the time, never the picture."""
    sample: int = 500
    """Maximum number of items that `reelmend plan` opens, drawn at random with a fixed seed; totals are estimated from
    them. Items whose frames and size are in the manifest need not be opened."""


@dataclass
class ProPainterConfig:
    raft: str = "raft-things"
    """Weights of the optical flow: a name that `reelmend weights list` shows, or a .pth or .safetensors file."""
    flow_completion: str = "recurrent_flow_completion"
    """Weights of the flow completion."""
    generator: str = "ProPainter"
    """Weights of the generator."""
    subvideo_length: int = 80
    """Frames per sub-video: longer shots are propagated and referenced in windows of this length; also the block."""
    neighbor_length: int = 10
    """Neighbouring frames completed together, minus one."""
    ref_stride: int = 10
    """Distance between reference frames, in frames."""
    raft_iterations: int = 20
    """Refinement iterations of the optical flow."""
    raft_stop_below: float = 0.0
    """RAFT stops refining when its updates are below this many pixels everywhere on average. The number of iterations is
    found once per flow segment, from the pair of frames that differ most. 0: always raft_iterations."""
    early_exit: bool = False
    """Skip the generator where propagation has left nothing to fill: windows keep what propagation brought, fitted to
    the rim of the hole."""
    precision: Any = "bf16"
    """Number format of RAFT's convolutions and the generator: fp32, bf16 or fp16 (GPUs only). Falls back to fp32. Or a
    mapping for the components raft, encoder, transformer and decoder; those that it leaves out are bf16."""
    tf32: bool = True
    """Allow TF32 on NVIDIA GPUs for the fp32 parts of RAFT and the generator."""
    attention: Attention = Attention.auto
    """auto: torch's fused kernels; math: an explicit, slower form, for comparison."""
    compile: Compile = Compile.auto
    """Compile the networks before the first chunk: auto (on GPUs only), on, off."""
    window_batch: int = 0
    """Generator windows computed at once. 0: as many as fit into the GPU's free memory; one on a CPU."""


@dataclass
class StitchConfig:
    codec: Codec = Codec.h264
    """h264 (mp4), h265 (mp4), ffv1 (mkv, lossless), prores (mov), png (a folder of images)."""
    crf: int = 16
    """Quality of h264 and h265: 0 (best; lossless for 8-bit h264 only) .. 51 (worst)."""
    speed: str = "medium"
    """x264/x265 preset, ultrafast .. veryslow: slower makes smaller files."""
    chroma: Chroma = Chroma.auto
    """Chroma resolution and bit depth of h264 and h265. auto: as the source, but 8-bit 4:2:0 for folders of images, so
    that every player can play them; source: always as the source; halved: always 8-bit 4:2:0."""
    sound: Sound = Sound.copy
    """copy: copy audio packets; audio that the container cannot hold is dropped, with a warning. convert: convert such
    audio to AAC."""


@dataclass
class QualityConfig:
    review_below: float = 0.5
    """Quality score (0..1) below which a restored item is marked for review. A new value recomputes nothing: the next
    run only updates the marks. 0: mark none."""


@dataclass
class RunConfig:
    executor: ExecutorName = ExecutorName.auto
    """ray: the cluster named by RAY_ADDRESS, else a local one; inline: in this process, without Ray; auto: inline for
    jobs that take a few seconds on a CPU, else ray."""
    workers: int = 0
    """Number of inpainting workers. 0: as many as the cores or GPUs allow."""
    attempts: int = 3
    """Attempts per item when the machine, not the data, is at fault. A machine that goes away does not count."""
    existing: Existing = Existing.aside
    """If a file exists where an output goes, and is not an unmodified result of this job: aside (move it to
    `_reelmend/replaced/`), refuse (quarantine the item, before any work) or overwrite."""
    active_items: int = 0
    """Maximum number of items in progress; bounds the memory of the driver. 0: four per worker."""
    active_bytes: int = 200_000_000_000
    """Maximum bytes of optical flow (estimated) that items in progress need in the store. Beyond it no further item is
    started, but one is always in progress. 0: no limit."""
    outage_s: float = 600.0
    """Seconds to wait for a store that is unavailable (no answer, or server errors); at most 60 if it has never
    answered. Then the run stops with exit status 75: run the same command again later."""
    stop_grace_s: float = 90.0
    """Seconds that tasks in progress get to finish after SIGTERM; no further task is started. A second signal stops at
    once."""


@dataclass
class PoolsConfig:
    inpaint_min: int = 0
    """Minimum number of inpainting workers, started ahead and kept while work may come."""
    inpaint_max: int = 0
    """Maximum number of inpainting workers, like `run.workers`. 0: as many as fit, including on machines that join
    later."""
    flow_min: int = 0
    """Minimum number of flow workers, where flow has its own pool (two or more GPUs)."""
    flow_max: int = 0
    """Maximum number of flow workers. 0: as many as the inpainting workers need."""
    grace_s: float = 60.0
    """Seconds after which an idle worker above the minimum is ended. One that blocks another pool is ended sooner."""
    start_timeout_s: float = 600.0
    """Seconds to wait for resources for a pool's first worker, if others hold them or an autoscaler may add them.
    Resources that no machine has are given up after 45."""
    autoscaling: bool = False
    """The cluster adds machines on demand: request `inpaint_max` workers, with their GPUs, even if no machine could
    hold them now."""


@dataclass
class CostConfig:
    rates: str | None = None
    """File of rates written by `reelmend bench rates`. None: `rates.yaml` beside the job file or in the current folder,
    else the built-in rates, which name the machine they were measured on."""
    machine: str | None = None
    """Part of the name of the machine whose rates to use. None: one with a GPU for engines made for GPUs."""
    price_per_gpu_hour: float = 0.0
    """Price of one GPU-hour, including the machine. 0: unknown, and no price is shown."""
    price_per_cpu_hour: float = 0.0
    """Price of one core-hour. 0: unknown, and no price is shown."""
    price_per_gb_month: float = 0.0
    """Price of storing one GB for a month, used by `reelmend cache stat`. 0: unknown."""
    currency: str = "USD"
    """Currency of the prices; printed, never converted."""
    pools: list[int] = field(default_factory=lambda: [1, 8, 64])
    """Numbers of GPUs (or cores, without GPUs) for which `reelmend plan` estimates the time."""


@dataclass
class StoreConfig:
    root: str | None = None
    """Folder or bucket prefix of intermediate results (flow, parts, ...). None: `_reelmend/store` in `out`."""
    flow: str | None = None
    """Folder or bucket prefix of the cached optical flow, to share it between runs. None: in `store.root`."""
    cache_dir: str | None = None
    """Local folder for copies of remote inputs and for outputs before upload, shared by the workers of a machine. None:
    `reelmend-cache-UID` in the folder for temporary files."""
    cache_bytes: int = 50_000_000_000
    """Maximum bytes of copies kept there; the least recently used are removed first. Must hold every worker's video and
    mask."""


@dataclass
class FlowCacheConfig:
    max_bytes: int = 0
    """Maximum bytes of cached optical flow; the least recently used is removed first, but never what a live run needs.
    Runs that share a cache should use the same value. 0: no limit."""


@dataclass
class S3Config:
    endpoint: str | None = None
    """URL of an S3-compatible store (MinIO, Ceph, R2). None: AWS_ENDPOINT_URL, else AWS."""
    region: str | None = None
    """Region of the buckets. None: AWS_DEFAULT_REGION or the AWS profile."""
    addressing: Addressing = Addressing.auto
    """Addressing style: auto, path (https://host/bucket) or virtual (https://bucket.host)."""
    ca_bundle: str | None = None
    """PEM file of the certificate authorities of the endpoint. None: the system's."""
    attempts: int = 6
    """Attempts per request, with increasing waits, before its task fails."""
    timeout_s: float = 60.0
    """Seconds without data after which a request is retried."""
    piece_bytes: int = 67_108_864
    """Size of the pieces in which larger outputs are uploaded, at least 5 MiB. Lower it for proxies with a size
    limit."""


@dataclass
class MetricsConfig:
    port: int = 0
    """Port that serves the run's metrics to Prometheus (http://host:port/metrics). 0: none."""
    host: str = "127.0.0.1"
    """Address that the port is opened on; 0.0.0.0: all addresses of the machine, for a remote scraper."""


@dataclass
class LogConfig:
    format: LogFormat = LogFormat.auto
    """text: for people; json: one object per line; auto: REELMEND_LOG_FORMAT, else text."""


@dataclass
class JobConfig:
    """The settings of a whole job."""

    name: str = "reelmend"
    """Name of the run in logs, ledger and report."""
    out: str = "out"
    """Output folder or bucket prefix; the run keeps its own files in `_reelmend/` inside it."""
    output: str | None = None
    """Name of the output file in `out`, for a job of one video; `out: folder/name.mp4` sets both. None: named after the
    video."""
    engine: str = "propagation"
    """Engine that fills the masked pixels. propagation: optical flow and propagation; needs no weights, runs on a CPU.
    propainter: neural networks, made for GPUs; `reelmend weights pull` fetches the weights. Or an engine that an
    installed package adds (`reelmend doctor` lists them)."""
    mode: Mode = Mode.inpaint
    """inpaint: fill the masked pixels. outpaint: extend the frame by the factors of `outpaint` and fill the new area;
    masks are optional."""
    frames: str | None = None
    """Range of each item to restore: START:STOP in frames or times, without the end (0:250, :3s, 1min:90s; quote it in
    YAML). Its output is named after it (`clip_0-250.mp4`) and equals the same frames of the whole. None: all frames."""
    preset: list[str] = field(default_factory=list)
    """Presets that are laid under this job, in order, later ones over earlier ones: names, and files of settings (.yaml)."""
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
