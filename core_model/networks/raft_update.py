"""Update block of RAFT: refines a flow from the correlation around its target.

Legend: N directed pairs of frames, h w height and width of the features (an eighth of the frames').
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reelmend.core_model.networks.correlation import CHANNELS
from reelmend.core_model.networks.layers import PointwiseConv
from reelmend.core_model.ranges import named_range

STATE, CONTEXT, MOTION = 128, 128, 128
NEIGHBOURS, CELL = 9, 8


class MotionEncoder(nn.Module):
    """Correlation [N, 324, h, w] and flow [N, 2, h, w] to 126 channels, and the flow itself behind them: 128."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1 = PointwiseConv(CHANNELS, 256)
        self.convc2 = nn.Conv2d(256, 192, 3, padding=1)
        self.convf1 = nn.Conv2d(2, 128, 7, padding=3)
        self.convf2 = nn.Conv2d(128, 64, 3, padding=1)
        self.conv = nn.Conv2d(192 + 64, MOTION - 2, 3, padding=1)

    def forward(self, correlation: Tensor, flow: Tensor) -> Tensor:
        seen = F.relu_(self.convc2(F.relu_(self.convc1(correlation))))
        moved = F.relu_(self.convf2(F.relu_(self.convf1(flow))))
        motion = F.relu_(self.conv(torch.cat((seen, moved), 1)))
        return torch.cat((motion, flow.to(motion.dtype)), 1)


class GateWeights(NamedTuple):
    """One pass of the GRU: weights over [state, motion], and over the context, which stays the same.

    z and r read the same input, so they are one convolution; q reads r * state, so it is another.
    """

    zr: Tensor  # [256, state + motion, kh, kw]
    q: Tensor  # [128, state + motion, kh, kw]
    context: Tensor  # [z, r, q: 384, context, kh, kw]
    bias: Tensor  # [384]

    @classmethod
    def of(cls, conv_z: nn.Conv2d, conv_r: nn.Conv2d, conv_q: nn.Conv2d) -> "GateWeights":
        """Sort the three convolutions' weights by what they read: their input is [state, context, motion]."""
        weights = torch.cat((conv_z.weight, conv_r.weight, conv_q.weight))
        context = weights[:, STATE : STATE + CONTEXT]
        moving = torch.cat((weights[:, :STATE], weights[:, STATE + CONTEXT :]), 1)
        assert conv_z.bias is not None
        assert conv_r.bias is not None
        assert conv_q.bias is not None
        bias = torch.cat((conv_z.bias, conv_r.bias, conv_q.bias))
        return cls(moving[: 2 * STATE], moving[2 * STATE :], context, bias)

    def share(self, context: Tensor) -> Tensor:
        """What the context [N, 128, h, w] adds to z, r and q: [N, 384, h, w]."""
        return F.conv2d(context, self.context, self.bias, padding=self._padding)

    def advance(self, state: Tensor, motion: Tensor, share: Tensor) -> Tensor:
        """Return the next state [N, 128, h, w]."""
        share_zr, share_q = share[:, : 2 * STATE], share[:, 2 * STATE :]
        zr = F.conv2d(torch.cat((state, motion), 1), self.zr, padding=self._padding).add_(share_zr).sigmoid_()
        z, r = zr.chunk(2, dim=1)
        q = F.conv2d(torch.cat((r * state, motion), 1), self.q, padding=self._padding).add_(share_q).tanh_()
        return torch.lerp(state, q, z)

    @property
    def _padding(self) -> tuple[int, int]:
        return self.zr.shape[2] // 2, self.zr.shape[3] // 2


class SeparableGru(nn.Module):
    """A pass along the rows (1x5), then one along the columns (5x1)."""

    def __init__(self) -> None:
        super().__init__()
        channels = STATE + CONTEXT + MOTION
        self.convz1, self.convr1, self.convq1 = (nn.Conv2d(channels, STATE, (1, 5)) for _ in range(3))
        self.convz2, self.convr2, self.convq2 = (nn.Conv2d(channels, STATE, (5, 1)) for _ in range(3))

    def passes(self) -> tuple[GateWeights, GateWeights]:
        """The weights of both passes; made once a call of the network, used in all its iterations."""
        return (
            GateWeights.of(self.convz1, self.convr1, self.convq1),
            GateWeights.of(self.convz2, self.convr2, self.convq2),
        )


class FlowHead(nn.Module):
    """The state's increment of the flow: [N, 128, h, w] -> [N, 2, h, w], in pixels of the features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(STATE, 256, 3, padding=1)
        self.conv2 = nn.Conv2d(256, 2, 3, padding=1)

    def forward(self, state: Tensor) -> Tensor:
        increment: Tensor = self.conv2(F.relu_(self.conv1(state)))
        return increment


class UpdateBlock(nn.Module):
    """One iteration."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = MotionEncoder()
        self.gru = SeparableGru()
        self.flow_head = FlowHead()
        self.mask = nn.Sequential(
            nn.Conv2d(STATE, 256, 3, padding=1), nn.ReLU(), PointwiseConv(256, NEIGHBOURS * CELL**2)
        )

    @named_range("raft: update")
    def forward(
        self,
        state: Tensor,
        correlation: Tensor,
        flow: Tensor,
        passes: tuple[GateWeights, GateWeights],
        shares: tuple[Tensor, Tensor],
    ) -> tuple[Tensor, Tensor]:
        """Return the next state and the next flow (fp32); `shares` are what the context adds in each of the passes."""
        motion = self.encoder(correlation, flow)
        for gates, share in zip(passes, shares, strict=True):
            state = gates.advance(state, motion, share)
        return state, flow + self.flow_head(state).float()

    @named_range("raft: upsample")
    def upsample(self, flow_N2hw: Tensor, state: Tensor) -> Tensor:
        """Return the flow [N, 2, 8 h, 8 w] in pixels of the frames: a convex mixture of the 3x3 cells around each."""
        pairs, _, height, width = flow_N2hw.shape
        # 0.25 as in RAFT: it balances the gradients of this head in training, and belongs to the weights since.
        logits = 0.25 * self.mask(state).float().reshape(pairs, 1, NEIGHBOURS, CELL, CELL, height, width)
        cells = F.unfold(CELL * flow_N2hw, 3, padding=1).reshape(pairs, 2, NEIGHBOURS, 1, 1, height, width)
        mixed = (torch.softmax(logits, dim=2) * cells).sum(2)
        return F.pixel_shuffle(mixed.reshape(pairs, 2 * CELL**2, height, width), CELL)
