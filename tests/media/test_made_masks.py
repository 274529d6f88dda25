"""A made mask is kept to the bit, is read from any frame on, and is named by its pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.made import pack, unpack

SIZE = (5, 3)


def mask(number: int) -> NDArray[np.bool_]:
    """Number 0 is empty; each other one is its own pattern."""
    bits = [(number >> place) & 1 == 1 for place in range(15)]
    return np.array(bits).reshape(3, 5)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.data())
def test_every_range_of_frames_is_what_was_packed(numbers: list[int], data: st.DataObject) -> None:
    made = unpack(pack(map(mask, numbers), SIZE, len(numbers), "text"))
    start = data.draw(st.integers(0, len(numbers)))
    stop = data.draw(st.integers(start, len(numbers)))
    read = list(made.levels_from(start, stop))
    assert [level is None for level in read] == [number == 0 for number in numbers[start:stop]]
    for level, number in zip(read, numbers[start:stop], strict=True):
        assert level is None or np.array_equal(level, mask(number) * np.uint8(255))


def test_equal_masks_in_a_row_are_one_array() -> None:
    first, second, third = unpack(pack([mask(3), mask(3), mask(5)], SIZE, 3, "text")).levels_from(0, 3)
    assert first is second
    assert second is not third


def test_the_digest_is_of_the_pixels_and_not_of_the_words() -> None:
    one = unpack(pack([mask(3), mask(0)], SIZE, 2, "text", ["doubt"]))
    same = unpack(pack([mask(3), mask(0)], SIZE, 2, "overlay"))
    moved = unpack(pack([mask(0), mask(3)], SIZE, 2, "text", ["doubt"]))
    assert one.digest == same.digest != moved.digest
    assert one.notes == ("doubt",)


def test_a_source_that_gives_too_few_masks_or_another_size_is_found() -> None:
    with pytest.raises(ValueError, match="1 masks for 2 frames"):
        pack([mask(1)], SIZE, 2, "text")
    with pytest.raises(ValueError, match=r"\[3, 5\], not \[5, 3\]"):
        pack([mask(1)], (3, 5), 1, "text")
