"""Registry of engines: those that come with reelmend, those of installed packages, those registered by a program."""

import difflib
from collections.abc import Iterator, Sequence
from functools import cache
from typing import cast

from reelmend.core_model.engine import Engine, FlowEstimator
from reelmend.pipelines.choices import ExecutorName, Mode, StillFrames, WorkRegion
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.auto import AUTO
from reelmend.pipelines.engines.base import EngineSpec, FlowReading, Weights
from reelmend.pipelines.engines.blocks import Range
from reelmend.pipelines.engines.flow_method import FlowMethod
from reelmend.pipelines.engines.flow_registry import chosen_method, flow_methods, registered_here
from reelmend.pipelines.engines.plugins import BrokenPlugin, Plugins, Spec, built, load_plugins, problem_of
from reelmend.pipelines.engines.propagation import PROPAGATION
from reelmend.pipelines.engines.propainter import PROPAINTER
from reelmend.pipelines.engines.weights import WeightFile
from reelmend.pipelines.engines.work_count import WorkCount
from reelmend.pipelines.errors import ConfigError, SetupError
from reelmend.pipelines.storage.ledger import WEIGHTS_FACT
from reelmend.pipelines.tasks import Block, Chunk
from reelmend.pipelines.utils.hashing import digest_of

_BUILT_IN: dict[str, Spec] = {spec.name: spec for spec in (PROPAGATION, PROPAINTER, AUTO)}
DEFAULT = PROPAGATION
"""Runs on any machine."""
HYBRID = AUTO
"""Refines what `DEFAULT` makes."""
_registered: dict[str, Spec] = {}
"""By a program, in this process only."""


@cache
def _plugins() -> Plugins:
    return load_plugins(_BUILT_IN)


def engine_specs() -> dict[str, Spec]:
    """Return all engines by name: those of reelmend first."""
    return {**_BUILT_IN, **_plugins().specs, **_registered}


def find_spec(name: str) -> Spec | None:
    """Return the engine of that name, None where it is not installed."""
    return _BUILT_IN.get(name) or engine_specs().get(name)


def broken_plugins() -> tuple[BrokenPlugin, ...]:
    """Return the installed plug-ins that cannot be used."""
    return _plugins().broken


def origin_of(name: str) -> str:
    """Return where an engine comes from: the package and its version, say."""
    if name in _registered:
        return "registered in this process"
    return _plugins().packages.get(name, "reelmend") if name not in _BUILT_IN else "reelmend"


def register_engine(spec: Spec) -> None:
    """Add an engine to this process; registering one of the same name again replaces it.

    Workers on Ray are other processes: an engine for them is a package with the entry point `reelmend.engines`. Raises
    ConfigError for a specification that cannot be used, or whose name is that of an installed engine.
    """
    if not isinstance(spec, EngineSpec):
        raise ConfigError(f"register_engine: {spec!r} is not an object of an EngineSpec class")
    wrong = problem_of(spec)
    if spec.name in {**_BUILT_IN, **_plugins().specs}:
        wrong = f"its name is taken by an engine of {origin_of(spec.name)}; choose another name"
    if wrong:
        raise ConfigError(f"engine {getattr(spec, 'name', spec)}: {wrong}")
    _registered[spec.name] = spec


def unregister_engine(name: str) -> None:
    """Remove an engine that this process registered."""
    _registered.pop(name, None)


def unknown_engine(name: str) -> str:
    """Say of an engine that is not installed which one may be meant, and which there are."""
    known = list(engine_specs())
    for broken in broken_plugins():
        if broken.name == name:
            return f"{broken}; {broken.advice}"
    near = difflib.get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{name!r} is not an installed engine; {meant}installed: {', '.join(known)}"


def engine_of(job: JobConfig) -> Spec:
    """Return the job's engine. Raises SetupError where this machine does not have it."""
    spec = find_spec(job.engine)
    if spec is None:
        raise SetupError(f"engine {unknown_engine(job.engine)}; install its package on every machine of the run")
    return spec


def refuse_distant(job: JobConfig) -> None:
    """Raise ConfigError where workers on Ray could not have the job's engine."""
    if job.engine in _registered and job.run.executor is ExecutorName.ray:
        raise ConfigError(
            f"engine {job.engine}: is registered in this process only, but Ray workers are separate processes; set "
            "run.executor=inline, or install it as a package with the entry point reelmend.engines"
        )
    if registered_here(job) and job.run.executor is ExecutorName.ray:
        raise ConfigError(
            f"flow.method {job.flow.method}: is registered in this process only, and workers on Ray are other "
            "processes; set run.executor=inline"
        )


def only_here(job: JobConfig) -> bool:
    """Whether no other process has the job's engine, or its flow method."""
    return job.engine in _registered or registered_here(job)


def own_sections() -> Iterator[Spec]:
    """Yield the engines that have settings of their own."""
    return (spec for spec in engine_specs().values() if spec.section is not None)


def _other_flow(job: JobConfig) -> FlowMethod | None:
    """Return the flow method of the job where that is not its engine's own."""
    method = chosen_method(job)
    return None if method is None or method.name == engine_of(job).flow_method else method


