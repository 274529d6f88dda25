"""Windows of the token grid, and the tokens that each of them attends to.

Legend: B batch, L local frames, i j height and width of the token grid, M windows of 5x9 = s tokens, T frames, p tokens
of the padded grid, C channels. The grid is padded right and bottom to whole windows; a position counts the padded
grid's tokens in reading order.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from reelmend.core_model.networks.rectangle import Rectangle
from reelmend.core_model.networks.tokens import PADDING, PATCH, STRIDE

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


@dataclass(frozen=True)
class Windows:
    """Some windows, of any items of the batch."""

    items: Tensor
    """int64 [M]: each window's item of the batch."""
    own: Tensor
    """int64 [M, 45]: positions of its tokens."""
    rolled: Tensor
    """int64 [M, 180]: positions of its tokens moved in the four directions; they wrap around the padded grid."""

    def __len__(self) -> int:
        return len(self.items)

    def gather(self, x_BTpC: Tensor, positions_Ms: Tensor) -> Tensor:
        """[M, T, s, C]: of each window's item, in all frames, the tokens at the window's positions."""
        return x_BTpC[self._index(x_BTpC, positions_Ms)]

    def scatter(self, tokens_MTsC: Tensor, x_BTpC: Tensor) -> None:
        """Write the windows' own tokens into x."""
        x_BTpC[self._index(x_BTpC, self.own)] = tokens_MTsC.to(x_BTpC.dtype)

    def touching(self, tokens: Rectangle, padded: tuple[int, int]) -> "Windows":
        """Those that hold any of these tokens."""
        row, column = self.own // padded[1], self.own % padded[1]
        inside = (row >= tokens.top) & (row < tokens.bottom) & (column >= tokens.left) & (column < tokens.right)
        chosen = inside.any(1).nonzero()[:, 0]  # as a mask it would be counted three times
        return Windows(self.items[chosen], self.own[chosen], self.rolled[chosen])

    def _index(self, x_BTpC: Tensor, positions_Ms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        frames = torch.arange(x_BTpC.shape[1], device=x_BTpC.device)
        return self.items[:, None, None], frames[:, None], positions_Ms[:, None]


class WindowPlan(NamedTuple):
    """The windows to be computed."""

    grid: tuple[int, int]
    """Tokens that there are, i x j."""
    padded: tuple[int, int]
    """Tokens of whole windows."""
    masked: Windows
    """Those that look around."""
    unmasked: Windows
    """Those that look at their own tokens only."""

    @classmethod
    def of(cls, masks_BL1hw: Tensor, grid: tuple[int, int]) -> "WindowPlan":
        """`masks` are the local frames', of the features' size: where one touches a window, that window is masked."""
        rows, columns = (math.ceil(length / side) for length, side in zip(grid, WINDOW, strict=True))
        padded = rows * WINDOW[0], columns * WINDOW[1]
        tokens = F.max_pool2d(masks_BL1hw.amax(1).float(), PATCH, STRIDE, PADDING)
        tokens = F.pad(tokens, (0, padded[1] - grid[1], 0, padded[0] - grid[0]))
        touched = F.max_pool2d(tokens, WINDOW).flatten(1) > 0
        return cls(grid, padded, *_sorted(touched, padded))

    def touching(self, tokens: Rectangle) -> "WindowPlan":
        """The same for the windows that hold any of these tokens."""
        if tokens == Rectangle.whole(*self.grid):
            return self
        masked, unmasked = (windows.touching(tokens, self.padded) for windows in (self.masked, self.unmasked))
        return self._replace(masked=masked, unmasked=unmasked)


def _sorted(touched_Bn: Tensor, padded: tuple[int, int]) -> tuple[Windows, Windows]:
    """Return those that are touched and the others, each in reading order. How many is all that the host has to ask."""
    order = (~touched_Bn).flatten().to(torch.uint8).argsort(stable=True)
    items, window = order // touched_Bn.shape[1], order % touched_Bn.shape[1]
    own = _positions(padded, (0, 0), order.device)[window]
    rolled = torch.cat([_positions(padded, direction, order.device) for direction in _DIRECTIONS], 1)[window]
    count = int(touched_Bn.sum())
    return Windows(items[:count], own[:count], rolled[:count]), Windows(items[count:], own[count:], rolled[count:])


def _positions(padded: tuple[int, int], direction: tuple[int, int], device: torch.device) -> Tensor:
    """int64 [n, 45]: of all windows in reading order, where their tokens are read when moved in a direction."""
    height, width = padded
    rows = (torch.arange(height, device=device) + direction[0] * ROLL[0]) % height
    columns = (torch.arange(width, device=device) + direction[1] * ROLL[1]) % width
    positions = rows[:, None] * width + columns
    return rearrange(positions, "(r i) (c j) -> (r c) (i j)", i=WINDOW[0], j=WINDOW[1])
