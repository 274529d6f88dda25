"""Engines and flow estimators by name, and how they divide a video: where a name becomes an object."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from reelmend.core_model.engine import Engine, FlowEstimator
from reelmend.pipelines.config import EngineName, JobConfig, Mode
from reelmend.pipelines.engines.blocks import Range, lay_blocks, lay_subvideos, masked_ranges
from reelmend.pipelines.engines.weights import WeightFile, find, load_network
from reelmend.pipelines.engines.work_count import WorkCount, count_equal_blocks, count_subvideos
from reelmend.pipelines.storage.ledger import WEIGHTS_FACT
from reelmend.pipelines.tasks import Block, Chunk
from reelmend.pipelines.utils.hashing import digest_of

if TYPE_CHECKING:
    from torch import nn

    from reelmend.core_model.device.precision import Execution
    from reelmend.core_model.propainter.options import RestoreOptions

Weights = Mapping[str, WeightFile]
"""The files that a job's networks are read from, by network."""


def wants_gpu(job: JobConfig) -> bool:
    """Whether the job's engine is made for GPUs; without one it works too, slowly."""
    return job.engine is EngineName.propainter


def uses_gpu(job: JobConfig) -> bool:
    """Whether this process computes the job's networks on a GPU."""
    if not wants_gpu(job):
        return False
    import torch  # it takes seconds, and who computes no network may never need it

    return torch.cuda.is_available()


def works_in_regions(job: JobConfig) -> bool:
    """Whether the job's engine is given the surroundings of holes only, instead of whole frames.

    Outpainting has no region: its hole surrounds the picture.
    """
    return job.engine is EngineName.propagation and job.mode is Mode.inpaint


def reads_all_flow(job: JobConfig) -> bool:
    """Whether the job's engine reads flow also where the camera stands still."""
    return job.engine is not EngineName.propagation


def find_weights(job: JobConfig) -> dict[str, WeightFile]:
    """Return the files that the job's engine needs. Raises SetupError or ConfigError where one is missing or wrong."""
    match job.engine:
        case EngineName.propagation:
            return {}
        case EngineName.propainter:
            named = job.propainter
            chosen = {"raft": named.raft, "flow_completion": named.flow_completion, "generator": named.generator}
            return {network: find(reference, network) for network, reference in chosen.items()}


def weights_facts(weights: Weights) -> dict[str, str | int | float]:
    """Return what an output's record says of the files that made it: name, digest and licence of each."""
    return {
        f"{WEIGHTS_FACT}{network}": f"{file.name} sha256:{file.sha256} (licence: {file.licence})"
        for network, file in weights.items()
    }


def check_weights(weights: Weights) -> None:
    """Read every file once. Raises SetupError for one that does not hold what its network needs."""
    for network, file in weights.items():
        load_network(file, network)


def build_flow(job: JobConfig, weights: Weights) -> FlowEstimator:
    """Return the flow estimator of the job's engine; weights are read when it is first used or warmed."""
    match job.engine:
        case EngineName.propagation:
            from reelmend.core_model.flow.dis import DisFlow

            return DisFlow()
        case EngineName.propainter:
            from reelmend.core_model.flow.raft import RaftFlow
            from reelmend.core_model.networks.raft import Raft

            def load() -> Raft:
                return cast(Raft, _on_device(weights, "raft"))

            return RaftFlow(load, weights["raft"].sha256[:16], job.propainter.raft_iterations, _execution(job))


def build_engine(job: JobConfig, weights: Weights) -> Engine:
    """Return the job's engine; weights are read when it is first used or warmed."""
    match job.engine:
        case EngineName.propagation:
            from reelmend.core_model.propagation.engine import PropagationEngine

            return PropagationEngine()
        case EngineName.propainter:
            from reelmend.core_model.networks.flow_completion import FlowCompletion
            from reelmend.core_model.networks.generator import InpaintGenerator
            from reelmend.core_model.propainter.engine import ProPainterEngine

            def load() -> tuple[FlowCompletion, InpaintGenerator]:
                completion, generator = (_on_device(weights, name) for name in ("flow_completion", "generator"))
                return cast(FlowCompletion, completion), cast(InpaintGenerator, generator)

            files = [weights[network].sha256 for network in ("flow_completion", "generator")]
            return ProPainterEngine(load, digest_of(files)[:16], _options(job))


