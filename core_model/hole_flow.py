"""How does the scene move behind the holes of a block?

Legend: T frames, H W size of the frames, h w size of the flow. A direction is +1 (towards the next frame) or -1.
Flow measured in a hole is that of the object to be removed, and just outside of it a mixture of both: it is replaced,
one connected hole at a time, by the motion that its surroundings agree on.
"""

from typing import Literal, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core_model.engine import Bool, Float
from core_model.motion_fit import evaluate_affine, fit_affine
from core_model.propagation import consistent

F32 = NDArray[np.float32]
Direction = Literal[1, -1]


class Window(NamedTuple):
    """Rows [top, bottom) and columns [left, right)."""

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, by: int, height: int, width: int) -> "Window":
        """The window with `by` pixels more on each side, as far as a frame of this size goes."""
        return Window(
            max(0, self.top - by), min(height, self.bottom + by), max(0, self.left - by), min(width, self.right + by)
        )

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


def bounding_window(mask_HW: Bool) -> Window:
    """The smallest window that holds every True pixel; there must be one."""
    rows, columns = np.flatnonzero(mask_HW.any(1)), np.flatnonzero(mask_HW.any(0))
    return Window(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


_SPOILED_PX = 14  # the flow's patches (8 px, at half size) see the object this far outside of its mask
_RING_PX = 24  # width of the surroundings that vote
_NOISE_PX = 0.5
_FEWEST_VOTES = 12


class HoleFlow:
    """A block's flow, completed inside its holes, read at the frames' size."""

    def __init__(self, masks_THW: Bool, flow_fwd: Float, flow_bwd: Float) -> None:
        """Flows are [T-1, 2, h, w] in pixels of their own size, which may be smaller than the masks' H x W."""
        self._frame_size = masks_THW.shape[1:]
        self._flow_size = flow_fwd.shape[2:]
        self._flows: dict[Direction, Float] = {1: flow_fwd, -1: flow_bwd}
        self._completed: dict[tuple[int, Direction], list[tuple[Window, Bool, F32]]] = {}
        frames = len(masks_THW)
        for t in range(frames):
            unknown = self._unknown(masks_THW[t])
            if unknown is None:
                continue
            if t < frames - 1:
                self._completed[t, 1] = _complete(flow_fwd[t], flow_bwd[t], unknown)
            if t > 0:
                self._completed[t, -1] = _complete(flow_bwd[t - 1], flow_fwd[t - 1], unknown)

    def reach(self, t: int, direction: Direction) -> int:
        """Pixels of the frame, rounded up, by which nothing in a hole of frame t moves farther."""
        scale = max(have / got for have, got in zip(self._frame_size, self._flow_size, strict=True))
        farthest = max((float(np.abs(flow).max()) for _, _, flow in self._completed.get((t, direction), [])), default=0.0)
        return int(np.ceil(farthest * scale))

    def read(self, t: int, direction: Direction, window: Window) -> Tensor:
        """Return the flow from frame t in that direction in a window of the frame: float32 [1, 2, h', w'], its pixels."""
        flow = np.array(self._flows[direction][t if direction == 1 else t - 1], np.float32)
        for place, inside, completed in self._completed.get((t, direction), []):
            flow[:, *place.slices][:, inside] = completed
        if self._flow_size == self._frame_size:
            return torch.from_numpy(flow[:, *window.slices])[None]
        return _enlarge(torch.from_numpy(flow)[None], self._frame_size, window)

    def _unknown(self, mask_HW: Bool) -> Bool | None:
        """Where the flow of this frame is not the scene's, at the flow's size; None if everywhere it is."""
        if not mask_HW.any():
            return None
        height, width = self._flow_size
        share = cv2.resize(mask_HW.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        side = 2 * _SPOILED_PX + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        unknown: Bool = cv2.dilate((share > 0).astype(np.uint8), disc) > 0
        return unknown


def _enlarge(flow_12hw: Tensor, frame_size: tuple[int, ...], window: Window) -> Tensor:
    """Bilinear, pixel centres aligned as areas; a window of it is the same as a window cut from the whole."""
    (height, width), (rows, columns) = flow_12hw.shape[2:], frame_size
    y = (torch.arange(window.top, window.bottom) + 0.5) * (2 / rows) - 1
    x = (torch.arange(window.left, window.right) + 0.5) * (2 / columns) - 1
    grid = torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), -1)[None]
    enlarged = F.grid_sample(flow_12hw, grid, "bilinear", "border", align_corners=False)
    return enlarged * torch.tensor([columns / width, rows / height])[:, None, None]


def _complete(flow_2hw: Float, back_2hw: Float, unknown_hw: Bool) -> list[tuple[Window, Bool, F32]]:
    """The scene's flow in each connected part of `unknown`: (window, which of its pixels, flow [2, those])."""
    height, width = unknown_hw.shape
    flow = np.asarray(flow_2hw, np.float32)
    back = np.asarray(back_2hw, np.float32)
    reliable = consistent(torch.from_numpy(flow)[None], torch.from_numpy(back)[None])[0, 0].numpy() & ~unknown_hw
    count, labels = cv2.connectedComponents(unknown_hw.astype(np.uint8))
    parts = []
    for label in range(1, count):
        hole = labels == label
        place = bounding_window(hole)
        around = place.grown(_RING_PX, height, width)
        votes = reliable[around.slices]
        if votes.sum() < _FEWEST_VOTES:
            around, votes = Window(0, height, 0, width), reliable
        inside = hole[place.slices]
        parts.append((place, inside, _extrapolate(flow, around, votes, place, inside)))
    return parts


def _extrapolate(flow_2hw: F32, around: Window, votes: Bool, place: Window, inside: Bool) -> F32:
    rows, columns = np.nonzero(inside)
    if votes.sum() < _FEWEST_VOTES:
        return np.zeros((2, len(rows)), np.float32)  # nothing tells: as if the scene stood still
    middle_y, middle_x = (place.top + place.bottom) / 2, (place.left + place.right) / 2
    unit = max(place.bottom - place.top, place.right - place.left) / 2 + _RING_PX
    vote_rows, vote_columns = np.nonzero(votes)
    coefficients = fit_affine(
        (vote_columns + around.left - middle_x) / unit,
        (vote_rows + around.top - middle_y) / unit,
        flow_2hw[:, *around.slices][:, votes].astype(np.float64),
        _NOISE_PX,
    )
    x, y = (columns + place.left - middle_x) / unit, (rows + place.top - middle_y) / unit
    return evaluate_affine(coefficients, x, y).astype(np.float32)
