"""The settings of a job: one typed dataclass per section, one comment per field.

The YAML in `conf/` holds the same keys; `pipelines/job/load.py` merges defaults, preset, job file and dot-list overrides.
"""

from dataclasses import dataclass, field
from typing import Any

from reelmend.pipelines.choices import (
    Addressing,
    Attention,
    Chroma,
    Codec,
    Compile,
    ExecutorName,
    Existing,
    LogFormat,
    Mode,
    NothingFound,
    OnGpuError,
    OutOfMemory,
    Sound,
    StillFrames,
    TextKind,
    TextShape,
    WorkRegion,
)

AUTO_FLOW = "auto"
"""The flow method that an engine has by itself."""


@dataclass
class InputConfig:
    videos: list[str] = field(default_factory=list)
    """Container files, folders of images, or globs of either (`in/*.mp4`, `s3://bucket/in/**/*.mov`)."""
    masks: str | None = None
    """Mask pattern: one path for all videos, or a pattern with {stem}, {name} or {parent} (`masks/{stem}_mask.png`); or
    a mask expression of boxes (box:5%,80%,90%,15%), polygons and sources (text, overlay, damage, track)."""
    manifest: str | None = None
    """Parquet, CSV or JSONL with columns video, mask and optionally output, range, frames, width, height, fps, overrides."""
    image_rate: str = "25"
    """Frames per second of a folder of images, unless the manifest gives fps: 25, 24000/1001, or 23.976, which means
    24000/1001."""
    allowed: list[str] = field(default_factory=list)
    """Folders and s3:// prefixes that may contain videos and masks, for untrusted manifests. Symbolic links are
    resolved first. Empty: no restriction."""


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
    """Time limit for reading an item's video and mask once (the probe), in seconds. An item that exceeds it is
    quarantined."""
    task_s: float = 0.0
    """Time limit for any other task of an item (flow, inpaint, stitch), in seconds. 0: no limit."""
    still_s: float = 600.0
    """Seconds without progress (no frame read, computed or written, no CPU time) after which a task on Ray is
    considered hung: its process is killed and the task retried. The limit is ten times as long for a task that uses CPU
    time. 0: no limit."""
    look_s: float = 30.0
    """Time limit for reading a video's header or a mask before the run or in `plan`, in seconds. A check that exceeds
    it is skipped, and the probe checks the item instead."""


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
    """Number of source pixels to grow the mask by, to cover the blurred edge of an object. 0: do not grow it."""
    numbered_from: int | None = None
    """Number of the first frame in the file names of a mask folder with fewer images than frames. FFmpeg starts at 1,
    studios often at 1001. None: 1 if the numbers start at 1 or reach the number of frames, else 0."""
    invert: bool = False
    """The mask marks what to keep: black pixels are missing."""
    label: int | None = None
    """Only pixels of exactly this level are missing, in label images (0..65535). None: pixels above the threshold."""
    persist: int = 0
    """Frames by which a mask is closed over time: a pixel that is masked before and after a gap of up to this many
    frames is masked in the gap as well. For masks that miss single frames, which would flash."""
    fade: int = 0
    """Frames by which a mask is extended before it appears and after it disappears, to cover fade-in and fade-out."""
    nothing_found: NothingFound = NothingFound.copy
    """An item in which a mask source finds nothing: copy (leave it untouched) or fail (quarantine it)."""
    strict: bool = False
    """Quarantine an item whose mask is doubtful, instead of restoring it with a note: nearly empty, over half of the
    picture, of another size, for fewer frames than the video has."""


@dataclass
class FindConfig:
    text: TextKind = TextKind.all
    """Text that the mask source `text` finds. all; captions: only text that stays in place while it is shown, not signs
    in the scene that move with the picture."""
    text_shape: TextShape = TextShape.strokes
    """Shape of the masks of text. strokes: the letters with their outline and shadow; lines: a box around each line."""
    damage_sensitivity: float = 0.5
    """Sensitivity of the mask source `damage`, 0..1: higher finds fainter dust and scratches, and more false ones."""


AUTO_SIDE = "auto"
"""What `process.max_side` says where each video's own detail decides."""


