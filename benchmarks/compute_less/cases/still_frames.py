"""Still frames: runs of equal frames restored once."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.compute_less.case import Case, Clip, Gate, Results, Row, ratio
from benchmarks.compute_less.clips import behind_box

_SIZE, _BOX = (128, 96), (56, 40, 16, 16)
_OFF, _EQUAL, _NOISE = ({"process.still_frames": mode} for mode in ("off", "equal", "noise"))


def _repeated(frames: int, times: int) -> Clip:
    """A pan, each of whose pictures is shown so many times."""
    once = behind_box(-(-frames // times), _SIZE, _BOX)
    return replace(once, truth=np.repeat(once.truth, times, 0)[:frames], masks=np.repeat(once.masks, times, 0)[:frames])


def _coded(frames: int) -> Clip:
    """On twos, with noise of one grey level that differs from frame to frame, as coding leaves it."""
    clip = _repeated(frames, 2)
    noise = np.random.default_rng(0).normal(0, 1, clip.truth.shape).round()
    return replace(clip, truth=(clip.truth + noise).clip(0, 255).astype(np.uint8))


def _frozen_gates(results: Results) -> Iterator[Gate]:
    yield "operations on 60 equal frames, equal / off", ratio(results, "equal", "off", "gflop"), 0.05


def _twos_gates(results: Results) -> Iterator[Gate]:
    yield "operations on twos, equal / off", ratio(results, "equal", "off", "gflop"), 0.6


CASES = [
    Case(
        "animation on twos",
        "128x96, a pan of which every picture is shown twice, a box of 16x16 at the centre",
        lambda frames: _repeated(frames, 2),
        24,
        [Row("off", _OFF), Row("equal", _EQUAL), Row("noise", _NOISE)],
        gates=_twos_gates,
    ),
    Case(
        "on twos, with noise of coding",
        "the same with noise of one grey level",
        _coded,
        24,
        [Row("off", _OFF), Row("equal", _EQUAL), Row("noise", _NOISE)],
    ),
    Case(
        "frozen shot",
        "128x96, one picture shown all the time",
        lambda frames: _repeated(frames, frames),
        60,
        [Row("off", _OFF), Row("equal", _EQUAL)],
        gates=_frozen_gates,
    ),
]
