"""The parts of a frame that are worked on: enough of it, on a grid, and no two of the same pixel."""

from random import Random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reelmend.core_model.regions import (
    GRID_PX,
    MARGIN_PX,
    WHOLE_FROM,
    Region,
    RegionRule,
    covered_share,
    regions_around,
    regions_of,
)

HD = (1280, 720)


def mask_with(*boxes: Region | tuple[int, int, int, int], size: tuple[int, int] = HD) -> NDArray[Any]:
    mask = np.zeros((size[1], size[0]), np.bool_)
    for box in boxes:
        mask[Region(*box).inside] = True
    return mask


def test_a_logo_in_a_corner_has_one_region_on_the_grid() -> None:
    assert regions_of(mask_with((1060, 40, 1220, 130))) == (Region(896, 0, 1280, 320),)


def test_logos_far_apart_have_a_region_each() -> None:
    both = regions_of(mask_with((40, 40, 100, 80), (1180, 640, 1240, 680)))
    assert both == (Region(0, 0, 256, 256), Region(1024, 512, 1280, 720))


def test_logos_whose_surroundings_meet_share_a_region() -> None:
    assert regions_of(mask_with((40, 40, 100, 80), (300, 40, 360, 80))) == (Region(0, 0, 512, 256),)


def test_a_region_that_grows_over_another_takes_that_in_too() -> None:
    corner_left_free = [Region(0, 0, 20, 300), Region(150, 400, 600, 420)]
    (around,) = regions_around(corner_left_free, (2000, 2000))
    assert regions_around([*corner_left_free, Region(450, 0, 470, 20)], (2000, 2000)) == (around,)


def test_a_hole_that_moves_less_than_the_grid_keeps_its_region() -> None:
    still, moved = (regions_of(mask_with((x, 200, x + 60, 240))) for x in (656, 690))
    assert still == moved


def test_where_most_of_the_frame_would_be_worked_on_all_of_it_is() -> None:
    assert regions_of(mask_with((200, 150, 1080, 600))) == ()
    assert covered_share((), HD) == 1


def test_what_is_restored_smaller_has_the_same_surroundings_at_that_size() -> None:
    assert regions_of(mask_with((600, 340, 640, 360)), RegionRule().with_margin(2 * MARGIN_PX)) == (
        Region(320, 64, 896, 640),
    )


boxes = st.builds(
    lambda x, y, w, h: Region(x, y, min(x + w, 1280), min(y + h, 720)),
    *(st.integers(0, 1279), st.integers(0, 719), st.integers(1, 200), st.integers(1, 200)),
)


@given(st.lists(boxes, min_size=1, max_size=8), st.randoms())
def test_every_hole_has_its_margin_and_no_two_regions_overlap(holes: list[Region], random: Random) -> None:
    regions = regions_around(holes, HD)
    assert covered_share(regions, HD) <= 1
    for hole in holes if regions else []:
        (own,) = [region for region in regions if region.overlaps(hole)]
        needed = hole.grown(MARGIN_PX).clipped(HD)
        assert own == own.joined(needed)
        assert all(edge % GRID_PX == 0 for edge in (own.left, own.top))
    assert not any(a.overlaps(b) for a in regions for b in regions if a != b)
    assert sum(region.area for region in regions) <= WHOLE_FROM * 1280 * 720
    random.shuffle(holes)
    assert regions_around(holes, HD) == regions


@given(st.lists(boxes, min_size=1, max_size=6))
def test_the_regions_of_a_mask_are_those_of_the_boxes_that_made_it(holes: list[Region]) -> None:
    assert regions_of(mask_with(*holes)) == regions_around(holes, HD)