@dataclass
class ProcessConfig:
    region: WorkRegion = WorkRegion.auto
    """The part of each frame that is restored. hole: the surroundings of holes, with separate regions for distant holes;
    frame: the whole frame, which takes more time and memory; auto: hole, for every engine that supports it. Outpainting
    always uses the whole frame."""
    region_margin: int = 0
    """Margin around a hole, in pixels: a multiple of 8, at least 40. 0: the engine's default (128 for propagation; for
    propainter 64 at the sides and 40 above and below, and at least half of the hole's shorter side)."""
    max_side: int | str = 1920
    """Longest side, in pixels, at which holes are restored; in larger videos the restored hole is scaled back up. Half
    the value is about four times faster. propainter applies it to the region, so that a logo in 4K is restored at the
    source's size. 0: always the source's size; auto: chosen for each video, from the detail around its holes, between
    auto_least and auto_most."""
    auto_least: int = 480
    """Smallest side, in pixels, that max_side=auto chooses."""
    auto_most: int = 1920
    """Largest side, in pixels, that max_side=auto chooses. 0: the source's size."""
    out_of_memory: OutOfMemory = OutOfMemory.fail
    """If a block of this size does not fit into GPU memory: fail, or smaller (restore that block at a smaller size, and
    record it in the ledger)."""
    still_frames: StillFrames = StillFrames.off
    """Restore runs of equal frames under equal masks once (pulldown, slides, animation on twos, frozen shots). off;
    equal: the same in every sample; noise: but for what looks like noise of coding, in every small tile."""

    def __post_init__(self) -> None:
        if isinstance(self.max_side, str) and self.max_side.strip().isdecimal():  # of a variable, or a command line
            self.max_side = int(self.max_side)


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
    """Split videos at scene changes, so that no content is copied across a cut."""
    shot_threshold: float = 3.0
    """Ratio of the picture change at a cut to the change around it. Lower values detect more cuts."""
    block_length: int = 80
    """Frames per block, the unit of restoration. Affects the result. Used by engine=propagation."""
    overlap: int = 5
    """Frames by which neighbouring blocks overlap and are cross-faded. Used by engine=propagation."""
    chunk_length: int = 240
    """Frames per chunk, the unit of work of a worker, in whole blocks. Affects the run time, not the result."""
    sample: int = 500
    """Maximum number of items that `reelmend plan` opens, sampled at random with a fixed seed, to estimate totals. The
    limit applies separately to items with and without frames, width and height in the manifest."""


@dataclass
class ProPainterConfig:
    raft: str = "raft-things"
    """Weights of the optical flow: a name that `reelmend weights list` shows, or a .pth or .safetensors file."""
    flow_completion: str = "recurrent_flow_completion"
    """Weights of the flow completion."""
    generator: str = "ProPainter"
    """Weights of the generator."""
    subvideo_length: int = 80
    """Frames per sub-video: longer shots are processed in windows of this length. Also the length of a block."""
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
    """auto: PyTorch chooses among its fused kernels; flash, efficient, cudnn: that one, where the GPU has it (`reelmend
    doctor --gpu`), else auto; math: an explicit, slower implementation, for comparison. Changes rounding only."""
    compile: Compile = Compile.auto
    """Compile the networks: auto (on GPUs only), on, off. Before the first chunk where whole frames are restored; in
    regions, whose sizes only the masks say, with the first of each size."""
    cuda_graphs: bool = False
    """Launch parts that have one shape as CUDA graphs: RAFT's iterations, the encoder, the propagation of features. Takes
    GPU memory; has no effect on a CPU. Off by default: nobody has measured what it gains."""
    window_batch: int = 0
    """Generator windows computed at once. 0: as many as fit into the GPU's free memory; one on a CPU."""


@dataclass
class StitchConfig:
    codec: Codec = Codec.h264
    """h264 (mp4), h265 (mp4), ffv1 (mkv, lossless), prores (mov), png (a folder of images)."""
    crf: int = 16
    """Quality of h264 and h265: 0 (best; lossless for 8-bit h264 only) .. 51 (worst)."""
    speed: str = "medium"
    """x264/x265 preset, ultrafast .. veryslow. Slower presets produce smaller files."""
    chroma: Chroma = Chroma.auto
    """Chroma resolution and bit depth of h264 and h265. auto: same as the source, but 8-bit 4:2:0 for folders of
    images, so that every player can play the output; source: always the same as the source; halved: always 8-bit
    4:2:0."""
    sound: Sound = Sound.copy
    """copy: copy audio packets; audio that the container cannot hold is dropped, with a warning. convert: convert such
    audio to AAC."""


