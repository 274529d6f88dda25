"""Odd times cost their own frame; where a recording's clock starts again, its parts follow each other."""

from fractions import Fraction
from itertools import pairwise

import pytest

from reelmend.pipelines.media.timing import Joint, leap_of, mended

MS = Fraction(40)  # ticks a frame of 25 a second, in milliseconds


def test_two_frames_at_one_time_move_no_other() -> None:
    """A screen recording: 3 frames, a pause of two seconds, 5 frames of which two have one millisecond."""
    stamps = [0, 40, 80, 2080, 2120, 2120, 2160, 2200]
    assert mended(stamps, MS).pts == (0, 40, 80, 2080, 2120, 2140, 2160, 2200)


@pytest.mark.parametrize(
    ("stamps", "laid"),
    [
        ([0, 40, None, 120, 160], (0, 40, 80, 120, 160)),
        ([None, 40, 80, None], (0, 40, 80, 120)),
        ([0, 40, 80, 80, 80, 200, 240], (0, 40, 80, 120, 160, 200, 240)),
        ([0, 40, 9000, 120, 160, 200], (0, 40, 80, 120, 160, 200)),
        ([0, 40, 80, 20, 160, 200], (0, 40, 80, 120, 160, 200)),
    ],
    ids=["missing", "missing_at_the_ends", "three_times", "far_ahead", "behind"],
)
def test_an_odd_time_is_laid_between_its_neighbours(stamps: list[int | None], laid: tuple[int, ...]) -> None:
    done = mended(stamps, MS)
    assert (done.pts, done.joints) == (laid, ())
    assert "interpolated" in done.remarks[0]


def test_where_ticks_leave_no_room_they_are_cut_finer() -> None:
    done = mended([15, 16, 16, 17, 18], Fraction(1))
    assert [Fraction(stamp, done.finer) for stamp in done.pts] == [15, 16, Fraction(33, 2), 17, 18]


def test_frames_numbered_in_the_order_of_decoding_are_sorted() -> None:
    done = mended([0, 2, 3, 1, 4, 6, 7, 5, 8], Fraction(1))
    assert (done.pts, done.joints) == (tuple(range(9)), ())


@pytest.mark.parametrize("second_starts_at", [0, 10, 10.5, 17], ids=["whole", "half", "between", "three_frames"])
def test_parts_whose_clocks_overlap_follow_each_other(second_starts_at: float) -> None:
    frame, first = 3600, [index * 3600 for index in range(20)]
    second = [round(second_starts_at * frame) + stamp for stamp in first]
    done = mended(first + second, Fraction(frame))
    assert {right - left for left, right in pairwise(done.pts)} == {frame}
    assert done.joints == (Joint(20, 20 * frame - second[0]),)
    assert "restart at frame 20" in done.remarks[0]


def test_a_broadcast_that_jumps_hours_ahead_has_another_clock_and_a_pause_is_a_pause() -> None:
    stamps = [0, 3600, 7200, 900_007_200, 900_010_800]
    leap = leap_of("mpegts", Fraction(1, 90_000))
    assert mended(stamps, Fraction(3600), leap).pts == (0, 3600, 7200, 10800, 14400)
    assert mended(stamps, Fraction(3600), leap_of("matroska", Fraction(1, 90_000))).pts == tuple(stamps)


def test_a_stream_without_times_is_counted() -> None:
    assert mended([None] * 4, MS).pts == (0, 40, 80, 120)
