"""How does the scene move behind the holes of a block?

Legend: T frames, H W size of the frames, h w size of the flow. A direction is +1 (towards the next frame) or -1.
Flow measured in a hole is that of the object to be removed, and just outside of it a mixture of both: it is replaced,
one connected hole at a time, by the motion that its surroundings agree on.
"""

from typing import Literal, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample

from core_model.engine import Bool, Float
from core_model.motion_fit import evaluate_affine, fit_affine
from core_model.image_propagation import consistent

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
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


_RING_PX = 24  # width of the surroundings that vote, in pixels of the flow
_NOISE_PX = 0.5  # error of a vote that is as likely noise as another motion
_LANDING_PX = 32  # room around the votes in which the flow back is looked up
_FEWEST_VOTES = 12


class MeasuredFlow:
    """A block's flow as it was measured, and where it was measured anew."""

    def __init__(self, flow_fwd: Float, flow_bwd: Float) -> None:
        """Flows are [T-1, 2, h, w] in pixels of their own size."""
        self.size: tuple[int, int] = flow_fwd.shape[2:]
        self._flows: dict[Direction, Float] = {1: flow_fwd, -1: flow_bwd}
        self._patches: dict[Direction, Float] = {}
        self._place = Window(0, 0, 0, 0)

    def patched(self, place: Window, flow_fwd: Float, flow_bwd: Float) -> "MeasuredFlow":
        """The same flow, but for a window of it that was measured again: [T-1, 2, h', w']."""
        patched = MeasuredFlow(self._flows[1], self._flows[-1])
        patched._place, patched._patches = place, {1: flow_fwd, -1: flow_bwd}
        return patched

    def at(self, t: int, direction: Direction) -> F32:
        """Return the flow from frame t in that direction, a new float32 [2, h, w]."""
        pair = t if direction == 1 else t - 1
        flow: F32 = self._flows[direction][pair].astype(np.float32)
        if self._patches:
            flow[:, *self._place.slices] = self._patches[direction][pair]
        return flow


class _Hole(NamedTuple):
    """A connected hole of a frame and the motion behind it: kept as its coefficients, a block has many."""

    place: Window
    inside: Bool  # which pixels of `place`
    motion: F64  # [2, 3], of (1, x, y) in units of `reach` from the middle of `place`
    reach: float
    farthest: float  # pixels

    def flow(self) -> F32:
        """Return [2, N] for the N pixels inside."""
        rows, columns = np.nonzero(self.inside)
        y, x = _scaled(rows + self.place.top, columns + self.place.left, self.place, self.reach)
        return evaluate_affine(self.motion, x, y).astype(np.float32)


class HoleFlow:
    """A block's flow, completed inside its holes, read at the frames' size."""

    def __init__(self, masks_THW: Bool, measured: MeasuredFlow, spoiled_px: int) -> None:
        """The measured flow's size may be smaller than the masks' H x W.

        `spoiled_px` is how far outside of a hole, in pixels of the flow, it still is not the scene's.
        """
        self._measured = measured
        self._frame_size = masks_THW.shape[1:]
        self._completed: dict[tuple[int, Direction], list[_Hole]] = {}
        for t in np.flatnonzero(masks_THW.any((1, 2))).tolist():
            unknown = holes_at(masks_THW[t], measured.size, spoiled_px)
            if t < len(masks_THW) - 1:
                self._completed[t, 1] = _complete(measured.at(t, 1), measured.at(t + 1, -1), unknown)
            if t > 0:
                self._completed[t, -1] = _complete(measured.at(t, -1), measured.at(t - 1, 1), unknown)

    def reach(self, t: int, direction: Direction) -> int:
        """Pixels of the frame, rounded up, by which nothing in a hole of frame t moves farther."""
        scale = max(have / got for have, got in zip(self._frame_size, self._measured.size, strict=True))
        farthest = max((hole.farthest for hole in self._completed.get((t, direction), [])), default=0.0)
        return int(np.ceil(farthest * scale))

    def read(self, t: int, direction: Direction, window: Window) -> Tensor:
        """Return the flow from frame t in that direction, in a window and pixels of the frame: [1, 2, h', w']."""
        flow = self._measured.at(t, direction)
        for hole in self._completed.get((t, direction), []):
            flow[:, *hole.place.slices][:, hole.inside] = hole.flow()
        if self._measured.size == self._frame_size:
            return torch.from_numpy(flow[:, *window.slices])[None]
        return _enlarge(torch.from_numpy(flow)[None], self._frame_size, window)


