"""Missing pixels of a canvas: all around the picture, and those of its mask inside it.

Only the mask is grown by `mask.dilation`: the picture's own pixels are good up to its edge.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat

import numpy as np

from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.media.boxes import bounding_box
from reelmend.pipelines.media.canvas.canvas import Canvas
from reelmend.pipelines.media.masks.align import Bool
from reelmend.pipelines.media.masks.reader import MaskInput, MaskSummary, inspect_masks, read_masks
from reelmend.pipelines.media.records import VideoInfo

NO_MASK = MaskSummary("none", frames=0, masked=(), masked_fraction=0.0, box=(0, 0, 0, 0))


def inspect_canvas_masks(path: MaskInput | None, info: VideoInfo, config: MaskConfig, canvas: Canvas) -> MaskSummary:
    """Return what is missing, at the canvas' size. Raises MaskError where the mask does not fit the video."""
    summary = NO_MASK if path is None else inspect_masks(path, info, config)
    if not canvas.grows:
        return summary
    known_share = (1 - summary.masked_fraction) * (info.width * info.height) / (canvas.width * canvas.height)
    # No region of a canvas is left out: its track need not be known.
    whole = MaskSummary(summary.kind, summary.frames, ((0, info.frames),), 1 - known_share, _box(summary, canvas))
    return replace(whole, threshold=summary.threshold, notes=summary.notes)


def read_canvas_masks(
    path: MaskInput | None, info: VideoInfo, config: MaskConfig, canvas: Canvas, start: int, stop: int
) -> Iterator[Bool]:
    """Yield the masks of frames [start, stop), bool [H, W] at the canvas' size; without a path what is around is all.

    Raises MaskError as `read_masks` does.
    """
    if path is None:
        return repeat(_surroundings(canvas), stop - start)
    return _laid(read_masks(path, info, config, start, stop), canvas)


def _laid(masks: Iterator[Bool], canvas: Canvas) -> Iterator[Bool]:
    """Lay masks on the canvas; one that stands for many frames is one array there, too."""
    previous: tuple[Bool, Bool] | None = None
    for mask in masks:
        if previous is None or previous[0] is not mask:
            previous = mask, canvas.lay(mask, around=True)
        yield previous[1]


def _surroundings(canvas: Canvas) -> Bool:
    return canvas.lay(np.zeros((canvas.picture_height, canvas.picture_width), np.bool_), around=True)


def _box(inside: MaskSummary, canvas: Canvas) -> tuple[int, int, int, int]:
    left, top, right, bottom = bounding_box(_surroundings(canvas)) or (0, 0, 0, 0)
    if not inside.masked:
        return left, top, right, bottom
    x, y = canvas.left, canvas.top
    return (
        min(left, inside.box[0] + x), min(top, inside.box[1] + y),
        max(right, inside.box[2] + x), max(bottom, inside.box[3] + y),
    )  # fmt: skip
