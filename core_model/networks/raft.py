"""RAFT: the optical flow from one frame to the next.

Teed & Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020 (the large model).
Legend: B batch, T frames, N = B T, P pairs, H W height and width of the frames, h w = H/8, W/8.
A flow has channels (dx, dy) in pixels; forward flow t leads from frame t to t+1, backward flow t from t+1 to t.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from reelmend.core_model.networks.correlation import CorrelationPyramid
from reelmend.core_model.networks.layers import as_clips
from reelmend.core_model.networks.raft_encoder import FrameEncoder, FrozenBatchNorm
from reelmend.core_model.networks.raft_update import CONTEXT, STATE, GateWeights, UpdateBlock
from reelmend.core_model.ranges import named_range

SMALLEST_SIDE_PX = 128
SIDE_MULTIPLE_PX = 8
_TILE_CELLS = 4


class FrameFeatures(NamedTuple):
    """What RAFT needs of each frame, whichever pairs it is in: computed once a frame."""

    seen: Tensor
    """[B, T, 256, h, w] compared with the other frame's."""
    state: Tensor
    """[B, T, 128, h, w] where the recurrence starts when the frame is the first of its pair."""
    shares: tuple[Tensor, Tensor]
    """[B, T, 384, h, w] what its context adds to the gates, in each of the recurrence's two passes."""

    def frames(self, start: int, stop: int) -> "FrameFeatures":
        """Those of the frames start..stop-1."""
        rows, columns = self.shares
        return FrameFeatures(
            self.seen[:, start:stop], self.state[:, start:stop], (rows[:, start:stop], columns[:, start:stop])
        )


