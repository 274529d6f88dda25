"""Around the picture all is missing; inside it what the mask says, and only that is grown."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.media.canvas.canvas import Canvas
from reelmend.pipelines.media.canvas.masks import inspect_canvas_masks, read_canvas_masks
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.records import VideoInfo
from tests.clips import write_clip, write_mask_image

GROWN = MaskConfig(dilation=5)
CANVAS = Canvas(144, 80, 24, 8, 96, 64)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    return inspect_video(write_clip(tmp_path_factory.mktemp("video") / "a.mp4", 4))


@pytest.fixture
def corner(tmp_path: Path) -> Path:
    """A mask in the picture's upper left corner, 10x10."""
    mask = np.zeros((64, 96), np.bool_)
    mask[:10, :10] = True
    return write_mask_image(tmp_path / "corner.png", mask)


def around() -> NDArray[Any]:
    mask = np.ones((80, 144), np.bool_)
    mask[8:72, 24:120] = False
    return mask


def test_without_a_mask_exactly_what_is_around_is_missing(video: VideoInfo) -> None:
    masks = np.stack(list(read_canvas_masks(None, video, GROWN, CANVAS, 1, 4)))
    assert np.array_equal(masks, np.stack([around()] * 3))
    summary = inspect_canvas_masks(None, video, GROWN, CANVAS)
    assert (summary.kind, summary.masked, summary.box) == ("none", ((0, 4),), (0, 0, 144, 80))
    assert summary.masked_fraction == pytest.approx(around().mean())


def test_a_mask_is_grown_inside_the_picture_and_the_surroundings_are_not(video: VideoInfo, corner: Path) -> None:
    [mask] = read_canvas_masks(corner, video, GROWN, CANVAS, 0, 1)
    inside = mask[CANVAS.inside]
    assert mask[around()].all()
    assert inside[:15, 0].all()
    assert not inside[15:].any()
    assert not inside[:, 15:].any()
    summary = inspect_canvas_masks(corner, video, GROWN, CANVAS)
    assert (summary.kind, summary.frames) == ("image", 1)
    assert summary.masked_fraction == pytest.approx(mask.mean())


def test_the_box_reaches_no_farther_than_what_is_missing(video: VideoInfo, corner: Path) -> None:
    right_only = Canvas(98, 64, 0, 0, 96, 64)
    assert inspect_canvas_masks(None, video, GROWN, right_only).box == (96, 0, 98, 64)
    assert inspect_canvas_masks(corner, video, GROWN, right_only).box == (0, 0, 98, 64)


def test_a_canvas_that_is_the_picture_changes_nothing(video: VideoInfo, corner: Path) -> None:
    plain = Canvas.of((96, 64))
    assert inspect_canvas_masks(None, video, GROWN, plain).masked == ()
    assert inspect_canvas_masks(corner, video, GROWN, plain).box == (0, 0, 15, 15)
