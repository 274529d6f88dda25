"""How regions are laid for an engine whose networks read little of a frame: margins by direction, least sides, grid."""

from hypothesis import given
from hypothesis import strategies as st

from reelmend.core_model.regions import Region, RegionRule, regions_around

RULE = RegionRule(across_px=64, down_px=40, hole_share=0.5, grid_px=8, least_px=128)
HD = (1280, 720)


def test_a_small_hole_has_its_margins_and_the_least_side() -> None:
    """32 pixels and 64 on either side make 160; 32 and 40 make 112, and 128 is the least."""
    assert regions_around([Region(200, 104, 232, 136)], (432, 240), RULE) == (Region(136, 56, 296, 184),)


def test_in_a_corner_the_least_side_reaches_into_the_frame() -> None:
    assert regions_around([Region(1270, 710, 1280, 720)], HD, RULE) == (Region(1152, 592, 1280, 720),)


def test_a_large_hole_has_a_margin_of_half_its_shorter_side() -> None:
    assert regions_around([Region(400, 160, 800, 360)], HD, RULE) == (Region(296, 56, 904, 464),)


def test_what_is_restored_at_half_the_size_has_twice_the_margin_of_the_frame() -> None:
    hole = Region(1920, 1080, 1960, 1120)
    assert regions_around([hole], (3840, 2160), RULE, scale=2.0) == (Region(1792, 968, 2088, 1232),)


def test_holes_far_apart_have_a_region_each_and_near_ones_share_one() -> None:
    left, right = Region(40, 300, 60, 320), Region(1200, 300, 1220, 320)
    assert len(regions_around([left, right], HD, RULE)) == 2
    assert len(regions_around([left, Region(150, 300, 170, 320)], HD, RULE)) == 1


boxes = st.builds(
    lambda x, y, w, h: Region(x, y, min(x + w, 1280), min(y + h, 720)),
    *(st.integers(0, 1279), st.integers(0, 719), st.integers(1, 90), st.integers(1, 90)),
)


@given(st.lists(boxes, min_size=1, max_size=6))
def test_every_region_is_as_large_as_the_networks_need_and_lies_on_the_grid(holes: list[Region]) -> None:
    regions = regions_around(holes, HD, RULE)
    assert not any(a.overlaps(b) for a in regions for b in regions if a != b)
    for region in regions:
        assert min(region.size) >= 128
        assert all(edge % 8 == 0 for edge in region)
    for hole in holes if regions else []:
        (own,) = [region for region in regions if region.overlaps(hole)]
        needed = Region(hole.left - 64, hole.top - 40, hole.right + 64, hole.bottom + 40).clipped(HD)
        assert own == own.joined(needed)
