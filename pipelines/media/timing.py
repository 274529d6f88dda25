"""The times at which the frames of a video appear: repaired where they are odd, and whether they are a constant rate.

A missing or repeated time costs its own frame and no other. Where the clock starts again in the middle, as in
recordings that were joined, the parts follow each other; `Mended.joints` says where, so that the sound follows too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median

_COMMON_RATES = (
    *(Fraction(rate * 1000, 1001) for rate in (24, 30, 48, 60, 120)),
    *(Fraction(rate) for rate in (5, 8, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 100, 120)),
)
_REORDERED = 16
"""Frames by which an order of decoding may differ from that of showing (H.264 and H.265 allow no more)."""
_PAUSE = 4
"""Frames that a step between two of them may last before it is a pause."""
_LEAP_S = 10
"""Seconds that a broadcast's clock may jump ahead; more than that is another clock."""
_FINER = 16
"""Parts into which a tick is cut where a repaired frame finds no room."""


@dataclass(frozen=True)
class Joint:
    """Where a recording's clock starts again."""

    frame: int
    """The first frame of the new clock."""
    shift: int
    """Ticks to add to the times of all that follows."""
    ahead: bool = False
    """The clock jumps ahead instead of back."""


@dataclass(frozen=True)
class Mended:
    """Ascending times of all frames, in ticks of the stream cut into `finer` parts; what was done for it."""

    pts: tuple[int, ...]
    finer: int = 1
    joints: tuple[Joint, ...] = ()
    """Shifts are in the stream's own ticks."""
    remarks: tuple[str, ...] = ()


def is_ascending(stamps: Sequence[int | None]) -> bool:
    """True when every frame has a timestamp and each is later than the one before."""
    known = [stamp for stamp in stamps if stamp is not None]
    return len(known) == len(stamps) and all(left < right for left, right in pairwise(known))


def mended(stamps: Sequence[int | None], ticks_a_frame: Fraction, leap_ticks: Fraction | None = None) -> Mended:
    """Return ascending timestamps for frames in the order in which they are shown.

    Where most are missing, all are counted at the average rate from the first one that is known. Where they are only
    out of order they are sorted: AVI numbers frames in the order of decoding, which with B-frames is not that of
    showing. Else each odd one is laid between its neighbours. `leap_ticks`: a longer step ahead is its own clock.
    """
    ticks_a_frame = max(ticks_a_frame, Fraction(1))  # no two at one time, whatever rate the file claims
    known = [stamp for stamp in stamps if stamp is not None]
    if 2 * len(known) < len(stamps):
        return Mended(
            _counted(stamps, ticks_a_frame), remarks=("timestamps were missing and are derived from frame numbers",)
        )
    if len(known) == len(stamps) and _is_reordered(known, ticks_a_frame):
        in_order = is_ascending(known)
        remarks = () if in_order else ("timestamps were out of order and have been sorted",)
        if in_order and leap_ticks is not None and any(b - a > leap_ticks for a, b in pairwise(known)):
            return _joined(stamps, ticks_a_frame, leap_ticks)
        return Mended(tuple(sorted(known)), remarks=remarks)
    return _joined(stamps, ticks_a_frame, leap_ticks)


def leap_of(container: str, time_base: Fraction) -> Fraction | None:
    """Return the ticks by which a clock of this container may step ahead; None where any pause is one."""
    return _LEAP_S / time_base if container in ("mpegts", "mpeg") else None