@dataclass
class QualityConfig:
    review_below: float = 0.5
    """Quality score (0..1) below which a restored item is marked for review. After a change, the next run updates the
    marks without recomputing anything, and engine auto refines what is now below it. 0: mark no items."""


@dataclass
class RefineConfig:
    below: float | None = None
    """Quality score (0..1) below which a block is restored again by the networks: engine auto, and `reelmend run
    --refine`. None: as quality.review_below."""
    keep: bool = False
    """Leave outputs as they are that engine auto made of the same drafts. `reelmend run --draft` sets it, so that its
    saved job resumes it."""


@dataclass
class RunConfig:
    executor: ExecutorName = ExecutorName.auto
    """ray: the cluster named by RAY_ADDRESS, else a local one; inline: in this process, without Ray; auto: inline for
    jobs that take a few seconds on a CPU, else ray."""
    workers: int = 0
    """Number of inpainting workers. 0: as many as the cores or GPUs allow."""
    attempts: int = 3
    """Maximum attempts per item for failures that the machine causes, not the data. A lost machine does not use up an
    attempt."""
    existing: Existing = Existing.aside
    """What to do if a file other than an unmodified result of this job exists at the path of an output: aside (move it
    to `_reelmend/replaced/`), refuse (quarantine the item, before any work) or overwrite."""
    active_items: int = 0
    """Maximum number of items in progress; limits the memory of the driver. 0: four per worker."""
    active_bytes: int = 200_000_000_000
    """Maximum bytes of optical flow (estimated) that items in progress need in the store. Above this, no further item
    is started, but at least one is always in progress. 0: no limit."""
    outage_s: float = 600.0
    """Seconds to wait for a store that is unavailable (no answer, or server errors); at most 60 if it has not answered
    since the run started. After that, the run stops with exit status 75: run the same command again later."""
    stop_grace_s: float = 90.0
    """Seconds that tasks in progress have to finish after SIGTERM; no further task is started. A second signal stops
    the run immediately."""


@dataclass
class PoolsConfig:
    inpaint_min: int = 0
    """Minimum number of inpainting workers. They start at the beginning of the run and stay while more work may
    arrive."""
    inpaint_max: int = 0
    """Maximum number of inpainting workers, like `run.workers`. 0: as many as fit, including on machines that join
    later."""
    flow_min: int = 0
    """Minimum number of flow workers, if flow has its own pool (two or more GPUs)."""
    flow_max: int = 0
    """Maximum number of flow workers. 0: as many as the inpainting workers need."""
    grace_s: float = 60.0
    """Idle timeout of a worker above the minimum, in seconds. A worker that blocks another pool is stopped sooner."""
    start_timeout_s: float = 600.0
    """Seconds to wait for the resources of a pool's first worker, if other jobs hold them or an autoscaler may add
    them. If no machine has such resources, the run stops after 45 s."""
    autoscaling: bool = False
    """Set to true if the cluster adds machines on demand: `inpaint_max` workers, with their GPUs, are requested even if
    no current machine can hold them."""


@dataclass
class CostConfig:
    rates: str | None = None
    """File of rates written by `reelmend bench rates`. None: `rates.yaml` next to the job file or in the current
    folder, else the built-in rates; `reelmend plan` shows which machine they were measured on."""
    machine: str | None = None
    """Part of the name of the machine whose rates to use. None: a machine with a GPU for engines that use GPUs."""
    refined: float = 0.2
    """Share of the blocks (0..1) that `reelmend plan` takes to be refined by engine auto: which ones is known when they
    are drafted."""
    price_per_gpu_hour: float = 0.0
    """Price of one GPU-hour, including the machine. 0: unknown, and no price is shown."""
    price_per_cpu_hour: float = 0.0
    """Price of one core-hour. 0: unknown, and no price is shown."""
    price_per_gb_month: float = 0.0
    """Price of storing one GB for a month, used by `reelmend cache stat`. 0: unknown."""
    currency: str = "USD"
    """Currency of the prices. It is only printed; prices are not converted."""
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
    """Maximum bytes of copies in `cache_dir`; the least recently used are removed first. Must be large enough for the
    video and mask of every worker on the machine."""