class Raft(nn.Module):
    """RAFT, large; its state dict is that of the released `raft-things` without the `module.` in front."""

    def __init__(self) -> None:
        super().__init__()
        self.fnet = FrameEncoder(norm=nn.InstanceNorm2d)
        self.cnet = FrameEncoder(norm=FrozenBatchNorm)
        self.update_block = UpdateBlock()

    @named_range("raft")
    def forward(self, frames_BT3HW: Tensor, iterations: int = 20, pairs_at_once: int = 8) -> tuple[Tensor, Tensor]:
        """Return (forward, backward) flow, each fp32 [B, T-1, 2, H, W] in pixels, of frames in [-1, 1].

        Sides must be multiples of 8 and at least 128 (below, the coarsest correlation is one pixel). Frames may lie on
        another device than the network, and the flow is returned there: memory on the network's depends on
        `pairs_at_once` and not on T. Raises ValueError when the shape does not fit.
        """
        _check(frames_BT3HW, iterations)
        passes = self.update_block.gru.passes()
        device = self.fnet.conv1.weight.device
        pairs = frames_BT3HW.shape[1] - 1
        features = self._encode(frames_BT3HW[:, :1].to(device), passes)
        flows = []
        for start in range(0, pairs, pairs_at_once):
            further = frames_BT3HW[:, start + 1 : start + 1 + pairs_at_once].to(device)
            features = _joined(features, self._encode(further, passes))
            flows.append([flow.to(frames_BT3HW.device) for flow in self._flow(features, passes, iterations)])
            features = features.frames(-1, features.seen.shape[1])
        forward, backward = zip(*flows, strict=True)
        return torch.cat(forward, 1), torch.cat(backward, 1)

    def settled_iterations(self, pair_BT3HW: Tensor, most: int, stop_below_px: float) -> int:
        """Return after how many iterations, 1..`most`, the flow of a pair of frames has settled both ways.

        It has where the last update is shorter than `stop_below_px` pixels, see `updates`.
        """
        for number, length_px in enumerate(self.updates(pair_BT3HW, most), start=1):
            if length_px < stop_below_px:
                return number
        return most

    def updates(self, pair_BT3HW: Tensor, iterations: int) -> Iterator[float]:
        """Yield by how many pixels of the frames each iteration moves the flow of a pair of frames, either way.

        That is the mean over a tile of 32x32 pixels, of the tile where it is largest: something small that moves by
        itself counts as much as the rest. Raises ValueError as `forward`.
        """
        _check(pair_BT3HW, iterations)
        passes = self.update_block.gru.passes()
        before = None
        for flow, _ in self._refined(self._encode(pair_BT3HW, passes), passes, iterations):
            yield SIDE_MULTIPLE_PX * longest_on_average(flow if before is None else flow - before)
            before = flow

    @named_range("raft: encode")
    def _encode(self, frames_BT3HW: Tensor, passes: tuple[GateWeights, GateWeights]) -> FrameFeatures:
        frames = frames_BT3HW.flatten(0, 1)
        state, context = self.cnet(frames).split((STATE, CONTEXT), dim=1)
        context = F.relu(context)
        per_frame = self.fnet(frames), torch.tanh(state), *(gates.share(context) for gates in passes)
        seen, state, rows, columns = (as_clips(x, frames_BT3HW) for x in per_frame)
        return FrameFeatures(seen, state, (rows, columns))

    @named_range("raft: iterations")
    def _flow(
        self, features: FrameFeatures, passes: tuple[GateWeights, GateWeights], iterations: int
    ) -> tuple[Tensor, Tensor]:
        """Both directions of the T-1 pairs of adjacent frames, as one batch of 2 P."""
        ((flow, state),) = deque(self._refined(features, passes, iterations), maxlen=1)
        flows = self.update_block.upsample(flow, state)
        forward, backward = rearrange(flows, "(way b t) c h w -> way b t c h w", way=2, b=len(features.seen))
        return forward, backward

    def _refined(
        self, features: FrameFeatures, passes: tuple[GateWeights, GateWeights], iterations: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the flow [2 P, 2, h, w], in pixels of the features, and the state after each iteration."""
        correlation = CorrelationPyramid.both_ways(
            features.seen[:, :-1].flatten(0, 1), features.seen[:, 1:].flatten(0, 1)
        )
        state = _as_first_of_pair(features.state)
        rows, columns = (_as_first_of_pair(share) for share in features.shares)
        start = _grid(state)
        flow = torch.zeros_like(start)
        for _ in range(iterations):
            found = correlation.look_up(start + flow)
            state, flow = self.update_block(state, found, flow, passes, (rows, columns))
            yield flow, state


def longest_on_average(vectors_N2hw: Tensor) -> float:
    """Return the mean length of the vectors in a tile of 4x4, in the tile where it is largest."""
    length = vectors_N2hw.square().sum(1, keepdim=True).sqrt()
    return float(F.avg_pool2d(length, _TILE_CELLS, ceil_mode=True).max())


def _check(frames: Tensor, iterations: int) -> None:
    fits = frames.ndim == 5 and frames.shape[1] >= 2 and frames.shape[2] == 3
    if not fits or any(side < SMALLEST_SIDE_PX or side % SIDE_MULTIPLE_PX for side in frames.shape[3:]):
        raise ValueError(
            f"Raft: expected frames [B, T >= 2, 3, H, W] with H and W multiples of {SIDE_MULTIPLE_PX} and at least "
            f"{SMALLEST_SIDE_PX}, got {[*frames.shape]}"
        )
    if iterations < 1:
        raise ValueError(f"Raft: expected at least 1 iteration, got {iterations}")


def _joined(first: FrameFeatures, second: FrameFeatures) -> FrameFeatures:
    rows, columns = (torch.cat(shares, 1) for shares in zip(first.shares, second.shares, strict=True))
    return FrameFeatures(
        torch.cat((first.seen, second.seen), 1), torch.cat((first.state, second.state), 1), (rows, columns)
    )


def _as_first_of_pair(per_frame_BTChw: Tensor) -> Tensor:
    """[B, T, C, h, w] -> [2 P, C, h, w]: of the pairs' earlier frames (forward), then of their later ones."""
    ways = torch.stack((per_frame_BTChw[:, :-1], per_frame_BTChw[:, 1:]))
    return ways.flatten(0, 2)


def _grid(like_NChw: Tensor) -> Tensor:
    """fp32 [N, 2, h, w]: each pixel's (x, y)."""
    pairs, _, height, width = like_NChw.shape
    x = torch.arange(width, dtype=torch.float32, device=like_NChw.device).expand(height, width)
    y = torch.arange(height, dtype=torch.float32, device=like_NChw.device)[:, None].expand(height, width)
    return torch.stack((x, y)).expand(pairs, 2, height, width)
