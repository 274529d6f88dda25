"""The mask source `damage`: dust, scratches and dropped lines."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from reelmend.pipelines.media.masks.sources.base import Bool
from reelmend.pipelines.media.masks.sources.damage import DamageSource
from tests.clips import U8, scene, write_clip
from tests.media.mask_sources import masks_of, search_of

SIZE = (192, 112)


def panning(frames: int = 12) -> U8:
    return scene(frames, SIZE, speed=(3, 1))


def masked(path: Path, pictures: U8, cuts: tuple[int, ...] = (), sensitivity: float = 0.5) -> list[Bool]:
    clip = write_clip(path / "clip.mp4", pictures=pictures, audio=False, options={"crf": "8"})
    return masks_of(DamageSource(), search_of(clip, cuts=cuts, sensitivity=sensitivity))


@pytest.mark.parametrize("level", [8, 250])
@pytest.mark.parametrize("frame", [0, 5, 11])
def test_a_speck_of_dust_is_found_in_its_frame_alone(tmp_path: Path, level: int, frame: int) -> None:
    pictures = panning()
    pictures[frame, 50:55, 90:96] = level
    masks = masked(tmp_path, pictures)
    assert masks[frame][50:55, 90:96].mean() >= 0.85
    assert masks[frame].sum() <= 2 * 30
    assert [index for index, mask in enumerate(masks) if mask.any()] == [frame]


def test_a_scratch_is_found_in_every_frame_though_it_stays(tmp_path: Path) -> None:
    pictures = panning(16)
    pictures[:, 10:100, 70:72] = np.clip(pictures[:, 10:100, 70:72].astype(int) + 60, 0, 255)
    masks = masked(tmp_path, pictures)
    assert all(mask[10:100, 70:72].mean() >= 0.85 for mask in masks)
    assert all(mask.sum() <= 2.5 * 180 for mask in masks)


def test_a_pole_that_moves_with_the_scene_is_no_scratch(tmp_path: Path) -> None:
    pictures = panning(16)
    for index, picture in enumerate(pictures):
        left = 150 - 3 * index
        picture[10:100, left : left + 2] = 230
    assert not any(mask.any() for mask in masked(tmp_path, pictures))


def test_a_post_before_a_still_camera_is_no_scratch(tmp_path: Path) -> None:
    pictures = np.repeat(panning(1), 16, axis=0)
    pictures[:, 20:90, 70:72] = 235
    assert not any(mask.any() for mask in masked(tmp_path, pictures))


def test_a_dropped_line_is_found_over_its_width(tmp_path: Path) -> None:
    pictures = panning()
    pictures[6, 40:42] = 0
    masks = masked(tmp_path, pictures)
    assert masks[6][40:42].mean() >= 0.85
    assert not any(mask.any() for index, mask in enumerate(masks) if index != 6)


def test_a_ball_on_its_way_is_no_dust(tmp_path: Path) -> None:
    pictures = panning()
    for index, picture in enumerate(pictures):
        cv2.circle(picture, (15 + 14 * index, 80 - 4 * index), 3, (250, 250, 250), -1)
    masks = masked(tmp_path, pictures)
    assert not any(mask.any() for mask in masks[1:-1]), "but for the first and last frame, with one neighbour"


def test_nothing_is_compared_across_a_cut(tmp_path: Path) -> None:
    pictures = np.concatenate([scene(5, SIZE, seed=seed) for seed in (1, 2, 3)])
    assert not any(mask.any() for mask in masked(tmp_path, pictures, cuts=(5, 10)))


def test_grain_fades_and_a_flash_are_no_damage(tmp_path: Path) -> None:
    pictures = panning()
    grain = np.random.default_rng(0).normal(0, 6, pictures.shape[:3])[..., None]
    gain = np.array([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1.6, 1, 1, 0.7, 0.3])[:, None, None, None]
    pictures = np.clip(np.rint(pictures * 0.6 * gain + grain), 0, 255).astype(np.uint8)
    assert sum(mask.sum() for mask in masked(tmp_path, pictures)) <= 20


def test_more_sensitivity_finds_fainter_dust(tmp_path: Path) -> None:
    pictures = panning()
    for step, left in enumerate((30, 70, 110, 150)):
        part = pictures[5, 50:56, left : left + 6]
        part[:] = np.clip(part.astype(int) + (8, 16, 32, 80)[step], 0, 255)
    low, high = (masked(tmp_path, pictures, sensitivity=value)[5] for value in (0.0, 1.0))
    found = [[bool(mask[50:56, left : left + 6].any()) for left in (30, 70, 110, 150)] for mask in (low, high)]
    assert found[0][3]
    assert not found[0][1]
    assert found[1][1:] == [True] * 3


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("size", [(16, 16), (130, 16)])
def test_tiny_and_short_clips_have_a_mask_a_frame(tmp_path: Path, size: tuple[int, int], frames: int) -> None:
    assert not any(mask.any() for mask in masked(tmp_path, scene(frames, size)))


def test_cuts_every_few_frames_ten_bits_and_a_thin_region_are_no_trouble(tmp_path: Path) -> None:
    pictures = np.concatenate([scene(frames, SIZE, seed=frames) for frames in (1, 2, 3, 4)])
    path = write_clip(tmp_path / "clip.mkv", pictures=pictures, audio=False, pix_fmt="yuv420p10le")
    masks = masks_of(DamageSource(), search_of(path, region=(90, 0, 91, 112), cuts=(1, 3, 6)))
    assert not any(mask.any() for mask in masks)


def test_a_region_limits_what_is_masked(tmp_path: Path) -> None:
    pictures = panning()
    pictures[5, 50:55, 88:98] = 8
    path = write_clip(tmp_path / "clip.mp4", pictures=pictures, audio=False, options={"crf": "8"})
    mask = masks_of(DamageSource(), search_of(path, region=(0, 0, 93, 112)))[5]
    assert mask[50:55, 88:93].mean() >= 0.85
    assert not mask[:, 93:].any()
