"""Are candidates judged by the hole's rim, side by side, and brought to its light?"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.engine import Bool, Float
from reelmend.core_model.propagation.pixel_tracks import ask
from reelmend.core_model.propagation.selection import match_light, sample, spread_misses, weigh

MASK = np.zeros((30, 72), bool)
MASK[10:20, 16:56] = True
ASKED = ask(MASK[None])
PIXELS = ASKED.rows, ASKED.columns, ASKED.missing
FRAME = np.random.default_rng(0).integers(60, 160, (30, 72, 3), np.uint8)
TRUTH = FRAME[ASKED.rows, ASKED.columns].astype(np.float32)
LEFT, RIGHT = (ASKED.missing & near for near in (ASKED.columns < 22, ASKED.columns >= 50))


def weights_of(*colours: NDArray[Any], layers: list[int] | None = None) -> NDArray[Any]:
    """The weights [C, N] of candidates of these colours, a frame away from here to either side."""
    count = len(colours)
    stacked, found = np.stack(colours).astype(np.float32), np.ones((count, len(TRUTH)), np.bool_)
    away = np.repeat(np.array([1, -1, 2, -2], np.int16)[:count, None], len(TRUTH), 1)
    layer_of = np.array(layers or [0] * count, np.int64)
    misses, contrast = np.zeros((count, len(TRUTH)), np.float32), np.zeros(len(TRUTH), np.float32)
    spread_misses(FRAME, *PIXELS, stacked, found, layer_of, misses, contrast)
    weights = np.zeros((count, len(TRUTH)), np.uint8)
    weigh(ASKED.missing, away, stacked, found, misses, layer_of, np.ones(len(away), np.float32), weights)
    return weights


def wrong_where(columns: Bool) -> Float:
    """The truth, brighter by 60 levels there."""
    return TRUTH + 60 * columns[:, None]


def test_each_side_of_a_hole_takes_the_candidate_that_fits_its_rim() -> None:
    one, two = weights_of(wrong_where(ASKED.columns >= 36), wrong_where(ASKED.columns < 36))
    assert (one[LEFT] > 250).all()
    assert (two[LEFT] == 0).all()
    assert (one[RIGHT] == 0).all()
    assert (two[RIGHT] > 250).all()


def test_a_candidate_that_fits_one_side_only_is_refused_on_the_other() -> None:
    (one,) = weights_of(wrong_where(ASKED.columns >= 36))
    assert (one[LEFT] == 255).all()
    assert (one[RIGHT] == 0).all()


def test_two_that_fit_alike_are_mixed_and_nothing_but_missing_pixels_is_weighed() -> None:
    one, two = weights_of(TRUTH + 1, TRUTH - 1)
    assert (one[ASKED.missing] == two[ASKED.missing]).all()
    assert (one[ASKED.missing] > 120).all()
    assert not one[~ASKED.missing].any()


def test_what_is_in_front_is_taken_only_where_it_fits_better_than_the_background() -> None:
    back, front = weights_of(TRUTH, TRUTH, layers=[0, 1])
    assert (back[ASKED.missing] == 255).all()
    assert not front.any()
    back, front = weights_of(wrong_where(ASKED.columns >= 36), TRUTH, layers=[0, 1])
    assert (back[LEFT] == 255).all()
    assert (front[RIGHT] == 255).all()


@pytest.mark.parametrize("gain", [1.4, 0.7, 1.0])
def test_a_brighter_frame_gets_its_candidates_in_its_own_light(gain: float) -> None:
    lit = (FRAME * gain).round().astype(np.uint8)
    colours, gains = TRUTH[None].copy(), np.zeros(1, np.float32)
    match_light(lit, *PIXELS, colours, np.ones((1, len(TRUTH)), np.bool_), gains)
    assert gains[0] == pytest.approx(gain, rel=0.01)
    assert np.abs(colours[0] - gain * TRUTH).max() < 2


def test_a_colour_is_read_between_the_pixels_that_are_not_masked() -> None:
    frames, masks, colour = np.zeros((2, 2, 2, 3), np.uint8), np.zeros((2, 2, 2), bool), np.zeros(3, np.float32)
    frames[1, 0, 1], frames[1, 1, 1] = 80, 200
    assert sample(frames, masks, 1, np.float32(0.5), np.float32(0), colour)
    assert colour.tolist() == [40, 40, 40]
    masks[1, 0, 0] = True
    assert sample(frames, masks, 1, np.float32(0.5), np.float32(0), colour)
    assert colour.tolist() == [80, 80, 80]
    assert not sample(frames, masks, 1, np.float32(0), np.float32(0), colour)


def test_between_pixels_a_colour_is_that_of_two_interpolations_one_after_the_other() -> None:
    rng = np.random.default_rng(1)
    frames, masks, colour = (
        rng.integers(0, 256, (1, 7, 9, 3), np.uint8),
        np.zeros((1, 7, 9), bool),
        np.zeros(3, np.float32),
    )
    for x, y in rng.uniform((0, 0), (8, 6), (50, 2)).astype(np.float32):
        assert sample(frames, masks, 0, x, y, colour)
        across = [[np.interp(x, range(9), row[:, k]) for row in frames[0]] for k in range(3)]
        assert colour == pytest.approx([np.interp(y, range(7), column) for column in across], abs=0.01)


def test_a_third_of_the_rim_in_another_light_does_not_change_the_gain() -> None:
    lit = (FRAME * 1.2).round().astype(np.uint8)
    lit[:, 45:] = (FRAME[:, 45:] * 1.5).round().astype(np.uint8)
    gains = np.zeros(1, np.float32)
    match_light(lit, *PIXELS, TRUTH[None].copy(), np.ones((1, len(TRUTH)), np.bool_), gains)
    assert gains[0] == pytest.approx(1.2, rel=0.02)


@pytest.mark.parametrize(("off", "miss"), [((9, 0, 0), 3), ((-6, 6, 6), 6), ((240, 240, 240), 60)])
def test_a_miss_is_the_mean_over_the_channels_the_same_in_the_hole_as_all_around_it_and_bounded(
    off: tuple[int, int, int], miss: int
) -> None:
    colours, misses = (TRUTH + np.array(off, np.float32))[None], np.zeros((1, len(TRUTH)), np.float32)
    found, contrast = np.ones((1, len(TRUTH)), np.bool_), np.zeros(len(TRUTH), np.float32)
    spread_misses(FRAME, *PIXELS, colours, found, np.zeros(1, np.int64), misses, contrast)
    assert misses == pytest.approx(np.full_like(misses, miss), abs=0.001)


def weights_of_one_pixel(
    away: list[int],
    misses: list[float] | None = None,
    levels: list[int] | None = None,
    gains: list[float] | None = None,
    layers: list[int] | None = None,
) -> list[int]:
    """The weights of candidates of one missing pixel."""
    count = len(away)
    colours = np.ones((count, 1, 3), np.float32) * np.array(levels or [100] * count, np.float32)[:, None, None]
    weights = np.zeros((count, 1), np.uint8)
    weigh(
        np.ones(1, np.bool_), np.array(away, np.int16)[:, None], colours, np.ones((count, 1), np.bool_),
        np.array(misses or [0] * count, np.float32)[:, None], np.array(layers or [0] * count, np.int64),
        np.array(gains or [1] * count, np.float32), weights,
    )  # fmt: skip
    return [int(weight) for weight in weights[:, 0]]


def test_candidates_count_by_the_square_of_their_distance_in_time_and_round_to_the_nearest() -> None:
    assert weights_of_one_pixel([1, -1]) == [128, 128]
    assert weights_of_one_pixel([1, -2]) == [204, 51]  # 4 to 1
    assert weights_of_one_pixel([-1, 2, 3]) == [187, 47, 21]  # 36 to 9 to 4: 187.3, 46.8, 20.8


def test_a_candidate_that_misses_by_six_levels_or_was_twice_as_dark_counts_a_quarter() -> None:
    assert weights_of_one_pixel([1, -1], misses=[0, 6]) == [204, 51]
    assert weights_of_one_pixel([1, -1], gains=[1, 2]) == [204, 51]
    assert weights_of_one_pixel([1, -1], gains=[1, 0.5]) == [128, 128]


def test_candidates_are_mixed_up_to_thirty_levels_apart_and_the_stronger_one_is_taken_beyond() -> None:
    assert weights_of_one_pixel([1, -2], levels=[100, 130]) == [204, 51]
    assert weights_of_one_pixel([1, -2], levels=[100, 131]) == [255, 0]
    assert weights_of_one_pixel([2, -1], levels=[100, 131]) == [0, 255]


def test_what_misses_by_too_much_is_refused_and_what_no_rim_tells_is_believed_for_two_frames() -> None:
    assert weights_of_one_pixel([1], misses=[21.8]) == [255]
    assert weights_of_one_pixel([1], misses=[22.0]) == [0], "a tenth of a level is added for each frame away"
    assert [weights_of_one_pixel([away], misses=[12], layers=[1]) for away in (2, 3)] == [[255], [0]]
