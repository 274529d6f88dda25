"""Which engine and which flow does a job name? The one place where a name becomes an object."""

from core_model.engine import Engine, FlowEstimator
from pipelines.config import EngineName, JobConfig


def wants_gpu(job: JobConfig) -> bool:
    """Whether the job's engine is made for GPUs; without one it works too, slowly."""
    match job.engine:
        case EngineName.propagation:
            return False


def build_flow(job: JobConfig) -> FlowEstimator:
    """Return the flow estimator of the job's engine, ready to use."""
    match job.engine:
        case EngineName.propagation:
            from core_model.dis_flow import DisFlow

            return DisFlow()


def build_engine(job: JobConfig) -> Engine:
    """Return the job's engine, ready to use."""
    match job.engine:
        case EngineName.propagation:
            from core_model.propagation_engine import PropagationEngine

            return PropagationEngine()
