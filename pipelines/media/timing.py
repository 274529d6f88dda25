"""At which times do the frames of a video appear, and is that a constant rate?"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

_COMMON_RATES = (
    *(Fraction(rate * 1000, 1001) for rate in (24, 30, 48, 60, 120)),
    *(Fraction(rate) for rate in (5, 8, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 100, 120)),
)


def is_ascending(stamps: Sequence[int | None]) -> bool:
    """True when every frame has a timestamp and each is later than the one before."""
    known = [stamp for stamp in stamps if stamp is not None]
    return len(known) == len(stamps) and all(left < right for left, right in pairwise(known))


def mended(stamps: Sequence[int | None], ticks_a_frame: Fraction) -> tuple[int, ...]:
    """Return ascending timestamps for frames in the order in which they are shown.

    Where some are missing or stand twice, all are counted at the average rate from the first one that is known: the
    sound keeps its own times. Where they are only out of order they are sorted: AVI numbers frames in the order of
    decoding, which with B-frames is not that of showing.
    """
    ticks_a_frame = max(ticks_a_frame, Fraction(1))  # no two at one time, whatever rate the file claims
    known = {stamp for stamp in stamps if stamp is not None}
    if len(known) < len(stamps):
        places = [round(index * ticks_a_frame) for index in range(len(stamps))]
        origin = next((stamp - place for stamp, place in zip(stamps, places, strict=True) if stamp is not None), 0)
        return tuple(origin + place for place in places)
    return tuple(sorted(known))


def rate_of(pts: Sequence[int], time_base: Fraction, told: Fraction | None) -> tuple[Fraction, bool]:
    """Return (frames a second, whether the rate varies).

    `told` is the header's rate; it is believed when the timestamps agree with it to one tick of `time_base`.
    """
    if len(pts) < 2:
        return told or Fraction(25), False
    average = (len(pts) - 1) / ((pts[-1] - pts[0]) * time_base)
    if told and abs(told / average - 1) < Fraction(1, 50) and _fits(pts, 1 / (told * time_base)):
        return told, False
    if _fits(pts, 1 / (average * time_base)):
        return _tidy(average), False
    return average.limit_denominator(1_000_000), True


def _tidy(rate: Fraction) -> Fraction:
    """Return the common rate of which `rate` is the rounded form that millisecond timestamps make of it."""
    nearest = min(_COMMON_RATES, key=lambda common: abs(common - rate))
    return nearest if abs(nearest / rate - 1) < Fraction(1, 2000) else rate.limit_denominator(1_000_000)


def _fits(pts: Sequence[int], ticks_a_frame: Fraction) -> bool:
    """True when frame i lies within a tick (a third of a frame where ticks are coarse) of its place at this rate."""
    step = float(ticks_a_frame)
    slack = min(1.0, step / 3) + step / 100
    return all(abs(stamp - pts[0] - index * step) <= slack for index, stamp in enumerate(pts))
