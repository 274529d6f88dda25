"""Where holes lie, frame by frame: as exact as regions need it, and small for hours of moving masks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.regions import Region, regions_around, regions_of
from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.media.boxes import bounding_box
from reelmend.pipelines.media.canvas.canvas import Canvas
from reelmend.pipelines.media.canvas.masks import inspect_canvas_masks
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.track import HoleTrack, TrackMaker, tile_boxes
from tests.clips import write_clip, write_mask_image, write_mask_video

SIZE = (640, 384)


def track_of(masks: NDArray[Any]) -> HoleTrack:
    maker = TrackMaker()
    for index, mask in enumerate(masks):
        box = bounding_box(mask)
        if box is not None:
            maker.see(index, tile_boxes(mask, box))
    return maker.track()


def moving_masks(frames: int, speed: int = 9) -> NDArray[Any]:
    """A box that crosses the picture, and one in a corner for half of the time."""
    masks = np.zeros((frames, SIZE[1], SIZE[0]), np.bool_)
    for index, mask in enumerate(masks):
        mask[300:320, (left := speed * index % 600) : left + 33] = True
        mask[5:17, 600:620] = index < frames // 2
    return masks


@pytest.mark.parametrize("span", [(0, 1), (3, 9), (0, 40), (19, 21), (30, 40)])
def test_regions_of_a_track_are_those_of_the_masks_themselves(span: tuple[int, int]) -> None:
    masks = moving_masks(40)
    union = np.logical_or.reduce(masks[slice(*span)])
    found = regions_around(track_of(masks).boxes(*span), SIZE)
    exact = regions_of(union)
    assert len(found) == len(exact)
    for tiled, own in zip(found, exact, strict=True):
        assert tiled == tiled.joined(own), "a hole has less than its margin"
        assert all(abs(a - b) <= 64 for a, b in zip(tiled, own, strict=True)), "tiles are coarse, but not that coarse"


def test_frames_without_holes_have_no_boxes() -> None:
    masks = moving_masks(30)
    masks[10:20] = False
    track = track_of(masks)
    assert track.boxes(10, 20) == set()
    assert track.boxes(9, 20) == track.boxes(9, 10)
    assert HoleTrack().boxes(0, 100) == set()


def test_a_still_mask_is_one_run_however_long_the_video_is() -> None:
    maker, boxes = TrackMaker(), [Region(3, 1, 5, 2)]
    for index in range(100_000):
        maker.see(index, boxes)
    track = maker.track()
    assert len(track.packed) < 100
    assert track.boxes(99_999, 100_000) == {Region(96, 32, 160, 64)}


@pytest.mark.slow
def test_three_hours_of_holes_that_never_rest_stay_small() -> None:
    frames = 3 * 3600 * 25
    maker, random = TrackMaker(), np.random.default_rng(0)
    x, y = random.integers(0, 55, frames).tolist(), random.integers(0, 30, frames).tolist()
    for index in range(frames):
        maker.see(index, [Region(x[index], y[index], x[index] + 4, y[index] + 3)])
    track = maker.track()
    assert len(track.packed) < 2_000_000
    last = Region(x[-1], y[-1], x[-1] + 4, y[-1] + 3)
    assert track.boxes(frames - 1, frames) == {Region(*(32 * side for side in last))}


def test_the_probe_of_masks_of_every_kind_knows_their_track(tmp_path: Path) -> None:
    video = inspect_video(write_clip(tmp_path / "clip.mp4", frames=6, size=SIZE))
    masks, canvas = moving_masks(6), Canvas.of(SIZE)
    write_mask_image(tmp_path / "m.png", masks[0])
    write_mask_video(tmp_path / "m.mkv", masks, codec="ffv1")
    config = MaskConfig(dilation=0)
    image, moving = (inspect_canvas_masks(tmp_path / name, video, config, canvas).track for name in ("m.png", "m.mkv"))
    assert image.boxes(0, 6) == image.boxes(5, 6) == track_of(masks[:1]).boxes(0, 1)
    assert moving == track_of(masks)
