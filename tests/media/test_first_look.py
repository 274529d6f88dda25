"""Doubts about a mask file are found by a first look, before a run."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.errors import MaskError
from reelmend.pipelines.media.inspection import glance_video
from reelmend.pipelines.media.masks.first_look import first_look
from reelmend.pipelines.media.records import VideoHeader
from tests.clips import write_clip, write_mask_image

SIZE = (64, 96)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> VideoHeader:
    return glance_video(write_clip(tmp_path_factory.mktemp("video") / "clip.mkv", 3, codec="ffv1", audio=False))


def box() -> NDArray[np.bool_]:
    mask = np.zeros(SIZE, np.bool_)
    mask[10:20, 10:30] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "config", "doubt"),
    [
        (box(), MaskConfig(), ""),
        (~box(), MaskConfig(), "covers 97% of the picture: is it inverted?"),
        (~box(), MaskConfig(invert=True), ""),
        (np.zeros(SIZE, np.bool_), MaskConfig(), "black all over"),
    ],
)
def test_a_doubtful_image_is_named(
    tmp_path: Path, video: VideoHeader, mask: NDArray[np.bool_], config: MaskConfig, doubt: str
) -> None:
    found = first_look(write_mask_image(tmp_path / "mask.png", mask), video, config)
    assert doubt in "; ".join(found)
    assert bool(found) == bool(doubt)


def test_a_folder_with_fewer_images_than_frames_is_named(tmp_path: Path, video: VideoHeader) -> None:
    write_mask_image(tmp_path / "1.png", box())
    assert first_look(tmp_path, video, MaskConfig()) == ["it has images for 1 of 3 frames"]


def test_a_mask_of_another_shape_is_refused(tmp_path: Path, video: VideoHeader) -> None:
    with pytest.raises(MaskError, match="not the same aspect ratio"):
        first_look(write_mask_image(tmp_path / "mask.png", np.ones((64, 64), np.bool_)), video, MaskConfig())
