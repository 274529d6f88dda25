"""Where a camera stands still is known from small pictures, one in ten; blocks there get no flow beforehand."""

from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.regions import Region
from reelmend.pipelines.engines.blocks import lay_blocks, plan_frames
from reelmend.pipelines.media.still_ranges import StillFinder, stands_in
from tests.clips import scene

SIZE = (192, 128)


def found_in(pictures: list[NDArray[Any]] | NDArray[Any]) -> tuple[Any, ...]:
    finder = StillFinder()
    for index, picture in enumerate(pictures):
        finder.see(index, av.VideoFrame.from_ndarray(picture, "rgb24"))
    return finder.ranges()


def still(frames: int, seed: int = 0) -> NDArray[Any]:
    """A camera on a tripod, with a sensor's grain."""
    grain = np.random.default_rng(seed).normal(0, 3, (frames, *SIZE[::-1], 1))
    return (scene(1, SIZE, seed=seed) + grain).clip(0, 255).astype(np.uint8)


def test_a_camera_on_a_tripod_stands_whatever_passes() -> None:
    pictures = still(45)
    for t in range(10, 30):
        pictures[t, 40:90, 8 * (t - 10) : 8 * (t - 10) + 50] = 20
    assert found_in(pictures) == ((0, 41),)


@pytest.mark.parametrize("speed", [(2, 1), (0, 3), (-2, 0)])
def test_a_pan_does_not_stand(speed: tuple[int, int]) -> None:
    assert found_in(scene(35, SIZE, speed)) == ()


def test_light_that_fades_is_no_motion() -> None:
    fading = still(31) * np.linspace(1, 0.6, 31)[:, None, None, None]
    assert found_in(fading.astype(np.uint8)) == ((0, 31),)


def test_a_slow_drift_stands_until_it_has_gone_twelve_pixels() -> None:
    """By 5 pixels in ten frames: three pictures lie within 12 pixels, and the last of them begins the next stretch."""
    whole = scene(1, (SIZE[0] + 40, SIZE[1]))[0]
    pictures = [whole[:, 5 * (t // 10) : 5 * (t // 10) + SIZE[0]].copy() for t in range(51)]
    assert found_in(pictures) == ((0, 21), (20, 41), (40, 51))


def test_a_cut_parts_two_stretches() -> None:
    assert found_in([*still(25), *still(26, seed=1)]) == ((0, 21), (30, 51))


def test_frames_stand_where_two_pictures_of_one_stretch_say_so() -> None:
    ranges = ((0, 31), (50, 91))
    assert stands_in(ranges, 0, 40)
    assert stands_in(ranges, 45, 95)
    assert not stands_in(ranges, 0, 41), "the picture of frame 40 is in no stretch"
    assert not stands_in(ranges, 21, 40), "one picture tells nothing"
    assert not stands_in(ranges, 20, 70)


def test_segments_that_only_still_blocks_read_are_left_to_demand() -> None:
    """Blocks of 40 frames and a halo of 10: the second one, of frames 30 to 90, reads segments 1 to 4 of 20 pairs."""
    blocks = lay_blocks([(0, 120)], block_length=40, overlap=0, halo=10)
    segments, chunks = plan_frames(
        120, blocks, lambda start, stop: True, chunk_length=40, segment_length=20, still=((0, 41), (70, 111))
    )
    assert [segment.on_demand for segment in segments] == [True, False, False, False, False, True]
    assert [chunk.segments for chunk in chunks] == [(0, 1, 2), (1, 2, 3, 4), (3, 4, 5)]


def test_regions_are_left_to_demand_each_by_the_blocks_that_read_them() -> None:
    blocks, near, far = (
        lay_blocks([(0, 80)], block_length=40, overlap=0, halo=0),
        Region(0, 0, 9, 9),
        Region(20, 0, 29, 9),
    )
    segments, _ = plan_frames(
        80, blocks, lambda start, stop: True, chunk_length=40, segment_length=40,
        regions=lambda block: (near,) if block.seen_start == 0 else (near, far), still=((40, 80),),
    )  # fmt: skip
    assert [(s.start, s.region, s.on_demand) for s in segments] == [(0, near, False), (40, near, True), (40, far, True)]
