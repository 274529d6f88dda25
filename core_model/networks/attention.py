"""Window attention: within a window, around it, and across frames.

Legend: B batch, T frames, K key frames, Q query frames, i j height and width of the token grid, M windows of 5x9 = s
tokens, p tokens of the padded grid (all its rows and columns), C = 512 channels in 4 heads.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from reelmend.core_model.networks.layers import as_clips, frames_at
from reelmend.core_model.networks.tokens import TOKEN
from reelmend.core_model.networks.windows import WindowPlan, Windows, rolled_outside
from reelmend.core_model.ranges import named_range

HEADS = 4
_POOLED = 4  # tokens of the coarse view are made of 4x4 tokens


class _Seen(NamedTuple):
    """Tokens of the padded grid, and the keys and values of the frames that all may look at."""

    tokens: Tensor  # [B, T, p, C]
    key_frames: list[int]
    keys: Tensor  # [B, K, p, C]
    values: Tensor  # [B, K, p, C]


class WindowAttention(nn.Module):
    """Tokens of masked windows see all key frames, beyond their window too; others see their own frame's window."""

    valid_ind_rolled: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("valid_ind_rolled", rolled_outside())
        self.key, self.query, self.value, self.proj = (nn.Linear(TOKEN, TOKEN) for _ in range(4))
        self.pool_layer = nn.Conv2d(TOKEN, TOKEN, _POOLED, stride=_POOLED, groups=TOKEN)

    @named_range("generator: attention")
    def forward(self, x_BTijC: Tensor, plan: WindowPlan, keys: list[int], queries: list[int]) -> Tensor:
        """Return [B, Q, i, j, C] for the query frames; zero where none of the plan's windows is.

        `keys` and `queries` are positions among the T frames. Keys and values are made of what someone looks at: all
        tokens of key frames, and of the other query frames the tokens of unmasked windows.
        """
        height, width = plan.grid
        x_BTijC = F.pad(x_BTijC, (0, 0, 0, plan.padded[1] - width, 0, plan.padded[0] - height))
        if not len(plan.masked):
            keys = [frame for frame in keys if frame in queries]
        tokens_BTpC = x_BTijC.flatten(2, 3)
        key_tokens = frames_at(tokens_BTpC, keys)
        seen = _Seen(tokens_BTpC, keys, self.key(key_tokens), self.value(key_tokens))
        out_BQpC = torch.zeros_like(tokens_BTpC[:, : len(queries)])
        if len(plan.masked):
            coarse = self._pooled(frames_at(x_BTijC, keys))
            plan.masked.scatter(self.proj(self._look_around(seen, coarse, plan.masked, queries)), out_BQpC)
        if len(plan.unmasked):
            plan.unmasked.scatter(self.proj(self._look_within(seen, plan.unmasked, queries)), out_BQpC)
        out_BQijC: Tensor = rearrange(out_BQpC, "b q (i j) c -> b q i j c", i=plan.padded[0])
        return out_BQijC[:, :, :height, :width]

    def _look_around(self, seen: _Seen, coarse_BkC: Tensor, windows: Windows, queries: list[int]) -> Tensor:
        """Return [M, Q, s, C]: all frames' tokens of a window look at the window, around it, and at the coarse view."""
        query_MQsC = self.query(windows.gather(frames_at(seen.tokens, queries), windows.own))
        if not seen.key_frames:  # a clip of one frame has no odd ones
            return torch.zeros_like(query_MQsC)
        positions = torch.cat((windows.own, windows.rolled[:, self.valid_ind_rolled]), 1)
        key, value = (
            torch.cat((windows.gather(all_BKpC, positions).flatten(1, 2), more_BkC[windows.items]), 1)
            for all_BKpC, more_BkC in (
                (seen.keys, self.key(coarse_BkC)),
                (seen.values, self.value(coarse_BkC)),
            )
        )
        attended = _attend(query_MQsC.flatten(1, 2), key, value)
        return rearrange(attended, "m (q s) c -> m q s c", q=len(queries))

    def _look_within(self, seen: _Seen, windows: Windows, queries: list[int]) -> Tensor:
        """Return [M, Q, s, C]: each frame's tokens of a window look at that frame's tokens of the window."""
        query_MQsC = self.query(windows.gather(frames_at(seen.tokens, queries), windows.own))
        others = [frame for frame in queries if frame not in seen.key_frames]
        other_tokens = windows.gather(frames_at(seen.tokens, others), windows.own)
        known = [*seen.key_frames, *others]
        place = [known.index(frame) for frame in queries]
        key_MQsC, value_MQsC = (
            frames_at(torch.cat((windows.gather(shared_BKpC, windows.own), own), 1), place)
            for shared_BKpC, own in (
                (seen.keys, self.key(other_tokens)),
                (seen.values, self.value(other_tokens)),
            )
        )
        attended = _attend(query_MQsC.flatten(0, 1), key_MQsC.flatten(0, 1), value_MQsC.flatten(0, 1))
        return as_clips(attended, query_MQsC)

    def _pooled(self, key_frames_BKijC: Tensor) -> Tensor:
        """The coarse view of all key frames: [B, tokens, C]."""
        batch = len(key_frames_BKijC)
        pooled: Tensor = self.pool_layer(rearrange(key_frames_BKijC, "b k i j c -> (b k) c i j"))
        return rearrange(pooled, "(b k) c i j -> b (k i j) c", b=batch)


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """[N, tokens, C] each; keys and values are equally many."""
    q, k, v = (rearrange(x, "n t (heads c) -> n heads t c", heads=HEADS) for x in (query, key, value))
    attended: Tensor = rearrange(F.scaled_dot_product_attention(q, k, v), "n heads t c -> n t (heads c)")
    return attended
