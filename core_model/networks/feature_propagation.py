"""Propagation of features between neighbouring frames into the holes.

Legend: B batch, L local frames, S = L-1 flows, C = 128 channels, h w height and width of the features.
Flows have channels (dx, dy) in pixels of the features.
"""

import torch
from torch import Tensor, nn

from reelmend.core_model.networks.deform import DeformableAlignment
from reelmend.core_model.networks.generator_encoder import CHANNELS
from reelmend.core_model.networks.image_propagation import consistent
from reelmend.core_model.networks.layers import LEAK, as_clips, frame_by_frame
from reelmend.core_model.networks.warp import warp
from reelmend.core_model.ranges import named_range

_HOLES = 2  # the mask, and the mask of what image propagation left missing


class FeaturePropagation(nn.Module):
    """A pass from the last frame to the first, then one forward over its result; both, mixed, are added to x."""

    def __init__(self) -> None:
        super().__init__()
        names = ("backward_1", "forward_1")
        self.deform_align = nn.ModuleDict({name: _alignment() for name in names})
        self.backbone = nn.ModuleDict({name: _two_convs(2 * CHANNELS + _HOLES) for name in names})
        self.fuse = _two_convs(2 * CHANNELS + _HOLES)

    @named_range("generator: propagate features")
    def forward(self, x_BLChw: Tensor, holes_BL2hw: Tensor, flow_fwd_BS2hw: Tensor, flow_bwd_BS2hw: Tensor) -> Tensor:
        """[B, L, 128, h, w] -> the same shape. `holes` are mask and updated mask, both float."""
        holes = list(holes_BL2hw.unbind(1))
        steps_back = _steps(flow_fwd_BS2hw, flow_bwd_BS2hw)
        steps_on = _steps(flow_bwd_BS2hw, flow_fwd_BS2hw)
        going_back = self._pass("backward_1", list(x_BLChw.unbind(1))[::-1], holes[::-1], steps_back[::-1])[::-1]
        going_on = self._pass("forward_1", going_back, holes, steps_on)
        both = torch.cat((torch.stack(going_back, 1), torch.stack(going_on, 1), holes_BL2hw), dim=2)
        return as_clips(frame_by_frame(self.fuse, both.flatten(0, 1)), x_BLChw) + x_BLChw

    def _pass(
        self, name: str, frames: list[Tensor], holes: list[Tensor], steps: list[tuple[Tensor, Tensor]]
    ) -> list[Tensor]:
        """Visit the frames in the order given; `steps[i]` lead from frame i+1 back to frame i."""
        align, backbone = self.deform_align[name], self.backbone[name]
        visited: list[Tensor] = []
        for number, (current, hole) in enumerate(zip(frames, holes, strict=True)):
            aligned = current
            if number > 0:
                flow, valid = steps[number - 1]
                previous = visited[-1].float()
                condition = torch.cat((current, warp(previous, flow), flow, valid, hole), 1)
                aligned = align(previous, condition, flow)
            visited.append(aligned + backbone(torch.cat((current, aligned, hole), 1)))
        return visited


def _steps(flow_BS2hw: Tensor, back_BS2hw: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Each flow [B, 2, h, w] with its validity [B, 1, h, w], 1 where `back` leads home again."""
    valid = consistent(flow_BS2hw.flatten(0, 1), back_BS2hw.flatten(0, 1)).to(flow_BS2hw.dtype)
    valid_BS1hw = as_clips(valid, flow_BS2hw)
    return list(zip(flow_BS2hw.unbind(1), valid_BS1hw.unbind(1), strict=True))


def _alignment() -> nn.Module:
    condition = 2 * CHANNELS + 2 + 1 + _HOLES  # current, previous where the flow leads, flow, validity, holes
    return DeformableAlignment(CHANNELS, condition_channels=condition, reach_px=3)


def _two_convs(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, CHANNELS, 3, padding=1), nn.LeakyReLU(LEAK), nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
    )
