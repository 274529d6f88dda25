"""Gates on the figures of all cases."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from benchmarks.quality.cases import MOVING_FOUR
from benchmarks.quality.measures import spearman
from benchmarks.quality.score import Score

LEAST_GAIN_DB = -0.3
WORSE_SHARE = 0.10
SEEN_GAIN_DB = 6.0
TEXTURE = (0.7, 1.3)
FLICKER = 1.2
MOVING_GAIN_DB, MOVING_WARPING = 6.5, 0.2
RANK_CORRELATION = 0.6
SPEED_RATIO = 2.5


class Gate(NamedTuple):
    text: str
    holds: bool | None
    """None: nothing of it was measured."""


def gates(scores: list[Score]) -> list[Gate]:
    """Return every gate; those whose cases were not run, or whose baseline is not there, do not hold or fail."""
    judged = [score for score in scores if score.group != "pictures"]
    still = [score for score in judged if score.group != "moving" and not score.name.startswith("bmx")]
    invented = [score for score in judged if score.group == "invented"]
    four = [score for score in judged if score.name in MOVING_FOUR]
    return [
        _each("gain over Telea", judged, [s.gain_db for s in judged], LEAST_GAIN_DB, math.inf, "{:+.2f} dB"),
        _each("frames worse than Telea by 1 dB", judged, [s.worse for s in judged], -math.inf, WORSE_SHARE, "{:.0%}"),
        _mean("gain over Telea of what other frames show", [s.gain_db for s in judged if s.group == "seen"],
              SEEN_GAIN_DB, math.inf, "{:+.2f} dB"),
        _each("texture of what no frame shows", invented, [s.texture for s in invented], *TEXTURE, "{:.2f}"),
        _each("seam less SHIFTMAP + blending's (or less the truth's)", judged,
              [s.seam_there - max(1.0, s.shiftmap_seam) for s in judged], -math.inf, 0.0, "{:+.2f}"),
        _each("flicker of the still clips", still, [s.flicker for s in still], -math.inf, FLICKER, "{:.2f}"),
        _mean("gain over Telea of the four moving cases", [s.gain_db for s in four],
              MOVING_GAIN_DB, math.inf, "{:+.2f} dB"),
        _mean("their warping error over Telea's", [s.warping for s in four], 0, MOVING_WARPING, "{:.2f}"),
        _ranks("cases", [(s.quality, s.error) for s in judged]),
        _ranks("every ten frames", [window for s in judged for window in s.windows]),
        _speed(judged),
    ]  # fmt: skip


def _each(text: str, scores: list[Score], values: list[float], least: float, most: float, form: str) -> Gate:
    """The case that is farthest off decides; the others that miss are named."""
    counted = {score.name: value for score, value in zip(scores, values, strict=True) if not math.isnan(value)}
    if not counted:
        return Gate(f"{text}: not measured", None)

    def beyond(value: float) -> float:
        return max(least - value, value - most)

    ordered = sorted(counted, key=lambda name: beyond(counted[name]), reverse=True)
    missed = [name for name in ordered if beyond(counted[name]) > 0]
    worst = f"{form.format(counted[ordered[0]])} in {ordered[0]}"
    others = f"; {len(missed)} of {len(counted)} cases miss it: {', '.join(missed)}" if missed else ""
    return Gate(f"{text}: worst {worst}, {_range(least, most, form)} in every case{others}", not missed)


def _mean(text: str, values: list[float], least: float, most: float, form: str) -> Gate:
    if not values:
        return Gate(f"{text}: not measured", None)
    mean = float(np.mean(values))
    return Gate(f"{text}: mean {form.format(mean)}, {_range(least, most, form)}", least <= mean <= most)


def _speed(scores: list[Score]) -> Gate:
    """The mean decides: a single case's ratio is at the mercy of what else goes on."""
    ratios = {score.name: score.speed.ours / score.speed.old for score in scores if not math.isnan(score.speed.old)}
    if not ratios:
        return Gate("frames/s over the older engine's: not measured", None)
    mean = float(np.exp(np.mean(np.log([*ratios.values()]))))
    cpu = float(np.exp(np.mean([np.log(s.speed.ours_cpu / s.speed.old_cpu) for s in scores if s.name in ratios])))
    slowest = min(ratios, key=lambda name: ratios[name])
    return Gate(
        f"frames/s over the older engine's: geometric mean {mean:.2f} ({cpu:.2f} by the processor's time; smallest "
        f"{ratios[slowest]:.2f} in {slowest}), at least {SPEED_RATIO}",
        mean >= SPEED_RATIO,
    )


def _ranks(what: str, pairs: Iterable[tuple[float, float]]) -> Gate:
    """A high score should mean a small error."""
    pairs = list(pairs)
    if len(pairs) < 3:
        return Gate(f"rank correlation of the engine's own score, {what}: not measured", None)
    found = spearman([score for score, _ in pairs], [-error for _, error in pairs])
    if math.isnan(found):
        return Gate(f"rank correlation of the engine's own score, {what}: all have the same score", None)
    return Gate(
        f"rank correlation of the engine's own score with the true error, {len(pairs)} {what}: {found:.2f}, "
        f"at least {RANK_CORRELATION}",
        found >= RANK_CORRELATION,
    )


def _range(least: float, most: float, form: str) -> str:
    if most == math.inf:
        return f"at least {form.format(least)}"
    if least in (0, -math.inf):
        return f"at most {form.format(most)}"
    return f"between {form.format(least)} and {form.format(most)}"
