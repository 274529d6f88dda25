"""Flow methods of OpenCV: on a CPU, without weights."""

from reelmend.core_model.engine import FlowEstimator
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.base import Weights
from reelmend.pipelines.engines.flow_method import FlowMethod


def _build_dis(job: JobConfig, weights: Weights) -> FlowEstimator:
    from reelmend.core_model.flow.dis import DisFlow

    return DisFlow()


def _build_farneback(job: JobConfig, weights: Weights) -> FlowEstimator:
    from reelmend.core_model.flow.farneback import FarnebackFlow

    return FarnebackFlow()


DIS = FlowMethod("dis", "dense inverse search (OpenCV); needs no weights, fast on a CPU", _build_dis)
FARNEBACK = FlowMethod("farneback", "polynomial expansion (OpenCV); needs no weights, smooth", _build_farneback)
