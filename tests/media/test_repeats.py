"""Runs of equal frames: what ends one, and which frames are then restored once."""

from itertools import repeat

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.choices import StillFrames
from reelmend.pipelines.media.repeats import (
    Distinct,
    RepeatFinder,
    equal_within_noise,
    with_equal_masks,
    within_shots,
)
from tests.clips import scene

U8 = NDArray[np.uint8]


def runs_of(pictures: U8, mode: StillFrames) -> list[tuple[int, int]]:
    finder = RepeatFinder(mode)
    for index, picture in enumerate(pictures):
        finder.see(index, av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24"))
    return finder.ranges()


def still(frames: int) -> U8:
    return np.repeat(scene(1, (64, 48)), frames, 0)


def test_animation_on_twos_is_runs_of_two() -> None:
    twos = np.repeat(scene(3, (64, 48)), 2, 0)
    assert runs_of(twos, StillFrames.equal) == [(0, 2), (2, 4), (4, 6)]


def test_pulldown_repeats_every_fifth_frame() -> None:
    pulled_down = scene(4, (64, 48))[[0, 1, 2, 3, 3]]
    assert runs_of(pulled_down, StillFrames.equal) == [(3, 5)]


def test_one_level_of_one_sample_ends_a_run_of_equal_frames_and_not_one_within_noise() -> None:
    pictures = still(4)
    pictures[2:, 7, 9, 1] ^= 1
    assert runs_of(pictures, StillFrames.equal) == [(0, 2), (2, 4)]
    assert runs_of(pictures, StillFrames.noise) == [(0, 4)]


def test_a_small_thing_that_crosses_the_picture_ends_a_run_however_little_it_changes_the_frame() -> None:
    """4x4 pixels that are 12 levels brighter: a tenth of a level on average over the frame."""
    pictures = still(4)
    for t in (1, 2):
        spot = pictures[t, 20:24, 10 * t : 10 * t + 4]
        spot[:] = np.minimum(spot, 243) + 12
    assert np.abs(pictures[1].astype(int) - pictures[0]).mean() < 0.1
    assert runs_of(pictures, StillFrames.noise) == []


def test_what_fades_by_a_level_a_frame_is_no_long_run() -> None:
    fading = np.stack([picture // 2 + t for t, picture in enumerate(still(9))])
    assert runs_of(fading.astype(np.uint8), StillFrames.noise) == [(0, 3), (3, 6), (6, 9)], "two levels at most"


@pytest.mark.parametrize(("sigma", "equal"), [(1.0, True), (4.0, False)])
def test_noise_of_coding_is_noise_and_that_of_a_sensor_is_not(sigma: float, equal: bool) -> None:
    noise = np.random.default_rng(0).normal(0, sigma, (2, 45, 61))
    first, second = np.rint(128 + noise)
    assert equal_within_noise(first, second) is equal


def test_samples_of_ten_bits_are_compared_on_the_scale_of_eight() -> None:
    first = np.full((20, 20), 400, np.uint16)
    assert equal_within_noise(first, first + 8, bits=10)
    assert not equal_within_noise(first, first + 9, bits=10), "9 of 1023 are 2.2 of 255"


def test_a_mask_that_changes_ends_a_run() -> None:
    masks = np.zeros((8, 6, 6), np.bool_)
    masks[4:, 2, 2] = True
    assert with_equal_masks([(1, 3), (3, 7)], iter(masks)) == [(1, 3), (4, 7)]


def test_a_long_clip_on_twos_is_compared_run_by_run() -> None:
    runs = [(t, t + 2) for t in range(0, 60_000, 2)]
    assert with_equal_masks(runs, repeat(np.zeros((2, 2), np.bool_), 60_000)) == runs


def test_a_cut_ends_a_run() -> None:
    assert within_shots([(0, 4), (5, 9)], [(0, 2), (2, 8), (8, 12)]) == ((0, 2), (2, 4), (5, 8))


def test_distinct_frames_are_numbered_in_order() -> None:
    distinct = Distinct(((2, 5), (6, 8)), 0, 9)
    assert list(distinct.frames) == [0, 1, 2, 5, 6, 8]
    assert distinct.count(2, 6) == (2, 4)
    assert [distinct.frame(number) for number in (0, 3, 6)] == [0, 5, 9]
    assert distinct.repeats(3, 7) == ((3, 5),)
    assert list(Distinct(((2, 5),), 3, 9).frames) == [3, 5, 6, 7, 8], "of a run that began earlier, the first there"
