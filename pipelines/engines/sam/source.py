"""Mask sources `points` and `sam`: an object followed through its shot by SAM 2.1."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from reelmend.pipelines.engines.sam.network import digest, loaded, problem
from reelmend.pipelines.engines.sam.session import BESIDE, LEFT_TOP, ON, RIGHT_BOTTOM, Prompt, Session, side_of
from reelmend.pipelines.media.masks.sources.base import Bool, MaskSource, Search
from reelmend.pipelines.media.masks.sources.clip import Clip, Size
from reelmend.pipelines.media.masks.sources.track.follow import Track
from reelmend.pipelines.media.masks.sources.track.source import track_notes

_CHUNK = 16
"""Frames that are decoded at once where they are followed backwards."""
_CERTAIN = 0.0
"""Logit from which on a pixel, or the object, is there."""


class _Followed(MaskSource):
    """What `points` and `sam` share: they differ in how the object is shown."""

    needs_region = True

    def problem(self) -> str:
        return problem()

    def digest(self) -> str:
        return f"1-{digest()}"

    def seconds_per_frame(self, size: tuple[int, int]) -> float:
        return 10.0

    def find(self, search: Search) -> Iterator[Bool]:
        clip, anchor = search.clip, search.anchor
        shot = next(shot for shot in clip.shots if shot[0] <= anchor < shot[1])
        track, lost = _track(search, shot, loaded())
        search.notes.extend(track_notes(self.name, search, shot, lost, empty=track.at(anchor) is None))
        nothing = np.zeros(clip.size[::-1], np.bool_)
        for frame in range(clip.start, clip.stop):
            found = track.at(frame)
            yield nothing if found is None else found


class PointsSource(_Followed):
    """The object at the points that are clicked on in one frame (`points:320,240,-100,80@2s`)."""

    name = "points"
    summary = "an object that is clicked on, followed through its shot by SAM 2.1"
    takes_points = True


class SamSource(_Followed):
    """The object in a box of one frame (`sam:LEFT,TOP,WIDTH,HEIGHT@2s`), or in the first mask of a file."""

    name = "sam"
    summary = "an object in a box, or a painted one, followed through its shot by SAM 2.1"
    takes_painted = True


def _track(search: Search, shot: tuple[int, int], network: object) -> tuple[Track, list[int]]:
    """Follow the object to both ends of its shot; return its masks, and the frames from which on it is lost."""
    clip, anchor, track, lost = search.clip, search.anchor, Track(search.clip.size), list[int]()
    side, prompt = side_of(network), _prompt(search)
    ahead = clip.pictures(anchor, shot[1], (side, side))
    for step, pictures in ((1, ahead), (-1, _backwards(clip, shot[0], anchor + 1, side))):
        session, unseen, count, frame = Session(network), 0, 0, anchor
        for count, picture in enumerate(pictures):
            logits, seen = session.follow(picture) if count else session.begin(picture, prompt)
            frame = anchor + count * step
            mask = _enlarged(logits, clip.size) if seen > _CERTAIN or not count else None
            if mask is None or not mask.any():
                unseen += 1
            else:
                track.put(frame, mask)
                unseen = 0
            if not count and unseen:  # nothing is there that could be followed
                return track, []
        if count and unseen:
            lost.append(frame - (unseen - 1) * step)
    return track, lost


def _prompt(search: Search) -> Prompt:
    size = search.clip.size
    if search.painted is not None:
        return Prompt(size=size, painted=search.painted)
    if search.clicks:
        return Prompt(tuple((x, y, ON if on else BESIDE) for x, y, on in search.clicks), size)
    assert search.region is not None, "the expression names a box, a file or points"
    left, top, right, bottom = search.region
    return Prompt(((left, top, LEFT_TOP), (right, bottom, RIGHT_BOTTOM)), size)


def _backwards(
    clip: Clip, start: int, stop: int, side: int
) -> Iterable[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """Yield the pictures of frames [start, stop), the last one first."""
    while start < stop:
        first = max(start, stop - _CHUNK)
        yield from reversed(list(clip.pictures(first, stop, (side, side))))
        stop = first


def _enlarged(logits: np.ndarray[tuple[int, ...], np.dtype[np.float32]], size: Size) -> Bool:
    return np.asarray(cv2.resize(logits, size, interpolation=cv2.INTER_LINEAR) > _CERTAIN)
