"""What do the flows before and after say about this one?

Legend: B batch, S flows in order of time, C = 128 channels, h w height and width of the features.
"""

import torch
from torch import Tensor, nn

from core_model.networks.deform import DeformableAlignment
from core_model.networks.layers import PointwiseConv, as_clips

CHANNELS = 128
LEAK = 0.1


class FlowRecurrence(nn.Module):
    """A pass from the last flow to the first, then one forward that sees its result; both, mixed, are added to x."""

    def __init__(self) -> None:
        super().__init__()
        self.deform_align = nn.ModuleDict({name: _alignment() for name in ("backward_", "forward_")})
        self.backbone = nn.ModuleDict({"backward_": _backbone(2 * CHANNELS), "forward_": _backbone(3 * CHANNELS)})
        self.fusion = PointwiseConv(2 * CHANNELS, CHANNELS)

    def forward(self, x_BSChw: Tensor) -> Tensor:
        """[B, S, 128, h, w] -> the same shape."""
        current = list(x_BSChw.unbind(1))
        seen_later = self._pass("backward_", [[x] for x in reversed(current)])[::-1]
        seen_earlier = self._pass("forward_", [[x, later] for x, later in zip(current, seen_later, strict=True)])
        both = torch.cat((torch.stack(seen_later, 1), torch.stack(seen_earlier, 1)), dim=2)
        mixed: Tensor = self.fusion(both.flatten(0, 1))
        return as_clips(mixed, x_BSChw) + x_BSChw

    def _pass(self, name: str, known: list[list[Tensor]]) -> list[Tensor]:
        """Visit the flows in the order given; `known[i]` is what is known of flow i, its own feature first."""
        align, backbone = self.deform_align[name], self.backbone[name]
        nothing = torch.zeros_like(known[0][0])
        previous = before_previous = nothing
        visited: list[Tensor] = []
        for step, (current, *more) in enumerate(known):
            aligned = nothing
            if step > 0:
                condition = torch.cat((previous, current, before_previous), 1)
                aligned = align(torch.cat((previous, before_previous), 1), condition)
            feature = aligned + backbone(torch.cat((current, *more, aligned), 1))
            visited.append(feature)
            previous, before_previous = feature, previous
        return visited


def _alignment() -> nn.Module:
    return DeformableAlignment(2 * CHANNELS, condition_channels=3 * CHANNELS, reach_px=5)


def _backbone(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, CHANNELS, 3, padding=1), nn.LeakyReLU(LEAK), nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
    )
