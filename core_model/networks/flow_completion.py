"""How do things move behind a hole, given how they move around it and before and after?

Recurrent flow completion (Zhou et al., "ProPainter", ICCV 2023, section 3.1).
Legend: B batch, T frames, S = T-1 flows of one direction, C channels, H W height and width of the flows.
A mask is 1 where content is missing. Flows have channels (dx, dy) in pixels.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from core_model.networks.flow_recurrence import FlowRecurrence
from core_model.networks.layers import LEAK, UpsamplingConv, as_clips, pointwise

SIDE_MULTIPLE_PX = 8
# Frames of the large sizes that are worked on at once: what lies between two layers stays small, however long the clip.
_AT_ONCE = 4
_AT_ONCE_ON_CPU = 1  # of both directions: what lies between two layers then stays in its caches


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
    """Mixes each pixel with itself two frames before and two frames after; zeros beyond the ends."""

    GAP_FRAMES = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, channels, 3, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x_BSCHW: Tensor) -> Tensor:
        frames, gap = x_BSCHW.shape[1], self.GAP_FRAMES
        weight = rearrange(self.weight, "o c k 1 1 -> o (k c)")
        mixed = []
        at_once = _at_once(x_BSCHW)
        for start in range(0, frames, at_once):
            stop = min(frames, start + at_once)
            first, last = max(0, start - gap), min(frames, stop + gap)
            near = F.pad(x_BSCHW[:, first:last], (0, 0, 0, 0, 0, 0, first - start + gap, stop + gap - last))
            seen = torch.cat([near[:, k * gap : k * gap + stop - start] for k in range(3)], dim=2)
            mixed.append(as_clips(pointwise(seen.flatten(0, 1), weight, self.bias), seen))
        return torch.cat(mixed, 1)


class P3dBlock(nn.Module):
    """A spatial, then a temporal convolution: [B, S, C, H, W] -> [B, S, C_out, H / stride, W / stride]."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            SpatialConv(channels_in, channels_out, 3, stride=stride), nn.LeakyReLU(LEAK, inplace=True)
        )
        self.conv2 = nn.Sequential(TemporalConv(channels_out))

    def forward(self, x_BSCHW: Tensor) -> Tensor:
        out: Tensor = self.conv2(_a_few_at_a_time(self.conv1, x_BSCHW))
        return out


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

    def forward(self, flow_fwd: Tensor, flow_bwd: Tensor, masks_BT1HW: Tensor) -> tuple[Tensor, Tensor]:
        """Return both flows [B, T-1, 2, H, W] with the pixels under the mask (of the frame they start from) completed.

        Sides must be multiples of 8. What is measured outside the masks is returned as it is.
        Raises ValueError when the shapes do not fit.
        """
        _check(flow_fwd, flow_bwd, masks_BT1HW)
        masks = masks_BT1HW.to(flow_fwd.dtype)
        # Both directions run in their own order of time, as one batch.
        measured = torch.cat((flow_fwd, flow_bwd.flip(1)))
        holes = torch.cat((masks[:, :-1], masks[:, 1:].flip(1)))
        outside = 1 - holes
        predicted = self._predict(torch.cat((measured * outside, holes), dim=2)).to(measured.dtype)
        completed_fwd, completed_bwd = (predicted * holes + measured * outside).chunk(2)
        return completed_fwd, completed_bwd.flip(1)

    def _predict(self, holed_BS3HW: Tensor) -> Tensor:
        quarter = self.encoder1(_a_few_at_a_time(self.downsample, holed_BS3HW))
        eighth = self.feat_prop_module(self.mid_dilation(self.encoder2(quarter)))
        parts = (torch.split(x, _at_once(x), dim=1) for x in (eighth, quarter))
        return torch.cat([self._decode(*part) for part in zip(*parts, strict=True)], 1)

    def _decode(self, eighth_BSChw: Tensor, quarter_BSChw: Tensor) -> Tensor:
        up = self.decoder2(eighth_BSChw.flatten(0, 1)) + quarter_BSChw.flatten(0, 1)
        flow: Tensor = self.upsample(self.decoder1(up))
        return as_clips(flow, eighth_BSChw)


def _a_few_at_a_time(per_frame: nn.Module, x_BSCHW: Tensor) -> Tensor:
    return torch.cat([per_frame(part) for part in torch.split(x_BSCHW, _at_once(x_BSCHW), dim=1)], 1)


def _at_once(x: Tensor) -> int:
    return _AT_ONCE_ON_CPU if x.device.type == "cpu" else _AT_ONCE


def _check(flow_fwd: Tensor, flow_bwd: Tensor, masks: Tensor) -> None:
    fits = masks.ndim == 5 and masks.shape[1] >= 2 and masks.shape[2] == 1
    expected = (masks.shape[0], masks.shape[1] - 1, 2, *masks.shape[3:]) if fits else ()
    whole = all(side % SIDE_MULTIPLE_PX == 0 for side in masks.shape[3:])
    if not whole or flow_fwd.shape != expected or flow_bwd.shape != expected:
        raise ValueError(
            f"FlowCompletion: expected flows [B, T-1, 2, H, W] and masks [B, T >= 2, 1, H, W] with H and W multiples "
            f"of {SIDE_MULTIPLE_PX}, got {[*flow_fwd.shape]}, {[*flow_bwd.shape]} and {[*masks.shape]}"
        )
