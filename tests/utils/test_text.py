"""Text for terminals, logs and reports."""

from reelmend.pipelines.utils.text import ranges_in_words


def test_frames_are_named_by_the_first_and_the_last_of_each_range() -> None:
    assert ranges_in_words([(0, 80), (80, 160), (240, 320)]) == "0-159, 240-319"
    assert ranges_in_words([(7, 8)]) == "7"
    assert ranges_in_words([(0, 2), (4, 6), (8, 10), (12, 14)], most=2) == "0-1, 4-5 and 2 more"
    assert ranges_in_words([]) == ""
