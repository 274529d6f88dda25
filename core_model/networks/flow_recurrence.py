"""Recurrent propagation of flow features, forward and backward.

Legend: B batch, S flows in order of time, C = 128 channels, h w height and width of the features.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from reelmend.core_model.networks.deform import DeformableAlignment
from reelmend.core_model.networks.layers import PointwiseConv
from reelmend.core_model.ranges import named_range

CHANNELS = 128
LEAK = 0.1


class FlowRecurrence(nn.Module):
    """A pass from the last flow to the first, then one forward that sees its result; both, mixed, are added to x."""

    def __init__(self) -> None:
        super().__init__()
        self.deform_align = nn.ModuleDict({name: _alignment() for name in ("backward_", "forward_")})
        self.backbone = nn.ModuleDict({"backward_": _backbone(2 * CHANNELS), "forward_": _backbone(3 * CHANNELS)})
        self.fusion = PointwiseConv(2 * CHANNELS, CHANNELS)

    def forward(self, frames: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield S features [B, 128, h, w] for as many, in order of time.

        What is yielded lies where the weights do; what has to be kept until then, where the given ones do.
        """
        device = self.fusion.weight.device
        backward = _Pass(self.deform_align["backward_"], self.backbone["backward_"])
        later = [backward.visit(x.to(device)).to(x.device) for x in reversed(frames)][::-1]
        forward = _Pass(self.deform_align["forward_"], self.backbone["forward_"])
        for x, seen_later in zip((x.to(device) for x in frames), (x.to(device) for x in later), strict=True):
            seen_earlier = forward.visit(x, seen_later)
            yield self.fusion(torch.cat((seen_later, seen_earlier), 1)) + x


class _Pass:
    """Carries what was seen from one flow to the next, in the order in which they are visited."""

    def __init__(self, align: nn.Module, backbone: nn.Module) -> None:
        self._align, self._backbone = align, backbone
        self._seen: list[Tensor] = []
        """The features of the flow before, and of the one before that."""

    @named_range("flow completion: step")
    def visit(self, current: Tensor, *more: Tensor) -> Tensor:
        """Return the feature [B, 128, h, w] of a flow of which `current`, and `more`, is known."""
        nothing = torch.zeros_like(current)
        previous, before_previous = (*self._seen, nothing, nothing)[:2]
        aligned = nothing
        if self._seen:
            condition = torch.cat((previous, current, before_previous), 1)
            aligned = self._align(torch.cat((previous, before_previous), 1), condition)
        feature: Tensor = aligned + self._backbone(torch.cat((current, *more, aligned), 1))
        self._seen = [feature, previous]
        return feature


def _alignment() -> nn.Module:
    return DeformableAlignment(2 * CHANNELS, condition_channels=3 * CHANNELS, reach_px=5)


def _backbone(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, CHANNELS, 3, padding=1), nn.LeakyReLU(LEAK), nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
    )
