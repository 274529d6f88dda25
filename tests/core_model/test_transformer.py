"""Attention, feed-forward and block schedule against the form in which the paper describes them."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange

from reelmend.core_model.networks.attention import WindowAttention
from reelmend.core_model.networks.generator import InpaintGenerator
from reelmend.core_model.networks.rectangle import Part, Rectangle
from reelmend.core_model.networks.tokens import FusionFeedForward, SoftComposition, SoftSplit, token_grid, tokens_over
from reelmend.core_model.networks.transformer import TransformerBlock, frames_of_blocks
from reelmend.core_model.networks.windows import WindowPlan
from tests.released import shared, with_test_weights

FEATURES = (34, 55)  # tokens 12 x 19: padded to 3 x 3 windows
GRID = token_grid(*FEATURES)


def _masks(local: int = 3) -> torch.Tensor:
    masks = torch.zeros(1, local, 1, *FEATURES)
    masks[:, 1, :, 3:9, 20:24] = 1
    return masks


def _tokens(frames: int = 6) -> torch.Tensor:
    return torch.randn(1, frames, *GRID, 512, generator=torch.Generator().manual_seed(3))


def test_attention_is_that_of_rolled_and_pooled_keys_in_every_masked_window() -> None:
    attention, x, plan = with_test_weights(WindowAttention()), _tokens(), WindowPlan.of(_masks(), GRID)
    assert 0 < len(plan.masked) < 9
    for keys in ([0, 2, 4], [1, 3, 5]):
        out = attention(x, plan, keys, list(range(6)))
        assert torch.allclose(out, _plain_attention(attention, x, plan, keys), rtol=0, atol=1e-5)


def test_attention_of_some_frames_is_cut_out_of_that_of_all() -> None:
    attention, x, plan = with_test_weights(WindowAttention()), _tokens(), WindowPlan.of(_masks(), GRID)
    whole = attention(x, plan, [1, 3, 5], list(range(6)))
    assert torch.allclose(attention(x, plan, [1, 3, 5], [0, 1, 2]), whole[:, :3], rtol=0, atol=1e-5)


def test_where_no_window_is_masked_frames_do_not_see_each_other() -> None:
    attention, x = with_test_weights(WindowAttention()), _tokens()
    plan = WindowPlan.of(torch.zeros_like(_masks()), GRID)
    other = torch.cat((x[:, :1], x[:, 1:] + 1), 1)
    first, second = (attention(tokens, plan, [0, 2, 4], [0]) for tokens in (x, other))
    assert torch.equal(first, second)


def test_feed_forward_folds_divides_by_the_overlaps_and_unfolds() -> None:
    mlp, x = with_test_weights(FusionFeedForward()), _tokens(2)[0]
    whole = Rectangle.whole(*GRID)
    hidden = rearrange(mlp.fc1(x), "n i j c -> n c (i j)")
    folded = F.fold(hidden, FEATURES, 7, padding=3, stride=3)
    folded = folded / F.fold(torch.ones_like(hidden), FEATURES, 7, padding=3, stride=3)
    plain = mlp.fc2(F.unfold(folded, 7, padding=3, stride=3).transpose(1, 2)).unflatten(1, GRID)
    assert torch.allclose(mlp(x, whole, whole, FEATURES), plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("wanted", [Rectangle(0, 3, 0, 4), Rectangle(5, 7, 9, 10), Rectangle(8, 12, 15, 19)])
def test_feed_forward_of_some_tokens_is_cut_out_of_that_of_all(wanted: Rectangle) -> None:
    mlp, x = with_test_weights(FusionFeedForward()), _tokens(2)[0]
    whole = Rectangle.whole(*GRID)
    given = mlp.reads(wanted, *FEATURES)
    part = mlp(x[:, *given.inside(whole)], given, wanted, FEATURES)
    everything = mlp(x, whole, whole, FEATURES)
    assert torch.allclose(part, everything[:, *wanted.inside(whole)], rtol=0, atol=1e-5)


@pytest.mark.parametrize("region", [Rectangle.whole(*FEATURES), Rectangle(0, 1, 0, 1), Rectangle(11, 20, 30, 55)])
def test_composition_adds_up_overlapping_patches_and_convolves(region: Rectangle) -> None:
    composition, x = with_test_weights(SoftComposition()), _tokens(2)[0]
    folded = F.fold(rearrange(composition.embedding(x), "n i j c -> n c (i j)"), FEATURES, 7, padding=3, stride=3)
    plain = composition.bias_conv(folded)[..., *region.inside(Rectangle.whole(*FEATURES))]
    tokens = composition.reads(region, *FEATURES)
    given = x[:, *tokens.inside(Rectangle.whole(*GRID))]
    assert torch.allclose(composition(given, tokens, region, FEATURES), plain, rtol=0, atol=1e-5)


def test_split_is_a_linear_layer_on_every_patch() -> None:
    split = with_test_weights(SoftSplit())
    features = torch.randn(1, 2, 128, *FEATURES)
    patches = F.unfold(features[0], 7, padding=3, stride=3).transpose(1, 2)
    assert torch.allclose(split(features)[0], split.embedding(patches).unflatten(1, GRID), rtol=0, atol=1e-4)


def test_every_token_over_a_region_touches_it() -> None:
    for top in range(FEATURES[0]):
        tokens = tokens_over(Rectangle(top, top + 1, 0, 1), *FEATURES)
        touching = [i for i in range(GRID[0]) if 3 * i - 3 <= top <= 3 * i + 3]
        assert [*range(tokens.top, tokens.bottom)] == touching


def test_blocks_that_drop_frames_nobody_reads_give_the_same_tokens() -> None:
    transformer, x = shared(InpaintGenerator).transformers, _tokens(5)
    plan = WindowPlan.of(_masks(), GRID)
    out = transformer(x, 3, plan, Rectangle.whole(*GRID), FEATURES)
    plain = x
    for number, block in enumerate(transformer.transformer):
        assert isinstance(block, TransformerBlock)
        attended = _plain_attention(block.attention, block.norm1(plain), plan, [*range(number % 2, 5, 2)])
        plain = plain + attended
        whole = Rectangle.whole(*GRID)
        plain = plain + block.mlp(block.norm2(plain)[0], whole, whole, FEATURES)
    assert torch.allclose(out, plain[:, :3], rtol=1e-5, atol=1e-4)


def test_the_last_block_computes_local_frames_only_and_the_one_before_also_its_key_frames() -> None:
    given, blocks = frames_of_blocks(8, 3)
    assert given == [*range(8)]
    assert blocks[-1].queries == [0, 1, 2]
    assert len(blocks[-2].queries) == len({0, 1, 2} | {1, 3, 5, 7})
    assert all(len(block.queries) == 8 for block in blocks[:-2])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (6, 9)])
def test_doubling_a_part_is_cut_out_of_doubling_the_whole(size: tuple[int, int]) -> None:
    x = torch.randn(1, 2, *size)
    whole = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    height, width = 2 * size[0], 2 * size[1]
    for region in (Rectangle.whole(height, width), Rectangle(height - 1, height, width // 2, width // 2 + 1)):
        read = region.halved(*size)
        part = Part(x[..., *read.inside(Rectangle.whole(*size))], read, size).doubled(region)
        assert torch.allclose(part.values, whole[..., *region.inside(Rectangle.whole(height, width))], atol=1e-6)


def _plain_attention(attention: WindowAttention, x: torch.Tensor, plan: WindowPlan, keys: list[int]) -> torch.Tensor:
    """Every window's tokens from rolled copies of the padded grid; each frame of each window on its own."""
    rows, columns = (padded - length for padded, length in zip(plan.padded, plan.grid, strict=True))
    x = F.pad(x, (0, 0, 0, columns, 0, rows))
    query, key, value = attention.query(x), attention.key(x), attention.value(x)
    pooled = attention.pool_layer(x[0, keys].permute(0, 3, 1, 2)).permute(0, 2, 3, 1).reshape(-1, 512)
    rolls = [(0, 0), (-3, -5), (-3, 5), (3, -5), (3, 5)]
    kept = torch.ones(5, 5, 9, dtype=torch.bool)
    kept[1, :-3, :-5] = kept[2, :-3, 5:] = kept[3, 3:, :-5] = kept[4, 3:, 5:] = False
    out = torch.zeros_like(x)
    rolled = [[tensor.roll(roll, (2, 3))[0, keys] for roll in rolls] for tensor in (key, value)]
    masked = set(plan.masked.own[:, 0].tolist())
    for row, column in itertools.product(range(0, plan.padded[0], 5), range(0, plan.padded[1], 9)):
        cut = slice(row, row + 5), slice(column, column + 9)
        around_k, around_v = (
            [tensor[:, *cut][:, kept[number]].reshape(-1, 512) for number, tensor in enumerate(of_rolls)]
            for of_rolls in rolled
        )
        for t in range(x.shape[1]):
            if row * plan.padded[1] + column in masked:
                k, v = torch.cat([*around_k, attention.key(pooled)]), torch.cat([*around_v, attention.value(pooled)])
            else:
                k, v = key[0, t][cut].reshape(-1, 512), value[0, t][cut].reshape(-1, 512)
            q = query[0, t][cut].reshape(-1, 512)
            heads = [tensor.reshape(-1, 4, 128).transpose(0, 1) for tensor in (q, k, v)]
            weights = (heads[0] @ heads[1].transpose(1, 2) / 128**0.5).softmax(-1)
            out[0, t][cut] = (weights @ heads[2]).transpose(0, 1).reshape(5, 9, 512)
    attended: torch.Tensor = attention.proj(out)[:, :, : plan.grid[0], : plan.grid[1]]
    return attended
