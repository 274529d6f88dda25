"""Transformer: content for holes that no neighbouring frame shows.

The mask-guided sparse video transformer (Zhou et al., "ProPainter", ICCV 2023, section 3.3).
Legend: B batch, T frames, Q query frames, i j height and width of the token grid, C = 512 channels.
"""

from typing import NamedTuple

from torch import Tensor, nn

from reelmend.core_model.networks.attention import WindowAttention
from reelmend.core_model.networks.layers import as_clips, frame_by_frame, frames_at
from reelmend.core_model.networks.rectangle import Rectangle
from reelmend.core_model.networks.tokens import TOKEN, FusionFeedForward
from reelmend.core_model.networks.windows import WindowPlan
from reelmend.core_model.ranges import named_range

DEPTH = 8
_KEY_STRIDE = 2


class BlockFrames(NamedTuple):
    """Positions among the frames a block is given."""

    keys: list[int]
    """Those that masked windows look at."""
    queries: list[int]
    """Those the block gives to the next one."""


def frames_of_blocks(frames: int, local: int) -> tuple[list[int], list[BlockFrames]]:
    """Return the frames the first block needs, and each block's part, for the last one to give the first `local`.

    Block b takes its keys from frames b mod 2, b mod 2 + 2, ... of all; a frame that no later block reads is dropped.
    """
    wanted = list(range(local))
    blocks: list[BlockFrames] = []
    for block in reversed(range(DEPTH)):
        keys = range(block % _KEY_STRIDE, frames, _KEY_STRIDE)
        given = sorted({*wanted, *keys})
        blocks.append(BlockFrames([given.index(t) for t in keys], [given.index(t) for t in wanted]))
        wanted = given
    return wanted, blocks[::-1]


class TransformerBlock(nn.Module):
    """Attention and feed-forward, each behind a layer norm and beside a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = WindowAttention()
        self.norm1 = nn.LayerNorm(TOKEN)
        self.norm2 = nn.LayerNorm(TOKEN)
        self.mlp = FusionFeedForward()

    def forward(
        self, x_BTijC: Tensor, plan: WindowPlan, frames: BlockFrames, wanted: Rectangle, size: tuple[int, int]
    ) -> Tensor:
        """Return the `wanted` tokens of the query frames, [B, Q, *, *, C]. `size` is that of the features."""
        read = self.mlp.reads(wanted, *size)
        rows, columns = read.inside(Rectangle.whole(*plan.grid))
        attended = self.attention(self.norm1(x_BTijC), plan.touching(read), frames.keys, frames.queries)
        x: Tensor = frames_at(x_BTijC[:, :, rows, columns], frames.queries) + attended[:, :, rows, columns]
        mixed = frame_by_frame(lambda tokens: self.mlp(tokens, read, wanted, size), self.norm2(x).flatten(0, 1))
        rows, columns = wanted.inside(read)
        return x[:, :, rows, columns] + as_clips(mixed, x)


class Transformer(nn.Module):
    """Eight blocks: tokens of local and reference frames to those of the local frames."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = nn.ModuleList(TransformerBlock() for _ in range(DEPTH))

    @named_range("generator: transformer")
    def forward(
        self, x_BTijC: Tensor, local: int, plan: WindowPlan, wanted: Rectangle, size: tuple[int, int]
    ) -> Tensor:
        """Return the `wanted` tokens of the first `local` frames, [B, L, *, *, C]. `size` is that of the features."""
        everywhere = Rectangle.whole(*plan.grid)
        given, blocks = frames_of_blocks(x_BTijC.shape[1], local)
        x = frames_at(x_BTijC, given)
        for number, (block, frames) in enumerate(zip(self.transformer, blocks, strict=True), start=1):
            x = block(x, plan, frames, wanted if number == DEPTH else everywhere, size)
        return x