def rate_of(pts: Sequence[int], time_base: Fraction, told: Fraction | None) -> tuple[Fraction, bool]:
    """Return (frames per second, whether the rate varies).

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


def _counted(stamps: Sequence[int | None], ticks_a_frame: Fraction) -> tuple[int, ...]:
    places = [round(index * ticks_a_frame) for index in range(len(stamps))]
    origin = next((stamp - place for stamp, place in zip(stamps, places, strict=True) if stamp is not None), 0)
    return tuple(origin + place for place in places)


def _is_reordered(stamps: Sequence[int], ticks_a_frame: Fraction) -> bool:
    """True where sorting moves no frame far or over a pause, and leaves none closer than frames are: only the order is
    another one."""
    if is_ascending(stamps):
        return True
    order = sorted(range(len(stamps)), key=lambda index: stamps[index])
    before = -1
    for place, (left, right) in enumerate(pairwise(order)):
        before, step = max(before, left), stamps[right] - stamps[left]
        over_a_pause = step > _PAUSE * ticks_a_frame and before != place
        if over_a_pause or step < ticks_a_frame * Fraction(3, 4) or abs(place - left) > _REORDERED:
            return False
    return True


def _joined(stamps: Sequence[int | None], ticks_a_frame: Fraction, leap_ticks: Fraction | None) -> Mended:
    """Put the parts of each clock one after the other, then lay odd times between their neighbours."""
    steps = [b - a for a, b in pairwise(stamps) if a is not None and b is not None and b > a]
    frame = max(1, round(median(steps))) if steps else max(1, round(ticks_a_frame))
    good: list[int | None] = [None] * len(stamps)
    joints: list[Joint] = []
    shift, last, last_index = 0, None, -1
    for index, stamp in enumerate(stamps):
        if stamp is None:
            continue
        place = stamp + shift
        if last is not None and place <= last:
            if not _goes_on(stamps, index, last - shift):
                continue  # one odd frame
            if _was_spike(good, last_index, place):
                good[last_index] = None
            else:
                shift += last + (index - last_index) * frame - place
                joints.append(Joint(index, shift))
        elif last is not None and leap_ticks is not None and place - last > leap_ticks:
            if not _goes_on(stamps, index, None):
                continue
            shift += last + (index - last_index) * frame - place
            joints.append(Joint(index, shift, ahead=True))
        last, last_index = stamp + shift, index
        good[index] = last
    odd = sum(stamp is None for stamp in good)
    remarks = []
    if odd:
        remarks.append(f"{odd} timestamps were missing or out of order and have been interpolated")
    if joints:
        where = ", ".join(str(joint.frame) for joint in joints[:8]) + (", ..." if len(joints) > 8 else "")
        remarks.append(f"the timestamps restart at frame {where}; the recordings are played one after the other")
    finer = 1 if _has_room(good) else _FINER
    filled = _filled([None if stamp is None else stamp * finer for stamp in good], frame * finer)
    return Mended(filled, finer, tuple(joints), tuple(remarks))


def _goes_on(stamps: Sequence[int | None], index: int, before: int | None) -> bool:
    """True when the clock of frame `index` is that of the frame after it too: both at or below `before`, ascending."""
    stamp = stamps[index]
    following = next((later for later in stamps[index + 1 : index + 4] if later is not None), None)
    if stamp is None or following is None:
        return False
    return following > stamp and (before is None or following <= before)


def _was_spike(good: Sequence[int | None], last_index: int, place: int) -> bool:
    """True when the frame before, not this one, was the odd one: it stands ahead of all that come around it."""
    earlier = next((stamp for stamp in reversed(good[:last_index]) if stamp is not None), None)
    return earlier is not None and earlier < place


def _has_room(good: Sequence[int | None]) -> bool:
    known = [(index, stamp) for index, stamp in enumerate(good) if stamp is not None]
    return all(right[1] - left[1] >= right[0] - left[0] for left, right in pairwise(known))


def _filled(good: Sequence[int | None], frame: int) -> tuple[int, ...]:
    """Return the times with those that are missing laid evenly between their neighbours, a frame apart at the ends."""
    known = [(index, stamp) for index, stamp in enumerate(good) if stamp is not None]
    if not known:
        return tuple(index * frame for index in range(len(good)))
    (first, first_stamp), (last, last_stamp) = known[0], known[-1]
    filled = [first_stamp - (first - index) * frame for index in range(first)]
    for (left, start), (right, stop) in pairwise(known):
        filled += [start + (stop - start) * step // (right - left) for step in range(right - left)]
    filled += [last_stamp + (index - last) * frame for index in range(last, len(good))]
    return tuple(_ascending(filled))


def _ascending(stamps: Iterable[int]) -> Iterable[int]:
    last: int | None = None
    for stamp in stamps:
        last = stamp if last is None else max(stamp, last + 1)
        yield last


def _tidy(rate: Fraction) -> Fraction:
    """Return the common rate of which `rate` is the rounded form that millisecond timestamps make of it."""
    nearest = min(_COMMON_RATES, key=lambda common: abs(common - rate))
    return nearest if abs(nearest / rate - 1) < Fraction(1, 2000) else rate.limit_denominator(1_000_000)


def _fits(pts: Sequence[int], ticks_a_frame: Fraction) -> bool:
    """True when frame i is within a tick (a third of a frame where ticks are coarse) of its place at this rate."""
    step = float(ticks_a_frame)
    slack = min(1.0, step / 3) + step / 100
    return all(abs(stamp - pts[0] - index * step) <= slack for index, stamp in enumerate(pts))
