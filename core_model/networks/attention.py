"""What does each token learn from the others in its window, around it, and in other frames?

Legend: B batch, T frames, K key frames, Q query frames, i j height and width of the token grid, n windows of 5x9
tokens, p tokens of the padded grid (all its rows and columns), C = 512 channels in 4 heads.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from core_model.networks.tokens import TOKEN
from core_model.networks.windows import WindowPlan, rolled_outside

HEADS = 4
_POOLED = 4  # tokens of the coarse view are made of 4x4 tokens


class WindowAttention(nn.Module):
    """Tokens of masked windows see all key frames, beyond their window too; others see their own frame's window."""

    valid_ind_rolled: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("valid_ind_rolled", rolled_outside())
        self.key, self.query, self.value, self.proj = (nn.Linear(TOKEN, TOKEN) for _ in range(4))
        self.pool_layer = nn.Conv2d(TOKEN, TOKEN, _POOLED, stride=_POOLED, groups=TOKEN)

    def forward(self, x_BTijC: Tensor, plan: WindowPlan, keys: list[int], queries: list[int]) -> Tensor:
        """Return [B, Q, i, j, C] for the query frames; what lies outside the plan's windows is meaningless.

        `keys` and `queries` are positions among the T frames. Keys and values are made of what someone looks at: all
        tokens of key frames, and of the other query frames the tokens of unmasked windows.
        """
        below, right = (padded - length for padded, length in zip(plan.padded, plan.grid, strict=True))
        x_BTijC = F.pad(x_BTijC, (0, 0, 0, right, 0, below))
        if not len(plan.masked[0]):
            keys = [frame for frame in keys if frame in queries]
        key_frames = x_BTijC[:, keys]
        x, key_tokens = x_BTijC.flatten(2, 3), key_frames.flatten(2, 3)
        query_BQpC = self.query(x[:, queries])
        key_BKpC, value_BKpC = self.key(key_tokens), self.value(key_tokens)
        out_BQpC = torch.zeros_like(query_BQpC)

        if len(plan.masked[0]) and keys:
            item, window = plan.masked
            around = torch.cat((plan.own[window], plan.rolled[window][:, self.valid_ind_rolled]), 1)
            coarse = self._pooled(key_frames)
            attended = _attend(
                _gather(query_BQpC, item, plan.own[window]).flatten(1, 2),
                torch.cat((_gather(key_BKpC, item, around).flatten(1, 2), self.key(coarse)[item]), 1),
                torch.cat((_gather(value_BKpC, item, around).flatten(1, 2), self.value(coarse)[item]), 1),
            )
            _scatter(out_BQpC, attended.unflatten(1, (len(queries), -1)), item, plan.own[window])

        if len(plan.unmasked[0]):
            item, window = plan.unmasked
            own = plan.own[window]
            query = _gather(query_BQpC, item, own)
            rest = [frame for frame in queries if frame not in keys]
            rest_tokens = _gather(x[:, rest], item, own)
            shared = [keys.index(frame) for frame in queries if frame in keys]
            key = torch.cat((_gather(key_BKpC[:, shared], item, own), self.key(rest_tokens)), 1)
            value = torch.cat((_gather(value_BKpC[:, shared], item, own), self.value(rest_tokens)), 1)
            # Frames that share their keys come first, then the rest: put them in the queries' order.
            order = [keys[at] for at in shared] + rest
            place = [order.index(frame) for frame in queries]
            attended = _attend(query.flatten(0, 1), key[:, place].flatten(0, 1), value[:, place].flatten(0, 1))
            _scatter(out_BQpC, attended.unflatten(0, query.shape[:2]), item, own)

        out = out_BQpC.unflatten(2, plan.padded)[:, :, : plan.grid[0], : plan.grid[1]]
        projected: Tensor = self.proj(out)
        return projected

    def _pooled(self, key_frames_BKijC: Tensor) -> Tensor:
        """The coarse view of all key frames: [B, tokens, C]."""
        batch = len(key_frames_BKijC)
        pooled = self.pool_layer(rearrange(key_frames_BKijC, "b k i j c -> (b k) c i j"))
        return rearrange(pooled, "(b k) c i j -> b (k i j) c", b=batch)


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """[N, tokens, C] each; keys and values are equally many."""
    heads = [rearrange(x, "n t (heads c) -> n heads t c", heads=HEADS) for x in (query, key, value)]
    return rearrange(F.scaled_dot_product_attention(*heads), "n heads t c -> n t (heads c)")


def _gather(x_BTpC: Tensor, item_M: Tensor, position_Ms: Tensor) -> Tensor:
    """[M, T, s, C]: of batch item `item[m]`, in all frames, the tokens at `position[m]`."""
    frames = torch.arange(x_BTpC.shape[1], device=x_BTpC.device)
    return x_BTpC[item_M[:, None, None], frames[:, None], position_Ms[:, None]]


def _scatter(x_BTpC: Tensor, tokens_MTsC: Tensor, item_M: Tensor, position_Ms: Tensor) -> None:
    """Write what `_gather` would read."""
    frames = torch.arange(x_BTpC.shape[1], device=x_BTpC.device)
    x_BTpC[item_M[:, None, None], frames[:, None], position_Ms[:, None]] = tokens_MTsC.to(x_BTpC.dtype)
