"""A mask video of another frame rate is laid on its video by time."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.errors import MaskError
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.by_time import frames_at
from reelmend.pipelines.media.masks.reader import inspect_masks, read_masks
from reelmend.pipelines.media.records import VideoInfo
from tests.clips import write_clip


@pytest.fixture
def video(tmp_path: Path) -> VideoInfo:
    """Eight frames at 25 fps."""
    return inspect_video(write_clip(tmp_path / "clip.mkv", 8, codec="ffv1", audio=False))


def at(info: VideoInfo, rate: Fraction, frames: int) -> VideoInfo:
    return replace(info, frames=frames, rate=rate, time_base=1 / rate, pts=tuple(range(frames)))


def test_each_frame_takes_the_mask_that_is_shown_at_its_time(video: VideoInfo) -> None:
    fast = at(video, Fraction(50), 20)
    assert frames_at(at(video, Fraction(25), 10), fast) == [number // 2 for number in range(20)]
    assert frames_at(fast, at(video, Fraction(25), 10)) == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    film = at(video, Fraction(24000, 1001), 24)
    assert frames_at(at(video, Fraction(30000, 1001), 30), film) == [frame * 5 // 4 for frame in range(24)]


def test_a_mask_that_lasts_otherwise_is_refused(video: VideoInfo) -> None:
    assert frames_at(at(video, Fraction(50), 50), at(video, Fraction(25), 10)) is None
    assert frames_at(at(video, Fraction(25), 251), at(video, Fraction(25), 250)) is None, "the rate is the same"


def test_masks_of_half_the_rate_stand_for_two_frames_each_and_that_is_said(tmp_path: Path, video: VideoInfo) -> None:
    boxes = np.zeros((4, video.height, video.width, 3), np.uint8)
    for number, picture in enumerate(boxes):
        picture[10:20, 10 * number : 10 * number + 8] = 255
    path = write_clip(tmp_path / "mask.mkv", 4, codec="ffv1", audio=False, pictures=boxes, rate=Fraction(25, 2))
    config = MaskConfig(dilation=0)
    lefts = [int(np.flatnonzero(mask.any(axis=0))[0]) for mask in read_masks(path, video, config, 0, 8)]
    assert lefts == [0, 0, 10, 10, 20, 20, 30, 30]
    assert [int(np.flatnonzero(mask.any(axis=0))[0]) for mask in read_masks(path, video, config, 3, 6)] == [10, 20, 20]
    assert "takes the mask shown at its time" in inspect_masks(path, video, config).notes[-1]
    short = write_clip(tmp_path / "short.mkv", 3, codec="ffv1", audio=False, pictures=boxes[:3])
    with pytest.raises(MaskError, match="do not last equally long"):
        inspect_masks(short, video, config)
