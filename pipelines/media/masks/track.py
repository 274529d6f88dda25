"""The track of a video's holes: boxes around them, frame by frame, small enough for hours of moving masks.

Boxes are those of tiles, so that a hole that moves a little keeps its box, and frames with the same boxes are one run.
Holes so close to each other that no region tells them apart (`reelmend.core_model.regions`) have one box.
"""

import base64
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.regions import MARGIN_PX, Region, hole_boxes, join_overlapping
from reelmend.pipelines.media.masks.align import Bool

TILE_PX = 32
_APART_TILES = MARGIN_PX // TILE_PX


@dataclass(frozen=True)
class HoleTrack:
    """Runs of frames and the boxes around their holes."""

    packed: str = ""
    """Runs one after the other; see `TrackMaker`."""

    def boxes(self, start: int, stop: int) -> set[Region]:
        """Return the boxes of all holes of frames [start, stop), in pixels; they may lie beyond the frame's edge."""
        starts, stops, first_box, boxes = self._runs
        found: set[Region] = set()
        for run in range(bisect_right(stops, start), len(starts)):
            if starts[run] >= stop:
                break
            found.update(Region(*box) for box in boxes[first_box[run] : first_box[run + 1]].tolist())
        return found

    @cached_property
    def _runs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(starts, stops, number of each run's first box, boxes [N, 4] in pixels)."""
        values = np.frombuffer(zlib.decompress(base64.b64decode(self.packed)), "<i4") if self.packed else _NOTHING
        count = int(values[0])
        gaps, lengths, boxes_of = values[1 : 1 + 3 * count].astype(np.int64).reshape(3, count)
        stops = (gaps + lengths).cumsum()
        boxes = values[1 + 3 * count :].astype(np.int64).reshape(-1, 4).cumsum(0) * TILE_PX
        return stops - lengths, stops, np.concatenate([[0], boxes_of.cumsum()]), boxes


_NOTHING = np.zeros(1, np.int32)


class TrackMaker:
    """Give it the mask of every frame, in order; then ask for the track.

    Numbers are kept as differences to the ones before, in columns, which compress to a byte or so a run.
    """

    def __init__(self) -> None:
        self._gaps: list[int] = []
        self._lengths: list[int] = []
        self._counts: list[int] = []
        self._boxes: list[NDArray[np.int16]] = []
        self._last: list[Region] = []
        self._stop = 0

    def see(self, index: int, boxes: list[Region]) -> None:
        """Add a frame with holes; `boxes` as `tile_boxes` returned them."""
        if index == self._stop and boxes == self._last:
            self._lengths[-1] += 1
        else:
            self._gaps.append(index - self._stop)
            self._lengths.append(1)
            self._counts.append(len(boxes))
            self._boxes.append(np.array(boxes, np.int16))
            self._last = boxes
        self._stop = index + 1

    def track(self) -> HoleTrack:
        boxes = np.concatenate([np.zeros((1, 4), np.int32), *self._boxes])
        columns = [len(self._gaps), *self._gaps, *self._lengths, *self._counts]
        values = np.concatenate([np.array(columns, np.int32), np.diff(boxes, axis=0).ravel()])
        packed = zlib.compress(values.astype("<i4").tobytes(), 9)
        return HoleTrack(base64.b64encode(packed).decode())


def tile_boxes(mask: Bool, box: tuple[int, int, int, int]) -> list[Region]:
    """Return the boxes around a mask's holes, in tiles; `box` is (left, top, right, bottom) around all of them."""
    left, top = box[0] // TILE_PX, box[1] // TILE_PX
    rows, columns = -(-box[3] // TILE_PX) - top, -(-box[2] // TILE_PX) - left
    inside = mask[top * TILE_PX : box[3], left * TILE_PX : box[2]]
    padded = np.zeros((rows * TILE_PX, columns * TILE_PX), np.bool_)
    padded[: inside.shape[0], : inside.shape[1]] = inside
    tiles = np.asarray(padded.reshape(rows, TILE_PX, columns, TILE_PX).any(axis=(1, 3)))
    apart = join_overlapping(found.grown(_APART_TILES) for found in hole_boxes(tiles))
    return sorted(
        Region(box.left + left, box.top + top, box.right + left, box.bottom + top)
        for box in (grown.grown(-_APART_TILES) for grown in apart)
    )