def wants_gpu(job: JobConfig) -> bool:
    """Whether the job's engine or flow method is made for GPUs, and may use them; without one they work too, slowly."""
    other = _other_flow(job)
    return job.device != "cpu" and (engine_of(job).wants_gpu or (other is not None and other.wants_gpu))


def flow_wants_gpu(job: JobConfig) -> bool:
    """Whether what measures the job's optical flow ahead is made for GPUs; a hybrid engine's is its first one's."""
    spec = engine_of(job)
    return job.device != "cpu" and (_other_flow(job) or flow_methods().get(spec.flow_method) or spec).wants_gpu


def measures_on_gpu(job: JobConfig) -> bool:
    """Whether this process measures the job's optical flow on a GPU."""
    if not flow_wants_gpu(job):
        return False
    import torch  # it takes seconds, and who computes no network may never need it

    return torch.cuda.is_available()


def works_in_regions(job: JobConfig) -> bool:
    """Whether the job's engine is given the surroundings of holes only, instead of whole frames.

    Outpainting has no region: its hole surrounds the picture.
    """
    wanted = job.process.region is not WorkRegion.frame
    return wanted and engine_of(job).in_regions and job.mode is not Mode.outpaint


def still_frames(job: JobConfig) -> StillFrames:
    """Return which frames are restored once: those that the job says, if its engine can do that."""
    return job.process.still_frames if engine_of(job).repeats_still_frames else StillFrames.off


def reads_flow(job: JobConfig) -> bool:
    """Whether the job's engine reads any flow."""
    return engine_of(job).reads_flow is not FlowReading.NONE


def reads_all_flow(job: JobConfig) -> bool:
    """Whether the job's engine reads flow also where the camera stands still."""
    return engine_of(job).reads_flow is FlowReading.ALL


def hybrid_of(job: JobConfig) -> tuple[str, str] | None:
    """Return the two engines that the job's engine is made of, None for an engine that is one."""
    return engine_of(job).hybrid_of


def refine_below(job: JobConfig) -> float:
    """Return the score below which a block is restored again."""
    return job.quality.review_below if job.refine.below is None else job.refine.below


def find_weights(job: JobConfig) -> dict[str, WeightFile]:
    """Return the files that the job's engine and flow method need.

    Raises SetupError or ConfigError where one is missing or wrong.
    """
    other = _other_flow(job)
    return engine_of(job).find_weights(job) | (other.find_weights(job) if other else {})


def weights_facts(weights: Weights) -> dict[str, str | int | float]:
    """Return what an output's record says of the files that made it: name, digest and licence of each."""
    return {
        f"{WEIGHTS_FACT}{network}": f"{file.name} sha256:{file.sha256} (licence: {file.licence})"
        for network, file in weights.items()
    }


def check_engine(job: JobConfig, weights: Weights) -> None:
    """Check before a run what its engine needs. Raises SetupError for weights or a plug-in that cannot be used."""
    spec, other = engine_of(job), _other_flow(job)
    own = other.find_weights(job) if other else {}
    spec.check_weights({network: file for network, file in weights.items() if network not in own})
    if other:
        other.check_weights(weights)
    if spec.name not in _BUILT_IN:
        build_flow(job, weights)
        build_engine(job, weights)


def build_flow(job: JobConfig, weights: Weights) -> FlowEstimator:
    """Return the estimator of the job's flow method; weights are read when it is first used or warmed."""
    spec, other = engine_of(job), _other_flow(job)
    if other:
        return other.build(job, weights)
    if spec.name in _BUILT_IN:
        return spec.build_flow(job, weights)
    return cast(FlowEstimator, built(spec, origin_of(spec.name), "flow", lambda: spec.build_flow(job, weights)))


def build_engine(job: JobConfig, weights: Weights) -> Engine:
    """Return the job's engine; weights are read when it is first used or warmed."""
    spec = engine_of(job)
    if spec.name in _BUILT_IN:
        return spec.build_engine(job, weights)
    return cast(Engine, built(spec, origin_of(spec.name), "engine", lambda: spec.build_engine(job, weights)))


def lay_shots(job: JobConfig, shots: Sequence[Range], masked: Sequence[Range], frames: int) -> list[Block]:
    """Cut shots into the blocks that the job's engine computes."""
    return engine_of(job).lay_shots(job, shots, masked, frames)


def count_work(job: JobConfig, frames: int) -> WorkCount:
    """Count what the job makes of one shot of so many frames that is masked throughout."""
    return engine_of(job).count_work(job, frames)


def speed_digest(job: JobConfig) -> str:
    """Name what the job's speed depends on besides the machine and the size of the pictures: not its weights."""
    own, other = engine_of(job).speed_digest(job), _other_flow(job)
    return own if other is None else digest_of(own, other.name, other.speed_digest(job))[:12]


def halo_share(job: JobConfig, chunks: Sequence[Chunk]) -> float:
    """Return the share of work that blocks' surroundings add to a shot that is masked throughout.

    That is when every chunk has its own worker; one that continues with the next chunk saves what it can.
    """
    return engine_of(job).halo_share(job, chunks) if any(chunk.blocks for chunk in chunks) else 0.0


def grid_settings(job: JobConfig) -> tuple[int, ...]:
    """Return the settings that fix where a shot is cut, as far as the engine's digest does not hold them."""
    return engine_of(job).grid_settings(job)
