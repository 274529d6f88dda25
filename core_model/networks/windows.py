"""Which tokens does each window of the token grid look at?

Legend: B batch, L local frames, i j height and width of the token grid, n windows of 5x9 tokens, in reading order.
The grid is padded right and bottom to whole windows; a position counts the padded grid's tokens in reading order.
"""

import math
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from core_model.networks.region import Region
from core_model.networks.tokens import PADDING, PATCH, STRIDE

WINDOW = (5, 9)
ROLL = (3, 5)
# Where a window's tokens are read from, moved by ROLL, in the order in which released files number them.
_DIRECTIONS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def rolled_outside() -> Tensor:
    """int64 [148]: of a window's tokens moved in the four directions one after the other, those outside the window."""
    rows, columns = torch.arange(WINDOW[0])[:, None], torch.arange(WINDOW[1])
    outside = []
    for down, right in _DIRECTIONS:
        row, column = rows + down * ROLL[0], columns + right * ROLL[1]
        outside.append(((row < 0) | (row >= WINDOW[0]) | (column < 0) | (column >= WINDOW[1])).flatten())
    return torch.cat(outside).nonzero()[:, 0]


class WindowPlan(NamedTuple):
    """Which windows are to be computed, and where they read."""

    grid: tuple[int, int]
    """Tokens that there are, i x j."""
    padded: tuple[int, int]
    """Tokens of whole windows."""
    masked: tuple[Tensor, Tensor]
    """(batch item, window) of each window that looks around, int64 [M] each."""
    unmasked: tuple[Tensor, Tensor]
    """(batch item, window) of each that looks at its own tokens only, int64 [U] each."""
    own: Tensor
    """int64 [n, 45]: positions of each window's tokens."""
    rolled: Tensor
    """int64 [n, 180]: positions of its tokens moved in the four directions; they wrap around the padded grid."""

    @classmethod
    def of(cls, masks_BL1hw: Tensor, grid: tuple[int, int]) -> Self:
        """`masks` are the local frames', of the features' size: where one touches a window, that window is masked."""
        rows, columns = (math.ceil(length / side) for length, side in zip(grid, WINDOW, strict=True))
        padded = rows * WINDOW[0], columns * WINDOW[1]
        tokens = F.max_pool2d(masks_BL1hw.amax(1).float(), PATCH, STRIDE, PADDING)
        tokens = F.pad(tokens, (0, padded[1] - grid[1], 0, padded[0] - grid[0]))
        touched_Bn = F.max_pool2d(tokens, WINDOW).flatten(1) > 0
        device = masks_BL1hw.device
        return cls(
            grid,
            padded,
            _pair(touched_Bn),
            _pair(~touched_Bn),
            _positions(padded, (0, 0)).to(device),
            torch.cat([_positions(padded, direction) for direction in _DIRECTIONS], 1).to(device),
        )

    def touching(self, tokens: Region) -> Self:
        """The same for the windows that hold any of these tokens."""
        columns = self.padded[1] // WINDOW[1]
        row, column = torch.arange(len(self.own)) // columns, torch.arange(len(self.own)) % columns
        wanted = (row * WINDOW[0] < tokens.bottom) & ((row + 1) * WINDOW[0] > tokens.top)
        wanted &= (column * WINDOW[1] < tokens.right) & ((column + 1) * WINDOW[1] > tokens.left)
        wanted = wanted.to(self.own.device)
        item_m, window_m = self.masked
        item_u, window_u = self.unmasked
        keep_m, keep_u = wanted[window_m], wanted[window_u]
        return self._replace(
            masked=(item_m[keep_m], window_m[keep_m]), unmasked=(item_u[keep_u], window_u[keep_u])
        )


def _pair(chosen_Bn: Tensor) -> tuple[Tensor, Tensor]:
    item, window = chosen_Bn.nonzero().unbind(1)
    return item, window


def _positions(padded: tuple[int, int], direction: tuple[int, int]) -> Tensor:
    height, width = padded
    rows = (torch.arange(height) + direction[0] * ROLL[0]) % height
    columns = (torch.arange(width) + direction[1] * ROLL[1]) % width
    positions = rows[:, None] * width + columns
    return rearrange(positions, "(r i) (c j) -> (r c) (i j)", i=WINDOW[0], j=WINDOW[1])
