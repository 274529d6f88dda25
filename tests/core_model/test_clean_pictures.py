"""Pictures that texture is copied from: a frame with a little of its neighbours, without what is missing or passes."""

import numpy as np
import pytest

from core_model.propagation.clean_pictures import CleanPictures

LEVELS = (10, 100, 250)


@pytest.fixture
def pictures():
    """Three grey frames. A hole in the middle one, another in all three; something passes at the left in the last."""
    frames = np.stack([np.full((40, 40, 3), level, np.uint8) for level in LEVELS])
    masks, passing = np.zeros((2, 3, 40, 40), bool)
    masks[1, 30, 30] = masks[:, 20, 20] = True
    passing[2, 10, 2] = True
    return CleanPictures(frames, masks, passing, (slice(0, 40), slice(0, 40)))


def at(pictures, t, y, x):
    return float(pictures.at(t)[y, x, 0])


def test_a_neighbour_counts_55_to_255(pictures):
    assert at(pictures, 1, 5, 35) == pytest.approx((255 * 100 + 55 * 10 + 55 * 250) / 365, abs=0.01)
    assert at(pictures, 0, 5, 35) == pytest.approx((255 * 10 + 55 * 100) / 310, abs=0.01), "before the first is nothing"
    assert at(pictures, 2, 5, 35) == pytest.approx((255 * 250 + 55 * 100) / 310, abs=0.01)


def test_what_is_missing_or_passes_counts_nothing(pictures):
    assert at(pictures, 1, 30, 30) == pytest.approx((10 + 250) / 2, abs=0.01)
    assert at(pictures, 1, 10, 2) == pytest.approx((255 * 100 + 55 * 10) / 310, abs=0.01)
    assert at(pictures, 2, 10, 2 + 8) == pytest.approx(100, abs=0.01), "nor its shadow's edge, eight pixels wide"
    assert at(pictures, 2, 10, 2 + 9) == pytest.approx((255 * 250 + 55 * 100) / 310, abs=0.01)


def test_what_no_frame_shows_is_said(pictures):
    assert np.argwhere(pictures.hidden()).tolist() == [[20, 20]]
