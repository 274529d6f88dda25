"""Completion of optical flow inside the holes, from its surroundings and from neighbouring frames.

Recurrent flow completion (Zhou et al., "ProPainter", ICCV 2023, section 3.1).
Legend: B batch, T frames, S = T-1 flows of one direction, C channels, H W height and width of the flows.
A mask is 1 where content is missing. Flows have channels (dx, dy) in pixels.

A clip goes through the layers in pieces of a few frames, each as soon as the frames that it needs are there: what lies
between two layers stays small, however long the clip.
"""

from collections.abc import Iterable, Iterator
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from reelmend.core_model.networks.flow_recurrence import FlowRecurrence
from reelmend.core_model.networks.layers import LEAK, UpsamplingConv, as_clips, pointwise
from reelmend.core_model.ranges import named_range

SIDE_MULTIPLE_PX = 8
_PIECE = 4
_PIECE_ON_CPU = 1  # of both directions: what lies between two layers then stays in its caches

Pieces = Iterable[Tensor]
"""A clip's frames in order of time, a few at once: each piece is [B, s, C, H, W]."""


class SpatialConv(nn.Module):
    """A convolution of each frame by itself: [B, S, C, H, W] -> [B, S, C_out, H', W'].

    Its weight is a 3D one, one frame deep, because that is how it was released.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels_out, channels_in, 1, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.stride, self.dilation = stride, dilation
        self.padding = dilation * (kernel // 2)

    def forward(self, x_BSCHW: Tensor) -> Tensor:
        x = x_BSCHW.flatten(0, 1)
        out = F.conv2d(x, self.weight[:, :, 0], self.bias, self.stride, self.padding, self.dilation)
        return as_clips(out, x_BSCHW)


class ReplicateConv(SpatialConv):
    """The same with the outermost pixels repeated outside the frame."""

    def forward(self, x_BSCHW: Tensor) -> Tensor:
        x = F.pad(x_BSCHW.flatten(0, 1), (self.padding,) * 4, mode="replicate")
        return as_clips(F.conv2d(x, self.weight[:, :, 0], self.bias, self.stride), x_BSCHW)


class TemporalConv(nn.Module):
    """Mixes each pixel with itself two frames before and two frames after: [B, S + 4, C, H, W] -> [B, S, C, H, W]."""

    GAP_FRAMES = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, channels, 3, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x_BSCHW: Tensor) -> Tensor:
        gap, frames = self.GAP_FRAMES, x_BSCHW.shape[1] - 2 * self.GAP_FRAMES
        weight = rearrange(self.weight, "o c k 1 1 -> o (k c)")
        seen = torch.cat([x_BSCHW[:, k * gap : k * gap + frames] for k in range(3)], dim=2)
        return as_clips(pointwise(seen.flatten(0, 1), weight, self.bias), seen)

    def stream(self, pieces: Pieces) -> Iterator[Tensor]:
        """Yield a whole clip's frames, mixed, as soon as those two later are there; beyond its ends are zeros."""
        nothing = (0, 0, 0, 0, 0, 0)
        near = torch.empty(0)
        for number, piece in enumerate(pieces):
            near = torch.cat((near, piece), 1) if number else F.pad(piece, (*nothing, self.GAP_FRAMES, 0))
            ready = near.shape[1] - 2 * self.GAP_FRAMES
            if ready > 0:
                yield self(near)
                near = near[:, ready:]
        yield self(F.pad(near, (*nothing, 0, self.GAP_FRAMES)))


class P3dBlock(nn.Module):
    """A spatial, then a temporal convolution of a clip: C, H, W -> C_out, H / stride, W / stride."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            SpatialConv(channels_in, channels_out, 3, stride=stride), nn.LeakyReLU(LEAK, inplace=True)
        )
        self.conv2 = nn.Sequential(TemporalConv(channels_out))

    def stream(self, pieces: Pieces) -> Iterator[Tensor]:
        return cast(TemporalConv, self.conv2[0]).stream(map(self.conv1, pieces))


class EdgeDetector(nn.Module):
    """Parameters of the training's edge loss: part of the released files, of no use in completing flow."""

    def __init__(self) -> None:
        super().__init__()
        self.projection = nn.Sequential(nn.Conv2d(2, 16, 3, padding=1))
        self.mid_layer_1 = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1))
        self.mid_layer_2 = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1))
        self.out_layer = nn.Conv2d(16, 1, 1)


