"""In which frame, and where, is each missing pixel to be seen?

A pass visits the frames of a block in one order and applies ProPainter's propagation step to a picture that holds, at
every pixel, the way to where it came from: (frames away, dx, dy), zero outside the holes. Copying a pixel and adding
the step's flow keeps the position exact to fractions of a pixel however long the way, and the colour is
sampled once at its end: no blur builds up, and the frames stay u8 where they are.

Legend: T frames, H W height and width, N the masked pixels of one frame in row-major order.
"""

from types import EllipsisType
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from core_model.engine import Bool
from core_model.hole_flow import Direction, HoleFlow, Window, bounding_window
from core_model.image_propagation import propagate_step

# A frame is surrounded by pixels that are missing in every frame, so that nothing outside is mistaken for black scene.
# Flow that leads farther out than this finds no flow back and is refused.
_BORDER_PX = 2
_SHIFT_UNIT = 1 / 32  # pixels; trails of a whole block are kept, so they are kept small
_FARTHEST_SHIFT_PX = 1000


class Trail(NamedTuple):
    """The way from each of N masked pixels to where it is seen."""

    age: NDArray[np.int16]
    """[N] frames away, negative for earlier ones; 0: not seen."""
    shift: NDArray[np.int16]
    """[2, N] (dx, dy) in units of 1/32 pixel."""

    def ends(
        self, t: int, mask_HW: Bool
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
        """Where the trails of frame t that find something lead: (which of N, frame, x, y)."""
        found = np.flatnonzero(self.age)
        rows, columns = np.nonzero(mask_HW)
        shift_x, shift_y = self.shift[:, found] * np.float32(_SHIFT_UNIT)
        x, y = columns[found].astype(np.float32) + shift_x, rows[found].astype(np.float32) + shift_y
        return found, t + self.age[found].astype(np.intp), x, y


def trace(masks_THW: Bool, flow: HoleFlow, direction: Direction, start: int | None = None) -> dict[int, Trail]:
    """Look for missing pixels in the frames that lie in `direction` of theirs; return the trails by frame.

    Visits the frames in the opposite direction, from the farthest on (or from `start`, if that is nearer); frames
    without a hole get no trail, nor does the first one visited.
    """
    frames, height, width = masks_THW.shape
    first = start if start is not None else (frames - 1 if direction == 1 else 0)
    visits = range(first - 1, -1, -1) if direction == 1 else range(first + 1, frames)
    state = _State(height, width)
    if masks_THW[first].any():
        hole = bounding_window(masks_THW[first])
        state.change(hole, torch.zeros(3, *masks_THW[first][hole.slices].shape), masks_THW[first][hole.slices])
    trails = {}
    for t in visits:
        mask_HW = masks_THW[t]
        if not mask_HW.any():
            state.reset()
            continue
        # Outside of the hole only what the steps out of it can land on matters, and a pixel for the sampling.
        window = bounding_window(mask_HW).grown(flow.reach(t, direction) + 2, height, width)
        mask = mask_HW[window.slices]
        ways, missing = _step(flow, t, direction, window, mask, state)
        state.reset()
        state.change(window, ways, missing)
        trails[t] = _trail(ways.numpy()[:, mask], direction)
    return trails


def _step(
    flow: HoleFlow, t: int, direction: Direction, window: Window, mask_hw: Bool, state: "_State"
) -> tuple[Tensor, Bool]:
    """The ways [3, h, w] in a window of frame t, and which of its pixels are still missing."""
    back: Direction = -1 if direction == 1 else 1
    toward = _bordered(flow.read(t, direction, window))
    home = _bordered(flow.read(t + direction, back, window))
    mask = _bordered(torch.from_numpy(mask_hw)[None, None])
    nothing = torch.zeros(1, 3, *mask.shape[2:])
    ways, missing, taken = propagate_step(nothing, mask, *state.around(window), toward, home)
    ways += taken * torch.cat((torch.ones_like(toward[:, :1]), toward), 1)
    inner = slice(_BORDER_PX, -_BORDER_PX)
    return ways[0, :, inner, inner], missing[0, 0, inner, inner].numpy()


def _trail(way_3N: NDArray[np.float32], direction: Direction) -> Trail:
    sane = np.abs(way_3N[1:]).max(0) < _FARTHEST_SHIFT_PX
    shift_2N = np.rint(np.where(sane, way_3N[1:], 0) / _SHIFT_UNIT)
    return Trail((direction * way_3N[0] * sane).astype(np.int16), shift_2N.astype(np.int16))


class _State:
    """The frame visited before: its ways and its missing pixels, inside a border of missing ones."""

    def __init__(self, height: int, width: int) -> None:
        self._ways = _bordered(torch.zeros(1, 3, height, width))
        self._missing = ~_bordered(torch.ones(1, 1, height, width, dtype=torch.bool))
        self._changed: Window | None = None

    def reset(self) -> None:
        """Make it a frame without holes."""
        if self._changed is not None:
            place = _inside_border(self._changed)
            self._ways[place] = 0
            self._missing[place] = False

    def change(self, window: Window, ways_3hw: Tensor, missing_hw: Bool) -> None:
        """Set a window of a frame without holes."""
        place = _inside_border(window)
        self._ways[place] = ways_3hw
        self._missing[place] = torch.from_numpy(np.ascontiguousarray(missing_hw))
        self._changed = window

    def around(self, window: Window) -> tuple[Tensor, Tensor]:
        """(ways, missing) in a window and a border around it."""
        rows = slice(window.top, window.bottom + 2 * _BORDER_PX)
        columns = slice(window.left, window.right + 2 * _BORDER_PX)
        return self._ways[..., rows, columns], self._missing[..., rows, columns]


def _inside_border(window: Window) -> tuple[EllipsisType, slice, slice]:
    rows = slice(window.top + _BORDER_PX, window.bottom + _BORDER_PX)
    return ..., rows, slice(window.left + _BORDER_PX, window.right + _BORDER_PX)


def _bordered(x_BCHW: Tensor) -> Tensor:
    return pad(x_BCHW, (_BORDER_PX,) * 4)
