"""Preview strip of an item: views of the hole before and after, some moments and a second in motion.

The stitch shows every frame once, in order. Only those that are wanted are cut and converted, at the size of a view.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.canvas.framing import cut_frame
from reelmend.pipelines.media.inspection import VideoInfo
from reelmend.pipelines.media.masks.reader import MaskSummary
from reelmend.pipelines.media.reader import to_rgb
from reelmend.pipelines.media.rotation import as_shown
from reelmend.pipelines.media.sizes import fit
from reelmend.pipelines.stages.parts import Patch
from reelmend.pipelines.stages.preview_sheet import encode_outlines, encode_pictures, framed, grid, ring, slot
from reelmend.pipelines.stages.previews import Sheet, save_preview
from reelmend.pipelines.stages.zoom import cell_size, zoom
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import Facts, ItemFacts
from reelmend.pipelines.storage.location import Location

COLUMNS = 8
"""Cells in a row of the sheet."""
MOMENTS = 8
"""Moments that are shown, evenly spread: one row of cells."""
MOVING = 24
"""Consecutive frames that are shown: about a second, and three rows of cells."""
MOST_BYTES = 245_000
"""On disk, of both sheets."""
_CELL_PIXELS = 44_000  # area of a cell, whatever its shape: 64 of them share `MOST_BYTES`
_WHOLE_SIDE = 144  # pixels, longest side of a small picture of the whole frame

U8 = NDArray[np.uint8]


class ToCome(Protocol):
    """What the stitch knows of frames that it has not come to yet."""

    def worst_to_come(self) -> tuple[float, int] | None:
        """Return score and frame of the worst moment among frames not asked about before; None without news."""

    def hole_over(self, start: int, stop: int) -> Box | None:
        """Return the box around the patches of frames [start, stop); None where there are none."""


@dataclass(frozen=True)
class _View:
    before: U8
    after: U8
    outline: U8


@dataclass
class _Motion:
    """Consecutive frames around one; the box is the same for all of them, so that the picture stands still."""

    score: float
    centre: int
    frames: range
    box: Box
    views: list[_View] = field(default_factory=list)
    whole: U8 | None = None


class PreviewMaker:
    """Give it every frame with its restoration and its patch, in order; `save` publishes what it kept.

    In motion it shows the worst moment. It hears of one when the stitch comes near, block by block: what it kept of a
    better one then makes way.
    """

    def __init__(self, info: VideoInfo, mask: MaskSummary, shots: Sequence[tuple[int, int]], to_come: ToCome) -> None:
        frames = [index for start, stop in mask.masked for index in range(start, stop)]
        picks = np.linspace(0, len(frames) - 1, min(MOMENTS, len(frames))).round().astype(int)
        self._moments = [frames[pick] for pick in picks]
        self._info, self._frame, self._shots, self._to_come = info, (info.width, info.height), shots, to_come
        self._all_holes = mask.box
        self._cell = cell_size(mask.box, self._frame, _CELL_PIXELS)
        self._stills: list[_View] = []
        self._wholes: list[U8] = []
        self._kept: _Motion | None = None
        self._coming: _Motion | None = None

    def see(self, index: int, before: av.VideoFrame, after: av.VideoFrame, patch: Patch | None) -> None:
        if index in self._moments:
            box = zoom(_box_of(patch) or self._all_holes, self._frame, self._cell)
            self._stills.append(self._view(before, after, patch, box))
            self._wholes.append(self._whole(before, box))
        self._hear(index)
        moving = self._coming
        if moving is None or index not in moving.frames:
            return
        moving.views.append(self._view(before, after, patch, moving.box))
        if index == moving.centre:
            moving.whole = self._whole(before, moving.box)
        if index == moving.frames.stop - 1:
            self._kept, self._coming = moving, None

    def save(self, work: Location, files: Files) -> Facts:
        """Publish the pictures in the run's folder `work`; return the facts that the report reads."""
        moving = self._kept
        views = [*self._stills, *(moving.views if moving else [])]
        wholes = [*self._wholes, *([moving.whole] if moving and moving.whole is not None else [])]
        height, width = views[0].before.shape[:2]
        whole_height, whole_width = wholes[0].shape[:2]
        outlines = encode_outlines(grid([view.outline for view in views], COLUMNS))
        befores, afters = (grid([getattr(view, name) for view in views], COLUMNS) for name in ("before", "after"))
        per_row = max(1, befores.shape[1] // slot(whole_width))
        pictures = encode_pictures([befores, afters, grid(wholes, per_row)], MOST_BYTES - len(outlines))
        sheet = Sheet(
            picture=save_preview(work, pictures, files),
            outline=save_preview(work, outlines, files, ".png"),
            size=(width, height),
            step=(slot(width), slot(height)),
            columns=COLUMNS,
            moments=tuple(self._moments),
            start=moving.frames.start if moving else 0,
            moving=len(moving.views) if moving else 0,
            rate=round(float(self._info.rate), 3),
            whole=(whole_width, whole_height),
            whole_step=(slot(whole_width), slot(whole_height)),
        )
        return sheet.facts() | ItemFacts(preview_bytes=len(pictures) + len(outlines)).to_map()

    def _hear(self, index: int) -> None:
        """Take up a moment that is worse than any before it."""
        while (worst := self._to_come.worst_to_come()) is not None:
            score, centre = worst
            if all(score < motion.score for motion in (self._kept, self._coming) if motion):
                frames = _around(max(centre, index), index, self._info.frames, self._shots)
                hole = self._to_come.hole_over(frames.start, frames.stop) or self._all_holes
                self._coming = _Motion(score, max(centre, index), frames, zoom(hole, self._frame, self._cell))

    def _view(self, before: av.VideoFrame, after: av.VideoFrame, patch: Patch | None, box: Box) -> _View:
        outline = self._upright(ring(_hole_in(patch, box), self._cell))
        return _View(self._cut(before, box), self._cut(after, box), outline)

    def _cut(self, frame: av.VideoFrame, box: Box) -> U8:
        return self._upright(to_rgb(cut_frame(frame, box), self._info, self._cell))

    def _whole(self, frame: av.VideoFrame, box: Box) -> U8:
        """Return a small picture of the whole frame, with a line around what is shown large."""
        size = fit(self._frame, _WHOLE_SIDE)
        return self._upright(framed(to_rgb(frame, self._info, size), box, size[0] / self._frame[0]))

    def _upright(self, picture: U8) -> U8:
        return np.ascontiguousarray(as_shown(picture, self._info.rotation, self._info.mirrored))


def _around(centre: int, first: int, frames: int, shots: Sequence[tuple[int, int]]) -> range:
    """Return the consecutive frames around `centre` that are shown in motion: of one shot, from `first` on."""
    start, stop = next(((start, stop) for start, stop in shots if start <= centre < stop), (0, frames))
    begin = max(start, first, min(centre - MOVING // 2, stop - MOVING))
    return range(begin, min(begin + MOVING, stop))


def _box_of(patch: Patch | None) -> Box | None:
    if patch is None:
        return None
    height, width = patch.mask.shape
    return patch.left, patch.top, patch.left + width, patch.top + height


def _hole_in(patch: Patch | None, box: Box) -> NDArray[np.bool_]:
    """Return the part of a patch's mask that is in `box`, bool [h, w] of the box's size."""
    left, top, right, bottom = box
    hole = np.zeros((bottom - top, right - left), np.bool_)
    own = _box_of(patch)
    if patch is None or own is None:
        return hole
    rows = slice(max(top, own[1]), max(top, min(bottom, own[3])))
    columns = slice(max(left, own[0]), max(left, min(right, own[2])))
    part = patch.mask[rows.start - own[1] : rows.stop - own[1], columns.start - own[0] : columns.stop - own[0]]
    if part.size:
        hole[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = part
    return hole
