"""Presence of a line of text: its strength in each frame, and the frames from first to last."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

LEAST = 0.05
"""Strength from which a line can be there: what moves behind letters gives up to 0.03."""
FADING = 0.5
"""Share of its usual strength below which a line that ends is fading."""
SURE = 0.5
"""Strength from which it is."""
MOST_UNSEEN = 3
"""Frames by which a fade is continued at most, where it is too weak to be seen."""


@dataclass(frozen=True)
class Pattern:
    """The letters of a line as differences to what is around them, in the channel where these are largest."""

    values: F32
    """[h, w]; 0 away from letters."""
    channel: int
    side: int
    """Of the square over which surroundings are averaged, in pixels."""

    def strength(self, picture: U8) -> float:
        """Return how opaque the line is in a picture u8 [h, w, 3] of its place: about 0 (absent) to 1."""
        whole = float((self.values * self.values).sum())
        return float((self.values * _detail(picture[..., self.channel], self.side)).sum()) / whole if whole else 0.0


def _detail(channel: NDArray[np.uint8] | F32, side: int) -> F32:
    values = channel.astype(np.float32)
    return np.asarray(values - cv2.blur(values, (side | 1, side | 1)), np.float32)


def pattern_of(median: F32, mask: Bool) -> Pattern:
    """Return the pattern of a line, of the median of pictures f32 [h, w, 3] that show it."""
    rows = np.flatnonzero(mask.any(axis=1))
    side = max(9, int(rows[-1] - rows[0]) + 1 if len(rows) else 9)
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)
    details = [_detail(median[..., channel], side) * near for channel in range(3)]
    channel = max(range(3), key=lambda index: float((details[index] ** 2).sum()))
    return Pattern(np.asarray(details[channel], np.float32), channel, side)


def shown(strengths: Sequence[float], seen: Sequence[int]) -> Bool:
    """Return in which frames a line is there, of how strong it is in each and of frames where it was detected.

    From each frame in which it is sure, it reaches as far to both sides as it fades: until it is too weak, or gets
    stronger again. A fade is continued by the frames in which it is weaker than what can be seen.
    """
    strength = np.asarray(strengths, np.float64)
    there = strength > SURE
    there[np.asarray(seen, np.intp)] = True
    usual = float(np.median(strength[there])) if there.any() else 1.0
    absent = np.abs(strength[~there & (strength < 0.3 * usual)])
    least = float(np.clip(3 * np.percentile(absent, 75) if len(absent) else 0.0, LEAST, SURE / 2)) * usual
    if len(seen) == 1:  # what is behind it is taken for a part of it
        least = SURE
    for towards in (-1, 1):
        _extend(there, strength, least, usual, towards)
    return np.asarray(there, np.bool_)


def _extend(there: NDArray[np.bool_], strength: NDArray[np.float64], least: float, usual: float, towards: int) -> None:
    frames = range(len(strength)) if towards < 0 else range(len(strength) - 1, -1, -1)
    ends = [at for at in frames if there[at] and 0 <= at + towards < len(strength) and not there[at + towards]]
    for end in ends:
        at, lowest = end, strength[end]
        while 0 <= at + towards < len(strength) and not there[at + towards]:
            following = strength[at + towards]
            if following < least or following > lowest + 0.1 * usual:
                break
            at, lowest = at + towards, min(lowest, following)
            there[at] = True
        taken = abs(at - end)
        if lowest < FADING * usual:  # it fades: by how much per frame?
            slope = (usual - lowest) / (taken + 1)
            for _ in range(min(MOST_UNSEEN, round(lowest / max(slope, 1e-3)))):
                at += towards
                if 0 <= at < len(strength):
                    there[at] = True