def holes_at(mask_HW: Bool, size: tuple[int, int], grown_px: int = 0) -> Bool:
    """The mask at another (height, width): every pixel that a hole touches, and those up to `grown_px` from one."""
    height, width = size
    if mask_HW.shape != size:
        mask_HW = cv2.resize(mask_HW.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grown_px + 1, 2 * grown_px + 1))
    grown: Bool = cv2.dilate(mask_HW.astype(np.uint8), disc) > 0
    return grown


def _enlarge(flow_12hw: Tensor, frame_size: tuple[int, ...], window: Window) -> Tensor:
    """Bilinear, pixel centres aligned as areas; a window of it is the same as a window cut from the whole."""
    (height, width), (rows, columns) = flow_12hw.shape[2:], frame_size
    y = (torch.arange(window.top, window.bottom) + 0.5) * (2 / rows) - 1
    x = (torch.arange(window.left, window.right) + 0.5) * (2 / columns) - 1
    rows_hw, columns_hw = torch.meshgrid(y, x, indexing="ij")
    grid = torch.stack((columns_hw, rows_hw), -1)[None]
    enlarged = grid_sample(flow_12hw, grid, "bilinear", "border", align_corners=False)
    return enlarged * torch.tensor([columns / width, rows / height])[:, None, None]


def _complete(flow: F32, back: F32, unknown_hw: Bool) -> list[_Hole]:
    """The scene's motion behind each connected part of `unknown`."""
    height, width = unknown_hw.shape
    count, labels = cv2.connectedComponents(unknown_hw.astype(np.uint8))
    holes = []
    for label in range(1, count):
        inside = labels == label
        place = bounding_window(inside)
        around = place.grown(_RING_PX, height, width)
        votes = _votes(flow, back, unknown_hw, around)
        if votes.sum() < _FEWEST_VOTES:
            around = Window(0, height, 0, width)
            votes = _votes(flow, back, unknown_hw, around)
        holes.append(_fit(flow, around, votes, place, inside[place.slices].copy()))
    return holes


def _votes(flow: F32, back: F32, unknown: Bool, around: Window) -> Bool:
    """Which pixels of a window know the scene's flow: every other one will do."""
    height, width = unknown.shape
    wide = around.grown(_LANDING_PX, height, width)
    there, home = (torch.from_numpy(f[:, *wide.slices])[None] for f in (flow, back))
    agrees = np.zeros_like(unknown)
    agrees[wide.slices] = consistent(there, home)[0, 0].numpy()
    votes = np.zeros_like(unknown)
    votes[::2, ::2] = (agrees & ~unknown)[::2, ::2]
    return votes[around.slices]


def _fit(flow_2hw: F32, around: Window, votes: Bool, place: Window, inside: Bool) -> _Hole:
    reach = max(place.bottom - place.top, place.right - place.left) / 2 + _RING_PX
    motion = np.zeros((2, 3))  # nothing tells: as if the scene stood still
    if votes.sum() >= _FEWEST_VOTES:
        rows, columns = np.nonzero(votes)
        y, x = _scaled(rows + around.top, columns + around.left, place, reach)
        motion = fit_affine(x, y, flow_2hw[:, *around.slices][:, votes].astype(np.float64), _NOISE_PX)
    hole = _Hole(place, inside, motion, reach, 0.0)
    return hole._replace(farthest=float(np.abs(hole.flow()).max()))


def _scaled(rows: NDArray[np.intp], columns: NDArray[np.intp], place: Window, reach: float) -> tuple[F64, F64]:
    """Return (y, x) of pixels, of order one: in units of `reach` from the middle of `place`."""
    middle_y, middle_x = (place.top + place.bottom) / 2, (place.left + place.right) / 2
    return np.asarray((rows - middle_y) / reach, np.float64), np.asarray((columns - middle_x) / reach, np.float64)
