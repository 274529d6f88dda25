"""The engine `propainter`: RAFT, flow completion and a generator, with weights that the user fetches."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from reelmend.core_model.engine import Engine, FlowEstimator
from reelmend.core_model.regions import RegionRule
from reelmend.pipelines.config import JobConfig, ProPainterConfig
from reelmend.pipelines.engines.base import EngineSpec, Weights
from reelmend.pipelines.engines.blocks import Range, lay_subvideos, masked_ranges
from reelmend.pipelines.engines.device import device_of
from reelmend.pipelines.engines.precisions import by_component, precision_problems, precision_words
from reelmend.pipelines.engines.weights import load_network
from reelmend.pipelines.engines.work_count import WorkCount, count_subvideos
from reelmend.pipelines.tasks import Block, Chunk
from reelmend.pipelines.utils.hashing import digest_of

if TYPE_CHECKING:
    from torch import nn

    from reelmend.core_model.device.precision import Component, Execution, Precision
    from reelmend.core_model.propainter.options import RestoreOptions

_OFF = {"raft_stop_below": 0.0, "early_exit": False, "cuda_graphs": False}
_LEAST = {"subvideo_length": 2, "neighbor_length": 1, "ref_stride": 1, "raft_iterations": 1, "window_batch": 0}
"""By setting, the smallest value."""

_REGIONS = RegionRule(across_px=64, down_px=40, hole_share=0.5, grid_px=8, least_px=128, of_shot=True, own_size=True)
"""A window of the generator looks 5 tokens of 12 pixels to either side and 3 up and down; RAFT needs 128 pixels a side.
What is read for a block reaches far beyond it, and blocks are not cross-faded: so a shot's blocks share their regions."""


class ProPainter(EngineSpec[ProPainterConfig]):
    """Sub-videos from a shot's first frame on; what one reads of its surroundings follows from the masks."""

    name = "propainter"
    summary = "neural networks, made for GPUs; `reelmend weights pull` fetches the weights"
    section = ProPainterConfig
    wants_gpu = True
    weights = ("raft", "flow_completion", "generator")
    flow_weights = ("raft",)
    flow_method = "raft"
    without_effect = ("window_batch",)
    costs_by_hole = False
    repeats_still_frames = True
    in_regions = True
    region_rule = _REGIONS
    if_not_finite = "set propainter.precision=fp32, or check the weights"
    if_flow_is_slow = "set propainter.raft_iterations=12, lower flow.max_side, or share flow with store.flow"
    if_start_is_slow = "propainter.compile=off starts sooner and is slower afterwards"

    def find_problems(self, settings: ProPainterConfig) -> Iterator[tuple[str, str]]:
        for name, least in _LEAST.items():
            if getattr(settings, name) < least:
                yield name, f"{getattr(settings, name)} is below {least}"
        if not (math.isfinite(settings.raft_stop_below) and settings.raft_stop_below >= 0):
            yield "raft_stop_below", f"{settings.raft_stop_below} is not a length in pixels; use 0 to turn it off"
        for problem in precision_problems(settings.precision):
            yield "precision", problem

    def check_weights(self, weights: Weights) -> None:
        for network, file in weights.items():
            load_network(file, network)

    def build_flow(self, job: JobConfig, weights: Weights) -> FlowEstimator:
        from reelmend.core_model.flow.raft import RaftFlow
        from reelmend.core_model.networks.raft import Raft

        def load() -> Raft:
            return cast(Raft, _on_device(job, weights, "raft"))

        iterations, stop_below = job.propainter.raft_iterations, job.propainter.raft_stop_below
        return RaftFlow(load, weights["raft"].sha256[:16], iterations, _execution(job).of("raft"), stop_below)

    def build_engine(self, job: JobConfig, weights: Weights) -> Engine:
        from reelmend.core_model.networks.flow_completion import FlowCompletion
        from reelmend.core_model.networks.generator import InpaintGenerator
        from reelmend.core_model.propainter.engine import ProPainterEngine

        def load() -> tuple[FlowCompletion, InpaintGenerator]:
            completion, generator = (_on_device(job, weights, name) for name in ("flow_completion", "generator"))
            return cast(FlowCompletion, completion), cast(InpaintGenerator, generator)

        files = [weights[network].sha256 for network in ("flow_completion", "generator")]
        return ProPainterEngine(load, digest_of(files)[:16], _options(job))

    def lay_shots(self, job: JobConfig, shots: Sequence[Range], masked: Sequence[Range], frames: int) -> list[Block]:
        options = _options(job)
        return lay_subvideos(shots, masked_ranges(masked, frames), options.schedule, options.subvideo_length)

    def grid_settings(self, job: JobConfig) -> tuple[int, ...]:
        return ()  # the engine's digest holds the length of sub-videos

    def count_work(self, job: JobConfig, frames: int) -> WorkCount:
        lengths = {"chunk_length": job.plan.chunk_length, "segment_length": job.flow.segment_length}
        return count_subvideos(frames, length=job.propainter.subvideo_length, **lengths)

    def halo_share(self, job: JobConfig, chunks: Sequence[Chunk]) -> float:
        from reelmend.core_model.propainter.workload import extra_work

        blocks = [block for chunk in chunks for block in chunk.blocks]
        first, last = blocks[0].shot_start, blocks[0].shot_stop
        pieces = [(chunk.blocks[0].start - first, chunk.blocks[-1].stop - first) for chunk in chunks]
        return extra_work(_options(job).schedule(last - first), last - first, pieces)

    def precision(self, job: JobConfig) -> str:
        return precision_words(job.propainter.precision)

    def _effective(self, job: JobConfig) -> dict[str, Any] | None:
        """Without what is off: a job that does not use it costs what it did before there was such a setting."""
        settings = super()._effective(job) or {}
        return {name: value for name, value in settings.items() if name not in _OFF or value != _OFF[name]}


PROPAINTER = ProPainter()


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
        early_exit=chosen.early_exit,
        execution=_execution(job),
    )


def _execution(job: JobConfig) -> "Execution":
    from reelmend.core_model.device.precision import Execution

    chosen = job.propainter
    execution = Execution(
        attention=chosen.attention.value,
        tf32=chosen.tf32,
        compile=chosen.compile.value,
        cuda_graphs=chosen.cuda_graphs,
    )
    precisions = by_component(chosen.precision)
    if len(set(precisions.values())) == 1:
        return replace(execution, precision=precisions["raft"].value)
    components = tuple((name, word.value) for name, word in precisions.items())
    return replace(execution, components=cast("tuple[tuple[Component, Precision], ...]", components))


def _on_device(job: JobConfig, weights: Weights, network: str) -> "nn.Module":
    from reelmend.core_model.device.huge_pages import use_huge_pages
    from reelmend.core_model.device.memory_snapshot import SNAPSHOTS

    use_huge_pages()
    device = device_of(job)
    SNAPSHOTS.watch(device)
    return load_network(weights[network], network).to(device)
