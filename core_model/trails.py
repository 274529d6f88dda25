"""In which frame, and where, is each missing pixel to be seen?

A pass visits the frames of a block in one order and applies ProPainter's propagation step to a picture that holds, at
every pixel, the way to where it came from: (frames away, dx, dy), zero outside the holes. Copying a pixel and adding
the step's flow keeps the position exact to fractions of a pixel however long the way, and the colour is
sampled once at its end: no blur builds up, and the frames stay u8 where they are.

Legend: T frames, H W height and width, N the masked pixels of one frame in row-major order.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core_model.engine import Bool
from core_model.hole_flow import Direction, HoleFlow, Window, bounding_window
from core_model.propagation import propagate_step

# A frame is surrounded by pixels that are missing in every frame, so that nothing outside is mistaken for black scene.
# Flow that leads farther out than this finds no flow back and is refused.
_BORDER_PX = 2


class Trail(NamedTuple):
    """The way from each of N masked pixels to where it is seen; `age` 0 where it is not."""

    age_N: NDArray[np.int16]
    """Frames away."""
    shift_2N: NDArray[np.float32]
    """(dx, dy) in pixels."""


def trace(masks_THW: Bool, flow: HoleFlow, direction: Direction, start: int | None = None) -> Iterator[tuple[int, Trail]]:
    """Look for missing pixels in the frames that lie in `direction` of theirs.

    Visits every frame that this can serve, the farthest in `direction` first (or `start`, instead), and yields
    (t, trail) for those with a hole.
    """
    frames, height, width = masks_THW.shape
    last = frames - 1
    first = start if start is not None else (last if direction == 1 else 0)
    visits = range(first - 1, -1, -1) if direction == 1 else range(first + 1, frames)
    state = _State(height, width)
    state.set(Window(0, height, 0, width), torch.zeros(3, height, width), torch.from_numpy(masks_THW[first]))
    for t in visits:
        mask_HW = masks_THW[t]
        if not mask_HW.any():
            state.clear()
            continue
        hole = bounding_window(mask_HW)
        # Outside of the hole only what the steps out of it can land on matters, and a pixel for the sampling.
        window = hole.grown(flow.reach(t, direction) + 2, height, width)
        toward = _bordered(flow.read(t, direction, window))
        home = _bordered(flow.read(t + direction, -direction, window))  # type: ignore[arg-type]
        image, missing, taken = propagate_step(
            torch.zeros_like(torch.cat((toward, toward[:, :1]), 1)),
            _bordered(torch.from_numpy(mask_HW[window.slices])[None, None]),
            *state.around(window),
            toward,
            home,
        )
        image = image + taken * torch.cat((torch.ones_like(toward[:, :1]), toward), 1)
        inner = (..., slice(_BORDER_PX, -_BORDER_PX), slice(_BORDER_PX, -_BORDER_PX))
        state.clear()
        state.set(window, image[inner][0], missing[inner][0, 0])
        way_3N = image[inner][0].numpy()[:, mask_HW[window.slices]]
        yield t, Trail(way_3N[0].astype(np.int16), way_3N[1:])


class _State:
    """The frame visited before: its ways and its missing pixels, inside a border of missing ones."""

    def __init__(self, height: int, width: int) -> None:
        self._ways = torch.zeros(1, 3, height + 2 * _BORDER_PX, width + 2 * _BORDER_PX)
        self._missing = _bordered(torch.zeros(1, 1, height, width)) > 0
        self._missing = F.pad(torch.zeros(1, 1, height, width, dtype=torch.bool), (_BORDER_PX,) * 4, value=True)
        self._changed: Window | None = None

    def clear(self) -> None:
        if self._changed is not None:
            inner = self._inner(self._changed)
            self._ways[inner] = 0
            self._missing[inner] = False
            self._changed = None

    def set(self, window: Window, ways_3hw: Tensor, missing_hw: Tensor) -> None:
        self._ways[self._inner(window)] = ways_3hw
        self._missing[self._inner(window)] = missing_hw
        self._changed = window

    def around(self, window: Window) -> tuple[Tensor, Tensor]:
        rows = slice(window.top, window.bottom + 2 * _BORDER_PX)
        columns = slice(window.left, window.right + 2 * _BORDER_PX)
        return self._ways[..., rows, columns], self._missing[..., rows, columns]

    def _inner(self, window: Window) -> tuple[object, ...]:
        rows = slice(window.top + _BORDER_PX, window.bottom + _BORDER_PX)
        return (..., rows, slice(window.left + _BORDER_PX, window.right + _BORDER_PX))


def _bordered(x_BCHW: Tensor) -> Tensor:
    return F.pad(x_BCHW, (_BORDER_PX,) * 4)
