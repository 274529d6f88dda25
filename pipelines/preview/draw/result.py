"""The mask of one frame that a drawing gives in a run, as outlines for the page."""

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ReelmendError
from reelmend.pipelines.media.masks.align import grown
from reelmend.pipelines.media.masks.drawn import read_drawn
from reelmend.pipelines.media.masks.sources.base import Search
from reelmend.pipelines.media.masks.sources.clip import Clip
from reelmend.pipelines.media.masks.sources.registry import source_of
from reelmend.pipelines.media.reader import read_frames
from reelmend.pipelines.media.records import VideoInfo
from reelmend.pipelines.preview.draw.drawing import POINTS, TRACK, Drawing, DrawnShape, Range, Stroke
from reelmend.pipelines.preview.draw.paint import painted
from reelmend.pipelines.stages.shot_detection import ShotFinder
from reelmend.pipelines.utils.units import counted

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

REACH = {TRACK: 12, POINTS: 1}
"""Frames on both sides of the one in which an object is shown, for which it is followed here; a run follows it through
its shot, at about a quarter of a second per frame, and by SAM at about ten seconds."""
_SEEN_BEFORE, _SEEN_AFTER = 48, 24
"""Frames around these in which cuts are looked for: the detector takes no two cuts within 15 frames, and compares
each frame with the two after it."""
_KEPT = 8
"""Objects whose masks are in memory."""


@dataclass(frozen=True)
class Outlined:
    """A frame's mask."""

    outlines: list[list[int]]
    """Each closed: x, y, x, y, ... of pixels at its edge, in the picture as shown."""
    share: float
    """Of the picture that is masked, grown by `mask.dilation`."""
    dilation: int
    waits: bool
    """Whether an object is still being followed: ask again."""
    partial: bool
    """Whether an object may be in the frame that is not followed this far here."""
    notes: list[str]


@dataclass(frozen=True)
class _Track:
    start: int
    bits: list[NDArray[np.uint8]]
    """Of the masks of frames from `start` on."""
    notes: list[str]


class Results:
    """Masks of the frames of one video. Any thread may ask."""

    def __init__(self, info: VideoInfo) -> None:
        self._info, self._job = info, JobConfig()
        self._tracks: OrderedDict[DrawnShape, Future[_Track]] = OrderedDict()
        self._lock, self._one_at_a_time = Lock(), Lock()
        self._painted: tuple[tuple[Stroke, ...], Bool] = ((), np.zeros(info.display_size[::-1], np.bool_))

    def outlined(self, drawing: Drawing, frame: int) -> Outlined:
        """Return the mask that a drawing gives in one frame, grown as a run grows it."""
        width, height = self._info.display_size
        levels: U8 = np.zeros((height, width), np.uint8)
        if drawing.painted is None or drawing.painted[0] <= frame < drawing.painted[1]:
            levels[self._paint(drawing.strokes)] = 1
        self._forget_all_but(drawing.shapes)
        notes: list[str] = []
        waits = partial = False
        for shape in drawing.shapes:
            if not shape.covers(frame):
                continue
            reach = REACH.get(shape.kind)
            if reach is not None and abs(frame - shape.frame) > reach:
                partial = True
                notes.append(f"An object is followed here up to {counted(reach, 'frame')} from where it is shown.")
            elif reach is not None:
                waits = not self._add_track(levels, shape, frame, notes) or waits
            else:
                levels[read_drawn(f"{shape}").levels((width, height)) > 0] = 1
        dilation = self._job.mask.dilation
        levels = grown(levels, dilation)
        found, _ = cv2.findContours(levels, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        outlines = [[int(value) for value in contour.ravel()] for contour in found]
        return Outlined(outlines, float(levels.mean()), dilation, waits, partial, [*dict.fromkeys(notes)])

    def _paint(self, strokes: tuple[Stroke, ...]) -> Bool:
        if self._painted[0] != strokes:
            self._painted = strokes, painted(strokes, self._info.display_size)
        return self._painted[1]

    def _add_track(self, levels: U8, shape: DrawnShape, frame: int, notes: list[str]) -> bool:
        """Add an object's mask; False while it is still being followed."""
        future = self._followed(shape)
        if not future.done():
            return False
        try:
            track = future.result()
        except ReelmendError as exc:
            notes.append(str(exc))
            return True
        if not track.start <= frame < track.start + len(track.bits):  # another shot
            return True
        size = levels.size
        bits = np.unpackbits(track.bits[frame - track.start], count=size).reshape(levels.shape)
        np.maximum(levels, bits, out=levels)
        notes.extend(track.notes)
        return True

    def _followed(self, shape: DrawnShape) -> Future[_Track]:
        with self._lock:
            if shape not in self._tracks:
                self._tracks[shape] = Future()
                # A thread that does not keep the command from ending once the mask is saved.
                Thread(target=self._fulfil, args=(self._tracks[shape], shape), daemon=True).start()
            self._tracks.move_to_end(shape)
            while len(self._tracks) > _KEPT:
                self._tracks.popitem(last=False)[1].cancel()
            return self._tracks[shape]

    def _forget_all_but(self, shapes: Sequence[DrawnShape]) -> None:
        """Do not begin to follow objects whose boxes have moved on."""
        with self._lock:
            for shape in [*self._tracks]:
                if shape not in shapes and self._tracks[shape].cancel():
                    del self._tracks[shape]

    def _fulfil(self, future: "Future[_Track]", shape: DrawnShape) -> None:
        with self._one_at_a_time:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(self._follow(shape))
            except Exception as exc:  # it is raised where the result is asked for
                future.set_exception(exc)

    def _follow(self, shape: DrawnShape) -> _Track:
        (start, stop), shot = self._window(shape)
        clip = Clip(self._info, start, stop, ((start, stop),), (shot,))
        box = None
        if shape.kind == TRACK:
            left, top, width, height = shape.numbers
            box = (left, top, left + width, top + height)
        search = Search(clip, self._job.find, box, None, shape.frame, shape.clicks)
        bits = [np.packbits(mask) for mask in source_of(shape.kind).find(search)]
        return _Track(start, bits, [f"{note}." for note in search.notes])

    def _window(self, shape: DrawnShape) -> tuple[Range, Range]:
        """Frames [start, stop) in which it is followed: near its own, in the same shot, in its range; and its shot."""
        reach = REACH[shape.kind]
        first = max(0, shape.frame - reach - _SEEN_BEFORE)
        last = min(self._info.frames, shape.frame + reach + 1 + _SEEN_AFTER)
        finder = ShotFinder(self._job.plan.shot_threshold)
        for index, frame in enumerate(read_frames(self._info, first, last)):
            finder.see(index, frame)
        shots = ((first + a, first + b) for a, b in finder.shots())
        start, stop = shot = next((a, b) for a, b in shots if a <= shape.frame < b)
        if shape.range:
            start, stop = max(start, shape.range[0]), min(stop, shape.range[1])
        return (max(start, shape.frame - reach), min(stop, shape.frame + reach + 1)), shot
