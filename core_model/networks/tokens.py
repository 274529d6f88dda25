"""Soft split and composition: features to overlapping patches and back.

A token stands for a patch of 7x7 features; patches are 3 apart, so that each feature is in up to nine of them. Token
(i, j) covers rows 3 i - 3 .. 3 i + 3 and columns 3 j - 3 .. 3 j + 3 of the features.

Legend: N frames, C channels, h w height and width of the features, i j those of the tokens.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from reelmend.core_model.networks.generator_encoder import CHANNELS
from reelmend.core_model.networks.layers import frame_by_frame
from reelmend.core_model.networks.rectangle import Part, Rectangle

PATCH, STRIDE, PADDING = 7, 3, 3
TAPS = PATCH**2
TOKEN = 512
_FUSED = 40  # channels of the features in which neighbouring tokens meet between a block's two linear layers


def token_grid(height: int, width: int) -> tuple[int, int]:
    """How many tokens cover features of this size."""
    return (height - 1) // STRIDE + 1, (width - 1) // STRIDE + 1


def tokens_over(region: Rectangle, height: int, width: int) -> Rectangle:
    """The tokens, of those over features h x w, whose patches touch a region of the features."""
    rows, columns = token_grid(height, width)
    # ceil((top - 3) / 3), and one more than floor((bottom - 1 + 3) / 3)
    return Rectangle(
        max(0, -((PADDING - region.top) // STRIDE)),
        min(rows, (region.bottom - 1 + PADDING) // STRIDE + 1),
        max(0, -((PADDING - region.left) // STRIDE)),
        min(columns, (region.right - 1 + PADDING) // STRIDE + 1),
    )


def _patches(tokens: Rectangle) -> Rectangle:
    """What the tokens cover, in features; it may go beyond the frame."""
    return Rectangle(
        tokens.top * STRIDE - PADDING,
        (tokens.bottom - 1) * STRIDE + PADDING + 1,
        tokens.left * STRIDE - PADDING,
        (tokens.right - 1) * STRIDE + PADDING + 1,
    )


def _overlay(patches_Nijc: Tensor) -> Tensor:
    """Add up patches of `c` = (channels, taps) where they overlap: [N, i, j, c] -> [N, C, 3 (i-1) + 7, 3 (j-1) + 7]."""
    rows, columns = patches_Nijc.shape[1:3]
    size = ((rows - 1) * STRIDE + PATCH, (columns - 1) * STRIDE + PATCH)
    return F.fold(rearrange(patches_Nijc, "n i j c -> n c (i j)"), size, PATCH, stride=STRIDE)


class SoftSplit(nn.Module):
    """Features [B, T, 128, h, w] to tokens [B, T, i, j, 512]."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Linear(CHANNELS * TAPS, TOKEN)

    def forward(self, features_BTChw: Tensor) -> Tensor:
        # Cutting out patches and a linear layer on each is a convolution.
        kernel = self.embedding.weight.reshape(TOKEN, CHANNELS, PATCH, PATCH)
        tokens = F.conv2d(features_BTChw.flatten(0, 1), kernel, self.embedding.bias, STRIDE, PADDING)
        return rearrange(tokens, "(b t) c i j -> b t i j c", b=len(features_BTChw))


class SoftComposition(nn.Module):
    """Tokens to features, overlapping patches added up, then a 3x3 convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Linear(TOKEN, CHANNELS * TAPS)
        self.bias_conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    @staticmethod
    def reads(region: Rectangle, height: int, width: int) -> Rectangle:
        """The tokens on which a region of the features h x w depends."""
        return tokens_over(region.grown(1, height, width), height, width)

    def forward(self, tokens_NijC: Tensor, tokens: Rectangle, region: Rectangle, size: tuple[int, int]) -> Tensor:
        """Return a region of the features [N, 128, *, *] of a plane of `size`, from the tokens that `reads` names."""
        return frame_by_frame(lambda some_NijC: self._composed(some_NijC, tokens, region, size), tokens_NijC)

    def _composed(self, tokens_NijC: Tensor, tokens: Rectangle, region: Rectangle, size: tuple[int, int]) -> Tensor:
        overlaid = Part(_overlay(self.embedding(tokens_NijC)), _patches(tokens), size)
        around = region.grown(1, *size)
        return Part(overlaid.cut(around), around, size).convolved(self.bias_conv, region).values


class FusionFeedForward(nn.Module):
    """A block's two linear layers, between which neighbouring tokens meet in their overlapping patches."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Sequential(nn.Linear(TOKEN, _FUSED * TAPS))
        self.fc2 = nn.Sequential(nn.GELU(), nn.Linear(_FUSED * TAPS, TOKEN))

    @staticmethod
    def reads(tokens: Rectangle, height: int, width: int) -> Rectangle:
        """The tokens, of a grid over features h x w, on which a region of them depends."""
        return tokens.grown((PATCH - 1) // STRIDE, *token_grid(height, width))

    def forward(self, tokens_NijC: Tensor, given: Rectangle, wanted: Rectangle, size: tuple[int, int]) -> Tensor:
        """Return the `wanted` tokens [N, *, *, 512], from `given` ones that include what `reads` names.

        `size` is that of the whole plane of features.
        """
        linear = self.fc2[1]
        assert isinstance(linear, nn.Linear)
        overlaid = _overlay(self.fc1(tokens_NijC))
        met = Part(overlaid * _mean_inside(given, size, overlaid), _patches(given), size)
        # GELU works on each value alone and cutting out patches copies values: before the cut there are fewer of them.
        kernel = linear.weight.reshape(TOKEN, _FUSED, PATCH, PATCH)
        out = F.conv2d(F.gelu(met.cut(_patches(wanted))), kernel, linear.bias, STRIDE)
        return rearrange(out, "n c i j -> n i j c")


def _mean_inside(tokens: Rectangle, size: tuple[int, int], like: Tensor) -> Tensor:
    """[h, w] over the tokens' patches: 1 / how many of them overlap; 0 beyond the frame, which is `size` large."""
    patches = _patches(tokens)
    spans = ((patches.top, patches.bottom, size[0]), (patches.left, patches.right, size[1]))
    rows, columns = (_share(*span, like) for span in spans)
    return rows[:, None] * columns


def _share(start: int, stop: int, length: int, like: Tensor) -> Tensor:
    at = torch.arange(start, stop, device=like.device)
    first = torch.arange(start, stop - PATCH + 1, STRIDE, device=like.device)[:, None]
    overlapping = ((at >= first) & (at < first + PATCH)).sum(0)
    return ((at >= 0) & (at < length)).to(like.dtype) / overlapping