class FlowCompletion(nn.Module):
    """The recurrent flow completion network; its state dict is that of the released `recurrent_flow_completion`."""

    def __init__(self) -> None:
        super().__init__()
        leak = nn.LeakyReLU(LEAK, inplace=True)
        self.downsample = nn.Sequential(ReplicateConv(3, 32, 5, stride=2), leak)
        self.encoder1 = nn.Sequential(P3dBlock(32, 32, stride=1), leak, P3dBlock(32, 64, stride=2), leak)
        self.encoder2 = nn.Sequential(P3dBlock(64, 64, stride=1), leak, P3dBlock(64, 128, stride=2), leak)
        dilated = [SpatialConv(128, 128, 3, dilation=dilation) for dilation in (3, 2, 1)]
        self.mid_dilation = nn.Sequential(dilated[0], leak, dilated[1], leak, dilated[2], leak)
        self.feat_prop_module = FlowRecurrence()
        self.decoder2 = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1), leak, UpsamplingConv(128, 64), leak)
        self.decoder1 = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), leak, UpsamplingConv(64, 32), leak)
        self.upsample = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), leak, UpsamplingConv(32, 2))
        self.edgeDetector = EdgeDetector()

    @named_range("flow completion")
    def forward(self, flow_fwd: Tensor, flow_bwd: Tensor, masks_BT1HW: Tensor) -> tuple[Tensor, Tensor]:
        """Return both flows [B, T-1, 2, H, W] with the pixels under the mask (of the frame they start from) completed.

        Sides must be multiples of 8. What is measured outside the masks is returned as it is. The result lies where the
        flows do, and so does what has to be kept of the whole clip: given in host memory, they need only a few frames'
        worth of the memory of the device that the weights are on.
        Raises ValueError when the shapes do not fit.
        """
        _check(flow_fwd, flow_bwd, masks_BT1HW)
        flows = _BothWays(flow_fwd, flow_bwd)
        holes = _BothWays(masks_BT1HW[:, :-1], masks_BT1HW[:, 1:])
        completed = _BothWays(torch.empty_like(flow_fwd), torch.empty_like(flow_bwd))
        for t, predicted in enumerate(self._predict(flows, holes)):
            measured, hole = (x.frames(t, t + 1).to(predicted) for x in (flows, holes))
            completed.put(t, predicted[:, None] * hole + measured * (1 - hole))
        return completed.first, completed.second

    def _predict(self, flows: "_BothWays", holes: "_BothWays") -> Iterator[Tensor]:
        """Yield what the network says of each flow, [2 B, 2, H, W]."""
        quarters: list[Tensor] = []
        home = flows.first.device
        pieces = _through(self.encoder1, map(self.downsample, self._holed(flows, holes)))
        deep = map(self.mid_dilation, _through(self.encoder2, _kept(pieces, quarters, home)))
        eighths: list[Tensor] = []
        for _ in _kept(deep, eighths, home):
            pass
        for eighth, quarter in zip(self.feat_prop_module(eighths), quarters, strict=True):
            yield self.upsample(self.decoder1(self.decoder2(eighth) + quarter.to(eighth.device)))

    def _holed(self, flows: "_BothWays", holes: "_BothWays") -> Iterator[Tensor]:
        device = next(self.parameters()).device
        length = _PIECE_ON_CPU if device.type == "cpu" else _PIECE
        for start in range(0, flows.count, length):
            measured, hole = (x.frames(start, start + length).to(device, flows.first.dtype) for x in (flows, holes))
            yield torch.cat((measured * (1 - hole), hole), dim=2)


class _BothWays:
    """Two directions [B, S, C, H, W] as one batch, each in its own order of time: the second runs from the end."""

    def __init__(self, first: Tensor, second: Tensor) -> None:
        self.first, self.second = first, second
        self.count = first.shape[1]

    def frames(self, start: int, stop: int) -> Tensor:
        """[2 B, stop - start, C, H, W], less beyond the end."""
        stop = min(stop, self.count)
        return torch.cat((self.first[:, start:stop], self.second[:, self.count - stop : self.count - start].flip(1)))

    def put(self, t: int, frame_B1CHW: Tensor) -> None:
        self.first[:, t : t + 1], self.second[:, self.count - 1 - t : self.count - t] = frame_B1CHW.chunk(2)


def _through(layers: nn.Sequential, pieces: Pieces) -> Pieces:
    for layer in layers:
        pieces = layer.stream(pieces) if isinstance(layer, P3dBlock) else map(layer, pieces)
    return pieces


def _kept(pieces: Pieces, frames: list[Tensor], home: torch.device) -> Iterator[Tensor]:
    """Pass the pieces on, and leave their frames in `frames`."""
    for piece in pieces:
        frames += piece.to(home).unbind(1)
        yield piece


def _check(flow_fwd: Tensor, flow_bwd: Tensor, masks: Tensor) -> None:
    fits = masks.ndim == 5 and masks.shape[1] >= 2 and masks.shape[2] == 1
    expected = (masks.shape[0], masks.shape[1] - 1, 2, *masks.shape[3:]) if fits else ()
    whole = all(side % SIDE_MULTIPLE_PX == 0 for side in masks.shape[3:])
    if not whole or flow_fwd.shape != expected or flow_bwd.shape != expected:
        raise ValueError(
            f"FlowCompletion: expected flows [B, T-1, 2, H, W] and masks [B, T >= 2, 1, H, W] with H and W multiples "
            f"of {SIDE_MULTIPLE_PX}, got {[*flow_fwd.shape]}, {[*flow_bwd.shape]} and {[*masks.shape]}"
        )
