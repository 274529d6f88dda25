"""Masks are closed over short gaps and extended through fades, by numbers worked out by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.over_time import closed, extended

Bool = NDArray[np.bool_]


def frames(pixels: list[str]) -> list[Bool]:
    """One row of each text is a pixel over time: `#` is masked."""
    columns = [[char == "#" for char in pixel] for pixel in pixels]
    return [np.array([column]) for column in zip(*columns, strict=True)]


def pixels(masks: list[Bool]) -> list[str]:
    return ["".join("#" if mask[0, pixel] else "." for mask in masks) for pixel in range(masks[0].shape[1])]


@pytest.mark.parametrize(
    ("persist", "before", "after"),
    [
        (0, "#.#..##", "#.#..##"),
        (1, "#.#..##", "###..##"),
        (2, "#.#..##", "#######"),
        (5, "..#....", "..#...."),  # nothing after it
        (3, "#....#.", "#....#."),  # the gap has four frames
        (4, "#....#.", "######."),
    ],
)
def test_gaps_up_to_persist_are_closed(persist: int, before: str, after: str) -> None:
    assert pixels(list(closed(frames([before, "." * 7]), persist))) == [after, "......."]


@pytest.mark.parametrize(
    ("fade", "shots", "before", "after"),
    [
        (0, [(0, 8)], "..##....", "..##...."),
        (1, [(0, 8)], "..##....", ".####..."),
        (3, [(0, 8)], "..##....", "#######."),
        (2, [(0, 4), (4, 8)], "..#.....", "####...."),  # not across the cut
        (9, [(0, 8)], "....#...", "########"),
        (2, [(0, 4), (4, 8)], "....#...", "....###."),
    ],
)
def test_a_mask_reaches_fade_frames_further_within_its_shot(
    fade: int, shots: list[tuple[int, int]], before: str, after: str
) -> None:
    assert pixels(list(extended(frames([before, "." * 8]), fade, shots))) == [after, "." * 8]


@given(st.lists(st.text("#.", min_size=12, max_size=12), min_size=1, max_size=3), st.integers(1, 6))
def test_closing_is_what_each_pixel_says_alone(before: list[str], persist: int) -> None:
    expected = []
    for pixel in before:
        masked = [place for place, char in enumerate(pixel) if char == "#"]
        filled = set(masked)
        for first, second in pairwise(masked):
            if second - first - 1 <= persist:
                filled.update(range(first, second))
        expected.append("".join("#" if place in filled else "." for place in range(12)))
    assert pixels(list(closed(frames(before), persist))) == expected
