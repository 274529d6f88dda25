"""Pictures that texture is copied from: a frame with a little of its neighbours, without what is missing or passes."""

import numpy as np
import pytest

from reelmend.core_model.propagation.camera import IN_PLACE
from reelmend.core_model.propagation.clean_pictures import CleanPictures

LEVELS = (10, 100, 250)


@pytest.fixture
def pictures() -> CleanPictures:
    """Three grey frames. A hole in the middle one, another in all three; something passes at the left in the last."""
    frames = np.stack([np.full((40, 40, 3), level, np.uint8) for level in LEVELS])
    masks, passing = np.zeros((2, 3, 40, 40), bool)
    masks[1, 30, 30] = masks[:, 20, 20] = True
    passing[2, 10, 2] = True
    return CleanPictures(frames, masks, passing, np.repeat(IN_PLACE[None], 3, 0), (slice(0, 40), slice(0, 40)))


def at(pictures: CleanPictures, t: int, y: int, x: int) -> float:
    return float(pictures.at(t)[0][y, x, 0])


def test_a_neighbour_counts_55_to_255(pictures: CleanPictures) -> None:
    assert at(pictures, 1, 5, 35) == pytest.approx((255 * 100 + 55 * 10 + 55 * 250) / 365, abs=0.01)
    assert at(pictures, 0, 5, 35) == pytest.approx((255 * 10 + 55 * 100) / 310, abs=0.01), "before the first is nothing"
    assert at(pictures, 2, 5, 35) == pytest.approx((255 * 250 + 55 * 100) / 310, abs=0.01)


def test_what_is_missing_or_passes_counts_nothing(pictures: CleanPictures) -> None:
    assert at(pictures, 1, 30, 30) == pytest.approx((10 + 250) / 2, abs=0.01)
    assert at(pictures, 1, 10, 2) == pytest.approx((255 * 100 + 55 * 10) / 310, abs=0.01)
    assert at(pictures, 2, 10, 2 + 8) == pytest.approx(100, abs=0.01), "nor its shadow's edge, eight pixels wide"
    assert at(pictures, 2, 10, 2 + 9) == pytest.approx((255 * 250 + 55 * 100) / 310, abs=0.01)


def test_what_no_frame_shows_is_said(pictures: CleanPictures) -> None:
    assert np.argwhere(pictures.hidden()).tolist() == [[20, 20]]


def test_neighbours_and_stand_ins_are_taken_from_where_a_swaying_camera_shows_them() -> None:
    """A ramp of 4 levels a pixel that goes right by a pixel a frame: mixed in place it stays what it is."""
    ramp = np.tile(4 * np.arange(40), (40, 1))
    frames = np.stack([np.repeat(np.roll(ramp, t, 1)[..., None], 3, 2) for t in range(3)]).astype(np.uint8)
    places = np.stack([np.array([[t, 1.0, 0], [0, 0, 1.0]]) for t in range(3)])
    masks, passing = np.zeros((2, 3, 40, 40), bool)
    masks[1:, 20, 20] = True
    passing[1, 8, 18:24] = True
    pictures = CleanPictures(frames, masks, passing, places, (slice(0, 40), slice(0, 40)))
    for t, y, x in ((1, 30, 20), (0, 30, 20), (1, 20, 20), (1, 8, 20)):
        assert at(pictures, t, y, x) == pytest.approx(4 * (x - t), abs=0.01)


def test_where_other_frames_stood_in_is_said(pictures: CleanPictures) -> None:
    assert np.argwhere(pictures.at(1)[1]).tolist() == [[20, 20], [30, 30]]


def test_what_stands_in_is_brought_to_the_light_of_the_frame() -> None:
    """The exposure is halved from the second frame on, while something passes: its stand-in is as dark as the rest."""
    frames = np.stack([np.full((40, 40, 3), level, np.uint8) for level in (160, 80, 80)])
    masks, passing = np.zeros((2, 3, 40, 40), bool)
    passing[1:, 10:20, 10:20] = True
    frames[1:, 10:20, 10:20] = 250
    pictures = CleanPictures(frames, masks, passing, np.repeat(IN_PLACE[None], 3, 0), (slice(0, 40), slice(0, 40)))
    assert at(pictures, 2, 15, 15) == pytest.approx(80, abs=0.5)
