"""Amounts in words."""

import pytest

from reelmend.pipelines.utils.units import readable_share


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0 %"),
        (0.00002, "0.002 %"),
        (0.000001, "less than 0.001 %"),
        (0.0314, "3.1 %"),
        (0.0999, "10 %"),
        (1, "100 %"),
    ],
)
def test_a_share_has_two_digits_where_it_is_small_and_is_never_said_to_be_nothing(share: float, words: str) -> None:
    assert readable_share(share) == words
