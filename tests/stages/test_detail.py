"""A video's own detail around its holes says at which size they are restored."""

import av
import cv2
import numpy as np
import pytest

from reelmend.core_model.regions import Region
from reelmend.pipelines.media.masks.track import HoleTrack, TrackMaker
from reelmend.pipelines.stages.detail import LOSS_LEVELS, DetailFinder, side_for, tile_losses

SIZE = (256, 128)
HOLE_TILES = Region(1, 1, 2, 2)
"""One tile of 32 pixels, a tile away from the corner."""


def track_of(frames: range) -> HoleTrack:
    maker = TrackMaker()
    for index in frames:
        maker.see(index, [HOLE_TILES])
    return maker.track()


def stripes(period_px: int, amplitude: float = 60.0) -> np.ndarray:
    """A grating of upright stripes, u8 [H, W, 3]."""
    row = 128 + amplitude * np.sin(2 * np.pi * (np.arange(SIZE[0]) + 0.5) / period_px)
    return np.repeat(np.rint(np.tile(row, (SIZE[1], 1)))[..., None], 3, axis=2).astype(np.uint8)


def detail_of(pictures: list[np.ndarray], holes: range) -> dict[int, float]:
    finder = DetailFinder()
    for index, picture in enumerate(pictures):
        finder.see(index, av.VideoFrame.from_ndarray(picture, "rgb24"))
    return dict(finder.detail(track_of(holes), SIZE))


def test_a_size_loses_the_band_above_its_nyquist_frequency_and_keeps_the_one_below() -> None:
    """Every other column is bright: at half the size each pixel is the mean of two, and all of the stripes are lost."""
    lost = detail_of([stripes(2)], range(1))
    assert lost[128] == pytest.approx(60, rel=0.01)
    slow = detail_of([stripes(64)], range(1))
    assert slow[128] < 1 < 0.1 * lost[128]


def test_only_the_surroundings_of_holes_count() -> None:
    """Detail far from the hole changes nothing, nor does, but for what filters spread, the object that it hides."""
    far, object_alone = stripes(64), stripes(64)
    far[:, 192:] = stripes(3)[:, 192:]
    assert detail_of([far], range(1)) == detail_of([stripes(64)], range(1))
    object_alone[32:64, 32:64] = stripes(3)[32:64, 32:64]
    losses = detail_of([object_alone], range(1))
    assert losses == pytest.approx(detail_of([stripes(64)], range(1)), abs=0.5)
    assert detail_of([stripes(3)], range(1))[128] > 30


def test_the_sharpest_frames_decide_wherever_holes_are() -> None:
    blurred = cv2.blur(stripes(4), (4, 1))
    clip = [blurred] * 10 + [stripes(4)] + [blurred] * 9
    assert detail_of(clip, range(20)) == detail_of([stripes(4)], range(1))
    assert detail_of(clip, range(5)) == detail_of([blurred], range(1))


def test_a_hole_without_surroundings_is_judged_by_the_whole_picture() -> None:
    finder = DetailFinder()
    finder.see(0, av.VideoFrame.from_ndarray(stripes(8), "rgb24"))
    maker = TrackMaker()
    maker.see(0, [Region(0, 0, 8, 4)])
    grey = np.asarray(av.VideoFrame.from_ndarray(stripes(8), "rgb24").reformat(format="gray").to_ndarray(), np.uint8)
    whole = np.sqrt(tile_losses(grey).sum((1, 2)) / grey.size)
    assert [loss for _, loss in finder.detail(maker.track(), SIZE)] == pytest.approx(whole.tolist(), abs=1e-3)


def test_a_long_video_is_looked_at_a_bounded_number_of_times() -> None:
    finder = DetailFinder()
    frame = av.VideoFrame.from_ndarray(stripes(8), "rgb24")
    for index in range(2000):
        finder.see(index, frame)
    assert 16 < len(finder._losses) <= 33
    # A hole of a few frames between two looks is still seen.
    assert finder.detail(track_of(range(1003, 1005)), SIZE)


@pytest.mark.parametrize(
    ("least", "most", "side"), [(16, 0, 480), (16, 256, 256), (640, 0, 640), (640, 1280, 640), (4000, 0, 1920)]
)
def test_the_smallest_size_that_loses_little_is_taken_between_least_and_most(least: int, most: int, side: int) -> None:
    detail = ((240, LOSS_LEVELS + 2), (480, LOSS_LEVELS), (960, 0.2))
    assert side_for(detail, (1920, 1080), least, most) == side


def test_without_any_size_that_is_enough_or_any_hole_the_most_is_taken() -> None:
    assert side_for(((240, 9.0), (960, 8.0)), (1920, 1080), 16, 0) == 1920
    assert side_for((), (1920, 1080), 16, 1280) == 1280