@dataclass
class FlowCacheConfig:
    max_bytes: int = 0
    """Maximum bytes of cached optical flow; the least recently used flow is removed first, but never flow that a live
    run needs. Runs that share a cache should use the same value. 0: no limit."""


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
    """Maximum attempts per request, with exponential backoff, before its task fails."""
    timeout_s: float = 60.0
    """Read timeout of a request, in seconds: without data for this long, the request is retried."""
    piece_bytes: int = 67_108_864
    """Part size of multipart uploads, in bytes; at least 5 MiB. Lower it if a proxy limits the request size."""


@dataclass
class MetricsConfig:
    port: int = 0
    """Port on which the run serves metrics for Prometheus (http://host:port/metrics). 0: no port."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0: all addresses of the machine, for a remote scraper."""


@dataclass
class LogConfig:
    format: LogFormat = LogFormat.auto
    """text: human-readable; json: one JSON object per line; auto: REELMEND_LOG_FORMAT, else text."""


@dataclass
class JobConfig:
    """The settings of a whole job."""

    name: str = "reelmend"
    """Name of the run in logs, ledger and report."""
    out: str = "out"
    """Output folder or bucket prefix. The run stores its own files in the subfolder `_reelmend/`."""
    output: str | None = None
    """Name of the output file in `out`, for a job with one video; `out: folder/name.mp4` sets both. None: named after
    the video."""
    engine: str = "propagation"
    """Engine that fills the masked pixels. propagation: optical flow and propagation; needs no weights, runs on a CPU.
    propainter: neural networks, for GPUs; `reelmend weights pull` downloads the weights. auto: propagation, and
    propainter for the blocks whose score is below refine.below. Or the name of an engine from an installed package
    (`reelmend doctor` lists them)."""
    device: str = "auto"
    """Device that networks compute on: auto (a GPU where torch can use one, else the CPU), cpu, cuda, cuda:N or mps. All
    but auto are that device or an error. cuda:N and mps are for runs in one process."""
    on_gpu_error: OnGpuError = OnGpuError.fail
    """What is left where CUDA fails on a task in every other way: fail (quarantine the item) or cpu (compute it there)."""
    mode: Mode = Mode.inpaint
    """inpaint: fill the masked pixels. outpaint: extend the frame by the factors of `outpaint` and fill the new area;
    masks are optional. masks: restore nothing, and write each video's mask (`reelmend mask make`)."""
    frames: str | None = None
    """Range of each item to restore: START:STOP in frames or times, STOP excluded (0:250, :3s, 1min:90s; quote it in
    YAML). The range is part of the output's name (`clip_0-250.mp4`). The frames are restored as in a run over the whole
    video. None: all frames."""
    preset: list[str] = field(default_factory=list)
    """Presets that are applied before this job's own settings, later ones overriding earlier ones: names, and files of
    settings (.yaml)."""
    input: InputConfig = field(default_factory=InputConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    outpaint: OutpaintConfig = field(default_factory=OutpaintConfig)
    mask: MaskConfig = field(default_factory=MaskConfig)
    find: FindConfig = field(default_factory=FindConfig)
    process: ProcessConfig = field(default_factory=ProcessConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    plan: PlanConfig = field(default_factory=PlanConfig)
    propainter: ProPainterConfig = field(default_factory=ProPainterConfig)
    stitch: StitchConfig = field(default_factory=StitchConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)
    refine: RefineConfig = field(default_factory=RefineConfig)
    run: RunConfig = field(default_factory=RunConfig)
    pools: PoolsConfig = field(default_factory=PoolsConfig)
    cost: CostConfig = field(default_factory=CostConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    flow_cache: FlowCacheConfig = field(default_factory=FlowCacheConfig)
    s3: S3Config = field(default_factory=S3Config)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    log: LogConfig = field(default_factory=LogConfig)
