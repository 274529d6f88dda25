"""Mask source `track`: an object followed through its shot."""

from collections.abc import Iterator

import cv2
import numpy as np

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.masks.sources.base import Bool, MaskSource, Search
from reelmend.pipelines.media.masks.sources.track.follow import Follower, Track, foreground
from reelmend.pipelines.media.masks.sources.track.reduced import ReducedFrames

_ENOUGH = 0.1
"""Share of a box that has to be foreground to be the object in it."""
_GRABCUT_ROUNDS = 3
_SQUARE = np.ones((5, 5), np.uint8)


class TrackSource(MaskSource):
    """The object in a box of one frame (`track:LEFT,TOP,WIDTH,HEIGHT@2s`), or in the first mask of a file.

    It is followed to both ends of its shot, or within the range of the expression. The camera may move; the picture
    around the object must show enough of the background to follow that. Of an object that moves against the background
    by less than about a tenth of its width per frame, and does not rest, parts are missed.
    """

    name = "track"
    summary = "an object in a box, or a painted one, followed through its shot"
    needs_region = True
    takes_painted = True

    def digest(self) -> str:
        return f"2-opencv{cv2.__version__}"

    def seconds_per_frame(self, size: tuple[int, int]) -> float:
        return 0.25

    def find(self, search: Search) -> Iterator[Bool]:
        clip, anchor = search.clip, search.anchor
        start, stop = next(shot for shot in clip.shots if shot[0] <= anchor < shot[1])
        frames = ReducedFrames(clip)
        follower, track = Follower(frames, (start, stop)), Track(frames.size)
        mask = _object(search, follower, frames, track)
        track.put(anchor, mask)
        lost: list[int] = []
        for step in (1, -1):
            track.lost_at = None
            if mask.any():
                follower.follow(anchor, mask, track, step)
            if track.lost_at is not None:
                lost.append(track.lost_at)
        search.notes.extend(track_notes("track", search, (start, stop), lost, empty=not mask.any()))
        nothing = np.zeros(clip.size[::-1], np.bool_)
        for frame in range(clip.start, clip.stop):
            found = track.at(frame)
            yield nothing if found is None else _enlarged(found, clip.size)


def _object(search: Search, follower: Follower, frames: ReducedFrames, track: Track) -> Bool:
    """Return the object in the frame in which it is drawn, at the reduced size."""
    width, height = frames.size
    if search.painted is not None:
        painted = cv2.resize(search.painted.astype(np.float32), frames.size, interpolation=cv2.INTER_AREA)
        return np.asarray(painted > 0.25)
    assert search.region is not None, "the expression names a box or a file"
    full_width, full_height = search.clip.size
    across, down = width / full_width, height / full_height
    left, top, right, bottom = search.region
    box = int(left * across), int(top * down), -int(-right * across // 1), -int(-bottom * down // 1)
    inside = np.zeros((height, width), np.bool_)
    inside[box[1] : box[3], box[0] : box[2]] = True
    found = foreground(follower.differences(search.anchor, track), inside) & inside
    if found.sum() >= _ENOUGH * inside.sum():
        closed = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, _SQUARE)
        _, labels, figures, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
        large = figures[:, cv2.CC_STAT_AREA] >= 0.02 * inside.sum()
        large[0] = False
        if large.any():
            return np.asarray(large[labels])
    return _cut_out(frames.at(search.anchor), box, inside)


def _cut_out(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], box: Box, inside: Bool) -> Bool:
    """Return the object in a box of one picture by its colours; all of the box where they do not tell it.

    Rother et al., "GrabCut", SIGGRAPH 2004.
    """
    left, top, right, bottom = box
    if inside.all() or right - left < 3 or bottom - top < 3:
        return inside
    labels = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    background, colours = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(
        np.ascontiguousarray(picture), labels, (0, 0, 1, 1), background, colours, _GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    found = (labels == cv2.GC_PR_FGD) | (labels == cv2.GC_FGD)
    return found if found.sum() >= _ENOUGH * inside.sum() else inside


def _enlarged(mask: Bool, size: tuple[int, int]) -> Bool:
    if mask.shape == size[::-1]:
        return mask
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.4)


def track_notes(name: str, search: Search, shot: tuple[int, int], lost: list[int], *, empty: bool) -> list[str]:
    """Say what a source that follows objects, of this name, did not find; `empty`: where it is shown there is none."""
    if empty:
        where = "at the points" if search.clicks else "in the box"
        return [f"{name}: nothing {where} of frame {search.anchor} can be followed"]
    start, stop = shot
    told = [f"{name}: the object is lost from frame {frame} on" for frame in lost if frame > search.anchor]
    told += [f"{name}: the object is not found before frame {frame + 1}" for frame in lost if frame < search.anchor]
    clip = search.clip
    if (start, stop) != (clip.start, clip.stop):
        told.append(f"{name}: it was followed in its shot only, frames {start} to {stop - 1}")
    return told
