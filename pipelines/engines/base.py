"""Engine specification: everything that reelmend asks of an engine besides its pixels, in one object."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar, cast

from reelmend.core_model.engine import Engine, FlowEstimator
from reelmend.core_model.regions import BY_BLOCK, RegionRule
from reelmend.pipelines.config import AUTO_FLOW, JobConfig
from reelmend.pipelines.engines.blocks import Range, lay_blocks
from reelmend.pipelines.engines.weights import WeightFile, find
from reelmend.pipelines.engines.work_count import WorkCount, count_equal_blocks
from reelmend.pipelines.tasks import Block, Chunk
from reelmend.pipelines.utils.hashing import digest_of

Weights = Mapping[str, WeightFile]
"""The files that a job's networks are read from, by network."""
Settings = TypeVar("Settings")
"""The dataclass of an engine's own settings; None for an engine without."""


class FlowReading(StrEnum):
    """Where an engine reads the flow of a shot: the rest is not computed ahead."""

    ALL = "all"
    MOVING = "moving"
    """Where the camera moves, by a hint."""
    NONE = "none"


class EngineSpec(Generic[Settings]):
    """One engine. A subclass sets `name`, writes `build_engine`, and overrides what differs from the defaults here.

    The driver calls everything but `build_flow` and `build_engine`: import torch and the like inside methods.
    """

    name: str
    """What a job file says as `engine`, and the name of the section of its own settings."""
    summary: str = ""
    """One line for `reelmend doctor`."""
    section: type[Any] | None = None
    """Dataclass of its own settings, if it has any: text, numbers, truth values, StrEnums, lists, each with a default."""
    version: int = 1
    """Raise it when the same settings give other pixels, see `settings_digest`."""
    wants_gpu: bool = False
    """Made for GPUs: its workers get one where there is one. It must work without, however slowly."""
    in_regions: bool = False
    """It is given the surroundings of holes only, instead of whole frames."""
    repeats_still_frames: bool = False
    """It is given one frame of each run of equal ones, if the job asks for that (`process.still_frames`)."""
    region_rule: RegionRule = BY_BLOCK
    """How these are laid."""
    reads_flow: FlowReading = FlowReading.ALL
    """Flow that it reads elsewhere is computed then, by the worker that restores."""
    weights: tuple[str, ...] = ()
    """Settings that name a file of weights; also the names of the networks."""
    flow_weights: tuple[str, ...] = ()
    """Those of `weights` that only `build_flow` reads: not needed with a flow method of another name."""
    flow_method: str = ""
    """Name of the flow method that `build_flow` builds, see `flow_methods`; empty: none of these."""
    without_effect: tuple[str, ...] = ()
    """Settings that change neither the picture nor what a frame costs; not part of `settings_digest`."""
    costs_by_hole: bool = True
    """Its time depends on the number of missing pixels too, not on the frames' size alone."""
    hybrid_of: tuple[str, str] | None = None
    """Names of two engines, where it is made of them: the first restores every block, and the second those again whose
    score is below `refine.below`. Shots are cut as by the first; `build_engine` is not called."""
    if_not_finite: str = "check the settings of the engine"
    """What to do when numbers overflow."""
    if_flow_is_slow: str = ""
    """What to do when optical flow is the bottleneck, if that differs from other engines."""
    if_start_is_slow: str = ""
    """What to do when the first chunk starts late."""

    def settings(self, job: JobConfig) -> Settings:
        """Return the engine's section of the job; its defaults where the job was made without it."""
        default = None if self.section is None else self.section()
        return cast(Settings, getattr(job, self.name, default))

    def find_problems(self, settings: Settings) -> Iterator[tuple[str, str]]:
        """Yield (setting, what is wrong with it) for what types cannot express."""
        return iter(())

    def find_weights(self, job: JobConfig) -> dict[str, WeightFile]:
        """Return the files that it needs. Raises SetupError or ConfigError where one is missing or wrong."""
        own_flow = job.flow.method in (AUTO_FLOW, self.flow_method)
        needed = [network for network in self.weights if own_flow or network not in self.flow_weights]
        return {network: find(getattr(self.settings(job), network), network) for network in needed}

    def check_weights(self, weights: Weights) -> None:
        """Read every file once, before the run. Raises SetupError for one that does not hold what it should."""

    def build_flow(self, job: JobConfig, weights: Weights) -> FlowEstimator:
        """Return the flow estimator; weights are read when it is first used or warmed."""
        from reelmend.core_model.flow.dis import DisFlow

        return DisFlow()

    def build_engine(self, job: JobConfig, weights: Weights) -> Engine:
        """Return the engine; weights are read when it is first used or warmed. Its digest must begin with `name`."""
        raise NotImplementedError

    def halo_frames(self, job: JobConfig) -> int:
        """Return how many frames before and after a frame may have an effect on it."""
        return 0

    def lay_shots(self, job: JobConfig, shots: Sequence[Range], masked: Sequence[Range], frames: int) -> list[Block]:
        """Cut shots into the blocks that the engine restores; here blocks of equal length, cross-faded."""
        halo = self.halo_frames(job)
        return lay_blocks(shots, block_length=job.plan.block_length, overlap=job.plan.overlap, halo=halo)

    def grid_settings(self, job: JobConfig) -> tuple[int, ...]:
        """Return the settings that fix where a shot is cut, as far as the engine's digest does not hold them."""
        return job.plan.block_length, job.plan.overlap

    def count_work(self, job: JobConfig, frames: int) -> WorkCount:
        """Count what `lay_shots` makes of one shot of so many frames that is masked throughout, without making it."""
        reach, plan = job.plan.overlap + self.halo_frames(job), job.plan
        lengths = {"chunk_length": plan.chunk_length, "segment_length": job.flow.segment_length}
        work = count_equal_blocks(frames, block_length=plan.block_length, reach=reach, **lengths)
        return replace(work, segments=0) if self.reads_flow is FlowReading.NONE else work

    def halo_share(self, job: JobConfig, chunks: Sequence[Chunk]) -> float:
        """Return the share of work that blocks' surroundings add, when every chunk has its own worker."""
        blocks = [block for chunk in chunks for block in chunk.blocks]
        own = sum(block.stop - block.start for block in blocks)
        return sum(block.seen_stop - block.seen_start for block in blocks) / own - 1

    def speed_digest(self, job: JobConfig) -> str:
        """Name what its speed depends on besides the machine and the size of the pictures: not its weights."""
        settings = self._effective(job)
        return digest_of(self.name, 1, *([] if settings is None else [settings]))[:12]

    def leaves_cores_free(self, job: JobConfig) -> bool:
        """Return whether this process's cores have little to do while the engine computes, as with one on a GPU.

        Then a thread decodes the next block meanwhile, and another one packs the last one's part. Asked by workers only.
        """
        if not self.wants_gpu or job.device == "cpu":
            return False
        from reelmend.core_model.device.choice import choose_device  # torch takes seconds to import

        return choose_device(job.device).type != "cpu"

    def precision(self, job: JobConfig) -> str:
        """Return the number format of its networks, empty where it has none."""
        return ""

    def settings_digest(self, job: JobConfig, weights: Weights) -> str:
        """Return a digest for the built engine: its name, `version`, settings and weights. Other code it names itself."""
        files = {network: file.sha256 for network, file in weights.items()}
        return f"{self.name}-{self.version}-{digest_of(self._effective(job), files)[:16]}"

    def _effective(self, job: JobConfig) -> dict[str, Any] | None:
        if self.section is None:
            return None
        left_out = (*self.weights, *self.without_effect)
        return {name: value for name, value in asdict(cast(Any, self.settings(job))).items() if name not in left_out}