def lay_shots(job: JobConfig, shots: Sequence[Range], masked: Sequence[Range], frames: int) -> list[Block]:
    """Cut shots into the blocks that the job's engine computes."""
    match job.engine:
        case EngineName.propagation:
            from reelmend.core_model.propagation.engine import HALO_FRAMES

            plan = job.plan
            return lay_blocks(shots, block_length=plan.block_length, overlap=plan.overlap, halo=HALO_FRAMES)
        case EngineName.propainter:
            options = _options(job)
            return lay_subvideos(shots, masked_ranges(masked, frames), options.schedule, options.subvideo_length)


def count_work(job: JobConfig, frames: int) -> WorkCount:
    """Count what the job makes of one shot of so many frames that is masked throughout."""
    lengths = {"chunk_length": job.plan.chunk_length, "segment_length": job.flow.segment_length}
    match job.engine:
        case EngineName.propagation:
            from reelmend.core_model.propagation.engine import HALO_FRAMES

            reach = job.plan.overlap + HALO_FRAMES
            return count_equal_blocks(frames, block_length=job.plan.block_length, reach=reach, **lengths)
        case EngineName.propainter:
            return count_subvideos(frames, length=job.propainter.subvideo_length, **lengths)


def speed_digest(job: JobConfig) -> str:
    """Name what the engine's speed depends on besides the machine and the size of the pictures: not its weights."""
    match job.engine:
        case EngineName.propagation:
            return digest_of("propagation", 1)[:12]
        case EngineName.propainter:
            of_no_effect = ("raft", "flow_completion", "generator", "window_batch")
            settings = {name: value for name, value in asdict(job.propainter).items() if name not in of_no_effect}
            return digest_of("propainter", 1, settings)[:12]


def halo_share(job: JobConfig, chunks: Sequence[Chunk]) -> float:
    """Return the share of work that blocks' surroundings add to a shot that is masked throughout.

    That is when every chunk has its own worker; one that continues with the next chunk saves what it can.
    """
    blocks = [block for chunk in chunks for block in chunk.blocks]
    if not blocks:
        return 0.0
    match job.engine:
        case EngineName.propagation:
            own = sum(block.stop - block.start for block in blocks)
            return sum(block.seen_stop - block.seen_start for block in blocks) / own - 1
        case EngineName.propainter:
            from reelmend.core_model.propainter.workload import extra_work

            first, last = blocks[0].shot_start, blocks[0].shot_stop
            pieces = [(chunk.blocks[0].start - first, chunk.blocks[-1].stop - first) for chunk in chunks]
            return extra_work(_options(job).schedule(last - first), last - first, pieces)


def grid_settings(job: JobConfig) -> tuple[int, ...]:
    """Return the settings that fix where a shot is cut, as far as the engine's digest does not hold them."""
    return (job.plan.block_length, job.plan.overlap) if job.engine is EngineName.propagation else ()


def _options(job: JobConfig) -> "RestoreOptions":
    from reelmend.core_model.propainter.options import RestoreOptions

    chosen = job.propainter
    return RestoreOptions(
        mask_dilation=0,  # the job's own dilation is done when masks are read, at the source's size
        ref_stride=chosen.ref_stride,
        neighbor_length=chosen.neighbor_length,
        subvideo_length=chosen.subvideo_length,
        raft_iterations=chosen.raft_iterations,
        window_batch=chosen.window_batch,
        execution=_execution(job),
    )


def _execution(job: JobConfig) -> "Execution":
    from reelmend.core_model.device.precision import Execution

    chosen = job.propainter
    return Execution(
        attention=chosen.attention.value,
        precision=chosen.precision.value,
        tf32=chosen.tf32,
        compile=chosen.compile.value,
    )


def _on_device(weights: Weights, network: str) -> "nn.Module":
    import torch

    from reelmend.core_model.device.huge_pages import use_huge_pages

    use_huge_pages()
    return load_network(weights[network], network).to("cuda" if torch.cuda.is_available() else "cpu")
