"""Are the benchmark's measures what their names say? Numbers that can be worked out by hand."""

import numpy as np
import pytest

from benchmarks.quality.measures import flicker, psnr_by_frame, root_mean_square, seam, spearman, texture, worse_share


def ramp(step: int, *, frames: int = 1) -> np.ndarray:
    """Frames of 8 x 10 pixels that get brighter by `step` a column."""
    row = (step * np.arange(10)).astype(np.uint8)
    return np.broadcast_to(row[None, None, :, None], (frames, 8, 10, 3)).copy()


def hole(*, frames: int = 1) -> np.ndarray:
    """Four rows, five columns."""
    masks = np.zeros((frames, 8, 10), bool)
    masks[:, 2:6, 3:8] = True
    return masks


def test_texture_is_the_energy_of_steps_between_masked_neighbours() -> None:
    """Steps of 2 have a quarter of the energy of steps of 4; across a row there are none in either."""
    outside_is_rough = ramp(2)
    outside_is_rough[:, 0] = 255
    assert texture(outside_is_rough, ramp(4), hole()) == pytest.approx(0.25)
    assert texture(ramp(4), ramp(4), hole()) == 1


def test_what_nobody_sees_counts_as_half_a_grey_level() -> None:
    """16 of the 31 pairs of neighbours in the hole lie in a row and step by 4; no step at all counts as 0.5."""
    assert texture(ramp(0), ramp(4), hole()) == pytest.approx(0.5**2 / (16 * 16 / 31))
    assert seam(ramp(0), ramp(2), hole()) == pytest.approx(0.5 / (16 / 18))
    assert flicker(ramp(0, frames=2), ramp(0, frames=2), hole(frames=2)) == 1


def test_texture_is_that_of_luma() -> None:
    """Red counts 0.299: a step of 10 in red alone has 0.299 ** 2 of the energy of a grey one."""
    red = ramp(10)
    red[..., 1:] = 0
    assert texture(red, ramp(10), hole()) == pytest.approx(0.299**2, rel=1e-5)


def test_seam_is_the_step_across_the_border_of_the_hole() -> None:
    """The truth steps by 2 at the left and right edge (4 pixels each), by 0 at the upper and lower (5 each): 16 in all.

    A filling that is 10 too bright steps by 12 at the left, 8 at the right and 10 above and below: 180.
    """
    filled = ramp(2) + 10 * hole()[..., None].astype(np.uint8)
    assert seam(filled, ramp(2), hole()) == pytest.approx(180 / 16)
    assert seam(ramp(2), ramp(2), hole()) == 1


def test_flicker_is_the_change_of_pixels_that_are_masked_in_both_frames() -> None:
    truth, clip = (ramp(0, frames=3) for _ in range(2))
    truth[1] += 2
    clip[1] += 3  # there by 3 and back by 3, the truth by 2
    masks = hole(frames=3)
    assert flicker(clip, truth, masks) == pytest.approx(1.5)
    masks[2] = False
    clip[2] = 200  # not masked: does not count
    assert flicker(clip, truth, masks) == pytest.approx(1.5)
    masks[1] = False
    assert np.isnan(flicker(clip, truth, masks))


def test_errors_are_those_of_masked_pixels() -> None:
    truth, clip, masks = ramp(1, frames=3), ramp(1, frames=3), hole(frames=3)
    masks[2] = False
    clip[0, 2:6, 3:8] += 4
    clip[:, 0] = 99
    assert psnr_by_frame(clip, truth, masks).tolist() == [
        pytest.approx(20 * np.log10(255 / 4)), np.inf, pytest.approx(np.nan, nan_ok=True)
    ]  # fmt: skip
    assert root_mean_square(clip[:2], truth[:2], masks[:2]) == pytest.approx(np.sqrt(8))


def test_a_frame_is_worse_by_more_than_a_limit_and_only_where_one_sees_it() -> None:
    ours = np.array([20.0, 20.0, 46.0, 44.0, np.nan])
    theirs = np.array([20.9, 21.1, 60.0, 60.0, np.nan])
    assert worse_share(ours, theirs, by_db=1.0, enough_db=45.0) == 0.5  # the second and the fourth of four


def test_rank_correlation() -> None:
    """One swap among four: 1 - 6 * 2 / (4 * 15)."""
    assert spearman([1, 2, 3, 4], [10, 20, 40, 30]) == pytest.approx(0.8)
    assert spearman([1, 2, 3], [-1, -8, -27]) == pytest.approx(-1)


def test_equal_values_share_their_rank() -> None:
    """Ranks 0, 1.5, 1.5, 3 and 0..3: 4.5 over the root of 4.5 * 5."""
    assert spearman([7, 8, 8, 9], [1, 2, 3, 4]) == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert np.isnan(spearman([1, 1, 1], [1, 2, 3]))
