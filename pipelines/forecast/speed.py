"""Speed at another size: each stage's seconds are fitted to the pixels it processes.

A stage reads pixels of the source and works on its own pixels; inpainting has a price per frame as well, and by
some engines one of every missing pixel. Seconds a frame are a sum of such terms with factors that are not negative, as
few of them as explain what was measured, by least squares of the relative error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.engines.registry import find_spec
from reelmend.pipelines.forecast.rates import ChosenRates, Rate
from reelmend.pipelines.forecast.result import CPU
from reelmend.pipelines.tasks import Stage

_WORTH_A_TERM = 0.03
"""Relative error that a further term has to save."""
_FAR = 2.5
"""Times as many pixels, or as few, as anything that was measured: said to be far from it."""


@dataclass(frozen=True)
class Pixels:
    """Millions of pixels that go through the stages, summed over frames as each stage counts them."""

    source: float
    """Of every frame of the sources."""
    output: float
    flow_source: float
    """Of the sources' frames that flow is measured on."""
    flow: float
    inpaint_source: float
    """Of the sources' frames that blocks look at; so are the following."""
    process: float
    missing: float
    frames_seen: float
    """Number of these frames."""

    def terms(self, stage: Stage, engine: str) -> tuple[float, ...]:
        match stage:
            case Stage.PROBE:
                return (self.source,)
            case Stage.FLOW:
                return self.flow, self.flow_source
            case Stage.INPAINT if (spec := find_spec(engine)) is not None and spec.costs_by_hole:
                return self.process, self.missing, self.frames_seen, self.inpaint_source
            case Stage.INPAINT:
                return self.process, self.frames_seen, self.inpaint_source
            case _:
                return (self.output,)


class Speed:
    """Seconds and bytes by the rates of one machine; of a hybrid engine, of both engines' rates."""

    def __init__(self, chosen: ChosenRates, refined: float = 0.0) -> None:
        """`refined`: share of the blocks that the second engine of `chosen` restores again."""
        self.chosen = chosen
        self._again = None if chosen.second is None else Speed(chosen.second)
        self._refined = refined
        rates, self._engine = chosen.rates, chosen.first.engine
        self._seconds = {stage: self._fit(rates, stage, cpu=False) for stage in Stage}
        self._cpu_seconds = {stage: self._fit(rates, stage, cpu=True) for stage in Stage}
        self.spread = float(np.sqrt(np.mean([self._error(rate) ** 2 for rate in rates])))
        """Root mean square of the relative error of all stages' seconds together."""

    def seconds(self, pixels: Pixels) -> dict[str, float]:
        """Return worker seconds by stage."""
        return self._with_refined(self._at(self._seconds, pixels), "seconds", pixels)

    def cpu_seconds(self, pixels: Pixels) -> dict[str, float]:
        return self._with_refined(self._at(self._cpu_seconds, pixels), "cpu_seconds", pixels)

    def _with_refined(
        self, seconds: dict[str, float], what: Literal["seconds", "cpu_seconds"], pixels: Pixels
    ) -> dict[str, float]:
        """Add what the second engine takes for its share of what the first one sees."""
        if self._again is not None:
            more = getattr(self._again, what)(pixels)
            for stage in (Stage.FLOW, Stage.INPAINT):
                seconds[stage.value] += self._refined * more[stage.value]
        return seconds

    def is_far(self, megapixels: float) -> bool:
        """Whether nothing near that size of source was measured."""
        known = [rate.size[0] * rate.size[1] / 1e6 for rate in self.chosen.rates]
        return not min(known) / _FAR <= megapixels <= max(known) * _FAR

    def _at(self, factors: dict[Stage, NDArray[np.float64]], pixels: Pixels) -> dict[str, float]:
        return {
            stage.value: float(np.dot(found, pixels.terms(stage, self._engine))) for stage, found in factors.items()
        }

    def _fit(self, rates: Sequence[Rate], stage: Stage, *, cpu: bool) -> NDArray[np.float64]:
        cases = []
        for rate in rates:
            seconds = (rate.cpu_seconds_per_frame if cpu else rate.seconds_per_frame).get(stage, 0.0)
            if seconds > 0:
                cases.append(np.array(_frame(rate).terms(stage, self._engine)) / seconds)
        if not cases:
            return np.zeros(len(_frame(rates[0]).terms(stage, self._engine)))
        return _explain(np.stack(cases))

    def _error(self, rate: Rate) -> float:
        """Of what the hours follow from: on a CPU that is CPU seconds, however busy the machine was."""
        on_cpu = rate.device == CPU
        measured = rate.cpu_seconds_per_frame if on_cpu else rate.seconds_per_frame
        explained = self._at(self._cpu_seconds if on_cpu else self._seconds, _frame(rate))
        return sum(explained.values()) / (sum(measured.values()) or 1.0) - 1


def bytes_per_pixel(rates: Sequence[Rate], name: str, codec: str | None = None) -> float | None:
    """Return the mean of a rate's field by frames: of film, with this codec if it matters; None if nobody knows."""
    known = [
        (value, rate.frames)
        for rate in rates
        if not rate.made and (value := getattr(rate, name)) is not None and codec in (None, rate.codec)
    ]
    return sum(value * frames for value, frames in known) / sum(frames for _, frames in known) if known else None


def _frame(rate: Rate) -> Pixels:
    source, process, flow = (width * height / 1e6 for width, height in (rate.size, rate.process_size, rate.flow_size))
    worked = rate.worked
    restored = process * worked.restored
    return Pixels(source, source, source, flow * worked.flow, source, restored, process * rate.missing, 1.0)


def _explain(cases: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return non-negative factors for which `cases` (terms over seconds) times factors is about 1."""
    terms = cases.shape[1]
    best, best_score = np.zeros(terms), np.inf
    for count in range(1, min(len(cases), terms) + 1):
        for some in combinations(range(terms), count):
            factors = np.linalg.lstsq(cases[:, some], np.ones(len(cases)), rcond=None)[0]
            if (factors < 0).any():
                continue
            error = float(np.sqrt(np.mean((cases[:, some] @ factors - 1) ** 2)))
            if error + _WORTH_A_TERM * count < best_score - 1e-12:
                best, best_score = np.zeros(terms), error + _WORTH_A_TERM * count
                best[list(some)] = factors
    return best
