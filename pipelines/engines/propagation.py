"""The engine `propagation`: optical flow and propagation, without weights."""

from reelmend.core_model.engine import Engine
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.base import EngineSpec, FlowReading, Weights


class Propagation(EngineSpec[None]):
    """Blocks of equal length, each with a halo, restored in the surroundings of holes."""

    name = "propagation"
    summary = "optical flow and propagation; needs no weights, runs on a CPU"
    in_regions = True
    repeats_still_frames = True
    reads_flow = FlowReading.MOVING
    flow_method = "dis"

    def halo_frames(self, job: JobConfig) -> int:
        from reelmend.core_model.propagation import engine

        return engine.HALO_FRAMES

    def build_engine(self, job: JobConfig, weights: Weights) -> Engine:
        from reelmend.core_model.propagation.engine import PropagationEngine

        return PropagationEngine()


PROPAGATION = Propagation()
