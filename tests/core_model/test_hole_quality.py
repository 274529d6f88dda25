"""What is known of a hole without its truth, and how it adds up."""

import numpy as np
import pytest

from reelmend.core_model.quality import NO_HOLE, FrameQuality, measure_quality, merge, summarize_quality


def box(top: int, left: int, *, frames: int = 2, height: int = 60, width: int = 80, side: int = 10) -> np.ndarray:
    masks = np.zeros((frames, height, width), np.bool_)
    masks[:, top : top + side, left : left + side] = True
    return masks


def test_regions_of_a_frame_add_up_and_their_means_weigh_by_the_size_of_the_holes() -> None:
    small = FrameQuality(hole_px=100, seen_px=50, away_sum=150, rim_mismatch=2.0, flicker=1.0)
    large = FrameQuality(hole_px=300, seen_px=300, away_sum=600, rim_mismatch=10.0, flicker=3.0)
    assert merge([small, large]) == FrameQuality(400, 350, 750, rim_mismatch=8.0, flicker=2.5)
    assert merge([small]) == merge([small, NO_HOLE]) == small
    assert merge([]) == merge([NO_HOLE, NO_HOLE]) == NO_HOLE


def test_pixels_seen_and_how_far_away_are_counted_inside_the_hole_only() -> None:
    masks = box(20, 30)
    away = np.full(masks.shape, 7, np.uint8)
    away[:, 20:25, 30:40] = 0
    first, _ = measure_quality(np.zeros((*masks.shape, 3), np.uint8), masks, away)
    assert first == FrameQuality(hole_px=100, seen_px=50, away_sum=350, rim_mismatch=0.0, flicker=0.0)


def test_a_flat_hole_in_a_flat_picture_mismatches_by_its_difference() -> None:
    masks = box(20, 30)
    frames = np.full((*masks.shape, 3), 100, np.uint8)
    frames[masks] = 114
    assert measure_quality(frames, masks, masks.astype(np.uint8))[1].rim_mismatch == 14.0


def test_a_hole_that_changes_three_times_as_much_as_its_surroundings_flickers_by_that() -> None:
    masks = box(20, 30)
    frames = np.full((*masks.shape, 3), 100, np.uint8)
    frames[1] += 2
    frames[1][masks[1]] += 4
    first, second = measure_quality(frames, masks, masks.astype(np.uint8))
    assert (first.flicker, second.flicker) == (0.0, 3.0)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (20, 30), (50, 70), (3, 66)])
def test_what_is_far_from_the_hole_does_not_count(top: int, left: int) -> None:
    rng = np.random.default_rng(0)
    masks = box(top, left)
    near = np.zeros(masks.shape, np.bool_)
    near[:, max(0, top - 9) : top + 19, max(0, left - 9) : left + 19] = True
    frames = rng.integers(0, 256, (*masks.shape, 3)).astype(np.uint8)
    elsewhere = np.where(near[..., None], frames, 0)
    away = masks.astype(np.uint8)
    assert measure_quality(frames, masks, away) == measure_quality(elsewhere, masks, away)


def test_frames_without_a_hole_are_none_and_change_no_summary() -> None:
    masks = box(20, 30, frames=3)
    masks[1] = False
    frames = np.random.default_rng(0).integers(0, 256, (*masks.shape, 3)).astype(np.uint8)
    rows = measure_quality(frames, masks, masks.astype(np.uint8))
    assert rows[1] == NO_HOLE
    assert rows[2].flicker == 0, "there is nothing to compare it with"
    assert summarize_quality(rows) == summarize_quality([rows[0], rows[2]])


@pytest.mark.parametrize(
    ("seen_px", "away_sum", "rim_mismatch", "flicker", "score"),
    [
        (100, 0, 0.0, 1.0, 1.0),
        (100, 4000, 0.0, 1.0, 1 / 2),  # 40 frames away
        (0, 0, 0.0, 1.0, 4 / 5),  # invented
        (50, 2000, 0.0, 1.0, (1 / 2) / 2 + (1 / 2) * 4 / 5),
        (100, 0, 8.0, 1.0, 1 / 2),  # grey levels
        (100, 0, 0.0, 4.0, 1 / 2),  # by its root
        (100, 0, 0.0, 0.25, 1.0),  # steadier than its surroundings is no better
        (100, 4000, 24.0, 9.0, 1 / 2 / 4 / 3),
    ],
)
def test_the_score_is_what_is_known_less_what_does_not_fit(
    seen_px: int, away_sum: int, rim_mismatch: float, flicker: float, score: float
) -> None:
    assert summarize_quality([FrameQuality(100, seen_px, away_sum, rim_mismatch, flicker)]).score == pytest.approx(
        score
    )
