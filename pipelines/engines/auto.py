"""The engine `auto`: propagation where it is sure, networks where it is not, block by block."""

from reelmend.core_model.engine import Engine
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.engines.base import Weights
from reelmend.pipelines.engines.propagation import PROPAGATION, Propagation
from reelmend.pipelines.engines.propainter import PROPAINTER
from reelmend.pipelines.engines.weights import WeightFile
from reelmend.pipelines.utils.hashing import digest_of


class Auto(Propagation):
    """Blocks, regions and flow of `propagation`; those that score low are restored again by `propainter`.

    Both restore what they would restore alone: see `hybrid_of`, and `pipelines.stages.refinement`.
    """

    name = "auto"
    summary = f"{PROPAGATION.name} where it is sure, {PROPAINTER.name} where it is not, block by block"
    hybrid_of = (PROPAGATION.name, PROPAINTER.name)
    wants_gpu = True
    weights = PROPAINTER.weights
    if_not_finite = PROPAINTER.if_not_finite
    if_start_is_slow = PROPAINTER.if_start_is_slow

    def find_weights(self, job: JobConfig) -> dict[str, WeightFile]:
        return PROPAINTER.find_weights(job)

    def check_weights(self, weights: Weights) -> None:
        PROPAINTER.check_weights(weights)

    def build_engine(self, job: JobConfig, weights: Weights) -> Engine:
        raise TypeError(f"{self.name} restores by {' and '.join(self.hybrid_of)}; build these")

    def speed_digest(self, job: JobConfig) -> str:
        both = PROPAGATION.speed_digest(job), PROPAINTER.speed_digest(job)
        return digest_of(self.name, 1, *both, job.refine.below)[:12]

    def precision(self, job: JobConfig) -> str:
        return PROPAINTER.precision(job)


AUTO = Auto()
