"""What can a job say? One typed dataclass a section, one comment a field.

The YAML in `conf/` holds the same keys; `pipelines/job.py` merges defaults, preset, job file and dot-list overrides.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class EngineName(StrEnum):
    propagation = "propagation"


class Mode(StrEnum):
    inpaint = "inpaint"
    outpaint = "outpaint"


class Codec(StrEnum):
    h264 = "h264"
    h265 = "h265"
    ffv1 = "ffv1"
    prores = "prores"
    png = "png"


class ExecutorName(StrEnum):
    ray = "ray"
    inline = "inline"


@dataclass
class InputConfig:
    videos: list[str] = field(default_factory=list)
    """Container files, folders of images, or globs of either (`in/*.mp4`, `in/**/*.mov`)."""
    masks: str | None = None
    """Mask rule: one path for all videos, or a pattern with {stem}, {name} or {parent} (`masks/{stem}_mask.png`)."""
    manifest: str | None = None
    """Parquet, CSV or JSONL with columns video, mask and optionally output, frames, width, height, fps, overrides."""
    image_rate: float = 25.0
    """Frames a second of a video that is a folder of images, unless the manifest's fps says otherwise."""


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


@dataclass
class ProcessConfig:
    max_side: int = 1920
    """Longest side in pixels at which pixels are restored; larger videos are restored smaller and only the hole is
    enlarged again. 0: always the source's size."""


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
    """Frames of the grid on which a shot is computed; part of the result's identity."""
    overlap: int = 5
    """Frames by which a block reaches into each neighbour; there the two are cross-faded."""
    chunk_length: int = 160
    """Frames a worker takes at once, in whole blocks; changes the time, never the picture."""


@dataclass
class StitchConfig:
    codec: Codec = Codec.h264
    """h264 (mp4), h265 (mp4), ffv1 (mkv, lossless), prores (mov), png (a folder of images)."""
    crf: int = 16
    """Quality of h264 and h265: 0 (lossless) .. 51 (worst)."""
    speed: str = "medium"
    """x264/x265 preset, ultrafast .. veryslow: slower makes smaller files."""


@dataclass
class RunConfig:
    executor: ExecutorName = ExecutorName.ray
    """ray: a running cluster when RAY_ADDRESS names one, else one of its own; inline: in this process."""
    workers: int = 0
    """Inpainting workers. 0: as many as the machine or cluster has cores (or GPUs) for."""
    attempts: int = 3
    """Times an item's task is tried when the machine, not the data, is at fault."""
    active_items: int = 0
    """Items in work at once; bounds memory of the driver. 0: four a worker."""


@dataclass
class JobConfig:
    """A whole job."""

    name: str = "reelmend"
    """Name of the run in logs, ledger and report."""
    out: str = "out"
    """Folder of the outputs; the run keeps its own files in `_reelmend/` inside it."""
    engine: EngineName = EngineName.propagation
    """What fills the masked pixels. propagation: optical flow and propagation, no weights, runs on a CPU."""
    mode: Mode = Mode.inpaint
    """inpaint: fill the masked pixels. outpaint: enlarge the picture by the factors of `outpaint` and fill what is
    around it; a mask is optional."""
    input: InputConfig = field(default_factory=InputConfig)
    outpaint: OutpaintConfig = field(default_factory=OutpaintConfig)
    mask: MaskConfig = field(default_factory=MaskConfig)
    process: ProcessConfig = field(default_factory=ProcessConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    plan: PlanConfig = field(default_factory=PlanConfig)
    stitch: StitchConfig = field(default_factory=StitchConfig)
    run: RunConfig = field(default_factory=RunConfig)
