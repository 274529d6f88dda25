"""Dust, blotches, scratches and dropped lines of film and tape.

Dust is in one frame: it differs from the frame before and the frame after, both brought to its place by optical flow,
with the same sign (the spike detection index and rank order detectors of film restoration: Kokaram, "Motion Picture
Restoration", 1998). Scratches stay for many frames: thin vertical ridges over much of the picture's height, that do not
move with the scene. No frame is compared across a cut.

What is alike is not distinguished: text or a flash of light that is small and shown for one frame counts as dust; a pole
over the whole height of a picture that stands still counts as a scratch, and a short scratch before a picture that
stands still is found only where it wanders. Objects that cross the picture in a straight line, and single places where
something appears in every frame (sparkling water), are left alone; rain over the whole picture counts as dust.
"""

from collections import deque
from collections.abc import Iterator

import cv2
import numpy as np

from reelmend.pipelines.media.masks.sources.base import Bool, MaskSource, Search
from reelmend.pipelines.media.masks.sources.damage.frame import Frame, Observed, View
from reelmend.pipelines.media.masks.sources.damage.neighbours import Toward, against, between
from reelmend.pipelines.media.masks.sources.damage.scratches import lines_of, scratches_in
from reelmend.pipelines.media.masks.sources.damage.specks import specks_of, specks_that_stay

_HALF = 12
"""Frames before and after that decide what a frame's marks are: a scratch needs them to show that the scene moves."""
_SECONDS_AT_720P = 0.15
"""Core-seconds a frame, decoding included: `python -m benchmarks.masks damage`."""
_MOST_COVERED = 0.2
"""Share of the picture above which what was found in a frame is a change that flow cannot follow, not damage."""


class DamageSource(MaskSource):
    name = "damage"
    summary = "dust, blotches, vertical scratches and dropped lines of film and tape"
    settings = ("damage_sensitivity",)

    def digest(self) -> str:
        return f"damage-1-opencv{cv2.__version__}"

    def seconds_per_frame(self, size: tuple[int, int]) -> float:
        return _SECONDS_AT_720P * max(0.05, size[0] * size[1] / (1280 * 720))

    def find(self, search: Search) -> Iterator[Bool]:
        """Yield a mask bool [H, W] for every frame, shot by shot; a shot of one or two frames has no neighbours."""
        view = View.of(search.clip.size, search.region)
        nothing = np.zeros((search.clip.size[1], search.clip.size[0]), np.bool_)
        refused = 0
        for start, stop in search.clip.shots:
            if stop - start < 3 or view.is_empty:
                yield from (nothing for _ in range(start, stop))
                continue
            for mask in _masks(_observed(search, view, start, stop)):
                if mask.mean() > _MOST_COVERED:
                    refused += 1
                    mask = np.zeros_like(mask)
                yield view.to_full(mask) if mask.any() else nothing
        if refused:
            search.notes.append(f"{refused} frames left alone: they differ too much from the frames around them")


def _observed(search: Search, view: View, start: int, stop: int) -> Iterator[Observed]:
    """Yield what is seen in each frame of a shot, compared with its two nearest frames."""
    sensitivity = search.config.damage_sensitivity
    frames: deque[Frame] = deque(maxlen=3)
    pairs: deque[tuple[Toward, Toward]] = deque(maxlen=2)
    for index, picture in enumerate(search.clip.pictures(start, stop, view.size), start):
        frames.append(Frame.of(picture, view))
        if len(frames) > 1:
            pairs.append(between(frames[-2], frames[-1]))
        if index == start + 2:
            yield _seen(frames[0], pairs[0][0], between(frames[0], frames[2])[0], sensitivity)
        if len(frames) == 3:
            yield _seen(frames[1], pairs[0][1], pairs[1][0], sensitivity)
    yield _seen(frames[2], pairs[1][1], between(frames[0], frames[2])[1], sensitivity)


def _seen(frame: Frame, one: Toward, other: Toward, sensitivity: float) -> Observed:
    compared = against(frame, one, other)
    return Observed(specks_of(compared, sensitivity), lines_of(compared, sensitivity), frame.luma.shape)


def _masks(observed: Iterator[Observed]) -> Iterator[Bool]:
    """Yield masks of a shot in order, each decided by the frames around it."""
    window: deque[Observed] = deque()
    place = 0
    for one in observed:
        window.append(one)
        if len(window) == _HALF + 1 + place:
            yield _mask(window, place)
            place += 1
            if place > _HALF:
                window.popleft()
                place -= 1
    for index in range(place, len(window)):
        yield _mask(window, index)


def _mask(window: deque[Observed], place: int) -> Bool:
    mask = np.zeros(window[place].shape, np.bool_)
    for speck in specks_that_stay(window, place):
        mask[speck.where] |= speck.mask
    for line in scratches_in(window, place):
        mask[line.where] |= line.mask
    return mask
