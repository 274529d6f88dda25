"""The mask source `overlay`: logos that stand still while the picture moves."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from reelmend.pipelines.media.masks.sources.overlay import OverlaySource
from reelmend.pipelines.media.masks.sources.overlay.ladder import GROUP, Ladder
from reelmend.pipelines.media.masks.sources.overlay.presence import shown
from tests.clips import U8, Bool, scene, write_clip
from tests.media.mask_sources import masks_of, search_of

SIZE = (192, 112)
LOGO = (140, 12)
"""Left and top of a logo of 36 x 24 pixels."""


def with_logo(pictures: U8, opacity: float = 1.0, frames: slice = slice(None)) -> tuple[U8, Bool]:
    """Return pictures with a yellow disc with a blue letter over them, and the pixels that it covers."""
    drawn, mask = np.zeros((*pictures.shape[1:3], 3), np.uint8), np.zeros(pictures.shape[1:3], np.uint8)
    left, top = LOGO
    cv2.ellipse(mask, (left + 18, top + 12), (17, 11), 0, 0, 360, 1, -1)
    cv2.ellipse(drawn, (left + 18, top + 12), (17, 11), 0, 0, 360, (250, 240, 90), -1)
    cv2.putText(drawn, "R", (left + 10, top + 19), cv2.FONT_HERSHEY_DUPLEX, 0.65, (10, 20, 160), 2)
    share = opacity * mask[..., None]
    out = pictures.copy()
    out[frames] = np.rint(pictures[frames] * (1 - share) + drawn * share)
    return out, mask > 0


def panning(frames: int = 75) -> U8:
    return scene(frames, SIZE, speed=(4, 2))


def clip(path: Path, pictures: U8, **options: object) -> Path:
    return write_clip(path / "clip.mp4", pictures=pictures, audio=False, options={"crf": "16"}, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("opacity", "least"), [(1.0, 0.95), (0.5, 0.85)])
def test_a_logo_over_three_seconds_of_moving_picture_is_masked_tightly(
    tmp_path: Path, opacity: float, least: float
) -> None:
    pictures, logo = with_logo(panning(), opacity)
    masks = masks_of(OverlaySource(), search_of(clip(tmp_path, pictures)))
    assert all((mask & logo).sum() >= least * logo.sum() for mask in masks)
    assert all(mask.sum() <= 1.6 * logo.sum() for mask in masks)
    assert len({id(mask) for mask in masks}) == 1, "equal masks are one object"


def along_bricks(frames: int = 75) -> U8:
    """A pan along a wall: the joints between its courses stay where they are, and go through the logo to the border."""
    width, height = SIZE
    rows, columns = np.mgrid[:height, : width + 4 * frames]
    course = rows // 14
    along = columns + course % 2 * 15
    tone = np.random.default_rng(2).integers(60, 150, (course.max() + 1, along.max() // 30 + 1))
    wall = np.where((rows % 14 < 2) | (along % 30 < 2), 190, tone[course, along // 30]).astype(np.uint8)
    return np.stack([np.dstack([wall[:, 4 * index : 4 * index + width]] * 3) for index in range(frames)])


def test_a_logo_is_distinguished_from_the_straight_lines_along_which_the_camera_pans(tmp_path: Path) -> None:
    pictures, logo = with_logo(along_bricks())
    masks = masks_of(OverlaySource(), search_of(clip(tmp_path, pictures)))
    assert all((mask & logo).sum() >= 0.95 * logo.sum() for mask in masks)
    assert all(mask.sum() <= 1.6 * logo.sum() for mask in masks)
    assert not any(mask.any() for mask in masks_of(OverlaySource(), search_of(clip(tmp_path, along_bricks()))))


@pytest.mark.parametrize("gap", [6, 10])
def test_a_logo_next_to_a_black_bar_is_found_and_the_bar_is_not(tmp_path: Path, gap: int) -> None:
    pictures, logo = with_logo(panning())
    pictures[:, : LOGO[1] + 1 - gap] = pictures[:, 100:] = 0
    masks = masks_of(OverlaySource(), search_of(clip(tmp_path, pictures)))
    assert all((mask & logo).sum() >= 0.95 * logo.sum() for mask in masks)
    assert all(mask.sum() <= 1.6 * logo.sum() for mask in masks)


def test_nothing_is_masked_where_there_is_no_logo(tmp_path: Path) -> None:
    search = search_of(clip(tmp_path, panning()))
    assert not any(mask.any() for mask in masks_of(OverlaySource(), search))
    assert search.notes == ["no logo found: nothing stands still before the moving picture"]


def test_a_still_camera_yields_nothing_and_says_why(tmp_path: Path) -> None:
    pictures, _ = with_logo(np.repeat(panning(1), 50, axis=0))
    search = search_of(clip(tmp_path, pictures))
    assert not any(mask.any() for mask in masks_of(OverlaySource(), search))
    assert "too little moves" in search.notes[0]
    assert "name a box" in search.notes[0]


def test_a_logo_is_masked_in_the_frames_that_show_it(tmp_path: Path) -> None:
    pictures, logo = with_logo(panning(130), frames=slice(30, 110))
    masks = masks_of(OverlaySource(), search_of(clip(tmp_path, pictures)))
    masked = [index for index, mask in enumerate(masks) if (mask & logo).sum() > 0.9 * logo.sum()]
    assert abs(masked[0] - 30) <= 1
    assert abs(masked[-1] - 109) <= 1
    assert masked == list(range(masked[0], masked[-1] + 1))


def test_a_region_limits_what_is_masked(tmp_path: Path) -> None:
    pictures, _logo = with_logo(panning())
    path = clip(tmp_path, pictures)
    left = masks_of(OverlaySource(), search_of(path, region=(0, 0, 96, 112)))
    assert not any(mask.any() for mask in left)
    half = masks_of(OverlaySource(), search_of(path, region=(158, 0, 192, 112)))[0]
    assert half.any()
    assert not half[:, :158].any()


def test_what_comes_to_the_border_is_left_alone_and_said(tmp_path: Path) -> None:
    pictures = panning()
    pictures[:, 84:, 40:150] = 250  # a dashboard in the sun
    pictures[:, 92:96, 60:130] = 30

    search = search_of(clip(tmp_path, pictures))
    assert not any(mask[84:86].any() for mask in masks_of(OverlaySource(), search))
    assert any("at the border" in note for note in search.notes)


@pytest.mark.parametrize("size", [(16, 16), (64, 16), (1280, 8)])
@pytest.mark.parametrize("frames", [1, 2, 7])
def test_tiny_and_short_clips_have_no_logo(tmp_path: Path, size: tuple[int, int], frames: int) -> None:
    search = search_of(clip(tmp_path, scene(frames, size)))
    assert not any(mask.any() for mask in masks_of(OverlaySource(), search))


def test_black_ten_bit_and_a_region_of_one_pixel_are_no_trouble(tmp_path: Path) -> None:
    dark = clip(tmp_path, np.zeros((30, 48, 64, 3), np.uint8), pix_fmt="yuv420p10le")
    assert not any(mask.any() for mask in masks_of(OverlaySource(), search_of(dark, region=(20, 20, 21, 48))))


def test_a_logo_is_there_through_a_flash_and_not_for_two_frames() -> None:
    shares = np.array([0.0] * 5 + [0.9] * 2 + [0.0] * 10 + [0.4] + [1.0] * 20 + [0.1] * 3 + [1.0] * 20 + [0.0] * 5)
    there = shown(shares, shortest=8, gap=8)
    assert np.nonzero(there)[0].tolist() == list(range(17, 61))


def test_groups_of_samples_span_from_seconds_to_hours_in_bounded_memory() -> None:
    ladder = Ladder()
    spans = []
    for index in range(20_000):
        for group in ladder.add(np.full((1, 1), index, np.uint16)):
            assert len(group) == GROUP
            spans.append(int(group[-1][0, 0]) - int(group[0][0, 0]))
    assert min(spans) == GROUP - 1
    assert max(spans) > 10_000
    assert sum(len(rung) for rung in ladder._rungs) < 8 * GROUP
