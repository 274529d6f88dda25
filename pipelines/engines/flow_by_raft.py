"""Flow method RAFT, as the engine `propainter` builds it, and by the settings of that engine's section."""

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.base import Weights
from reelmend.pipelines.engines.flow_method import FlowMethod
from reelmend.pipelines.engines.propainter import PROPAINTER
from reelmend.pipelines.engines.weights import WeightFile, find, load_network

_NETWORK = "raft"


def _find_weights(job: JobConfig) -> dict[str, WeightFile]:
    return {_NETWORK: find(job.propainter.raft, _NETWORK)}


def _check_weights(weights: Weights) -> None:
    load_network(weights[_NETWORK], _NETWORK)


RAFT = FlowMethod(
    "raft",
    "recurrent network, made for GPUs; needs the weights of propainter.raft",
    PROPAINTER.build_flow,
    wants_gpu=True,
    find_weights=_find_weights,
    check_weights=_check_weights,
    speed_digest=PROPAINTER.speed_digest,
)
