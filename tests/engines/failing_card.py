"""An engine of another package, on a GPU that is said to fail: with CUDA's own words, and for good in its process.

Where it succeeds, the hole's grey level says in which way it was asked to compute.
"""

from pathlib import Path

from tests.engines.plugin import install

LEVELS = {"asked": 70, "plain": 71, "fp32": 72, "cpu": 73}

_MODULE = '''
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reelmend.core_model.engine import Restored
from reelmend.pipelines.engines.base import EngineSpec, FlowReading

LEVELS = {"asked": 70, "plain": 71, "fp32": 72, "cpu": 73}
dead = []


@dataclass
class FailingCardConfig:
    fails: str = ""
    """Ways of computing that fail, as `asked+plain`; `once`: the first call of all processes."""
    says: str = ""
    """The words of the error."""
    computes: bool = False
    """Multiply two matrices by torch before."""
    diary: str = ""
    """File of a line per call: process and way."""


def way_of(job):
    if job.device == "cpu":
        return "cpu"
    networks = job.propainter
    if networks.precision == "fp32" and not networks.tf32:
        return "fp32"
    return "plain" if (networks.compile, networks.attention) == ("off", "math") else "asked"


class FailingCard:
    def __init__(self, digest, settings, way):
        self.digest, self.settings, self.way = digest, settings, way

    def warm(self, size):
        pass

    def restore(self, shot, start, stop):
        diary = Path(self.settings.diary)
        first = not diary.exists()
        with diary.open("a") as lines:
            lines.write(f"{os.getpid()} {self.way}\\n")
        if self.settings.computes:
            import torch

            torch.ones(2, 3) @ torch.ones(3, 4)
        fails = self.settings.fails.split("+")
        if (dead and self.way != "cpu") or self.way in fails or ("once" in fails and first):
            dead.append(self.way)
            raise RuntimeError(self.settings.says)
        frames, masks = shot.images(start, stop).copy(), shot.masks(start, stop)
        frames[masks] = LEVELS[self.way]
        return Restored(frames, np.zeros(masks.shape, np.uint8))


class FailingCardSpec(EngineSpec[FailingCardConfig]):
    name = "failing_card"
    section = FailingCardConfig
    reads_flow = FlowReading.NONE
    without_effect = ("fails", "says", "computes", "diary")

    def build_engine(self, job, weights):
        return FailingCard(self.settings_digest(job, weights), self.settings(job), way_of(job))


SPEC = FailingCardSpec()
'''


def install_failing_card(site: Path) -> None:
    """Install it into a folder that processes import from, as the engine `failing_card`."""
    install(site, "failing-card", {"failing_card": "failing_card:SPEC"}, failing_card=_MODULE)
