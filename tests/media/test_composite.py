"""Restored pixels enter a frame; every sample outside the mask stays what it was."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av import VideoFrame
from numpy.typing import NDArray

from reelmend.pipelines.media.composite import paste_rgb
from reelmend.pipelines.media.formats import Layout, planes_of, working_layout
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.reader import read_frames, to_rgb
from reelmend.pipelines.media.records import VideoInfo
from tests.clips import scene, write_clip

FORMATS = [
    "yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv410p", "yuv440p", "yuv420p10le", "yuv422p10le", "yuv444p12le",
    "yuv420p16le", "yuva420p", "yuva444p10le", "gray", "gray10le", "gbrp10le", "bgr0", "bgra", "rgb48le", "gbrap16le",
]  # fmt: skip
PLACES = [(0, 0, 97, 55), (13, 7, 31, 22), (12, 8, 30, 20), (96, 54, 1, 1), (61, 40, 36, 15)]


def first_frame(info: VideoInfo) -> VideoFrame:
    return next(read_frames(info, 0, 1))


def touched_pixels(mask: NDArray[Any], layout: Layout, letter: str) -> NDArray[Any]:
    """The samples of a plane that cover masked pixels only, by counting pixel by pixel."""
    if letter not in "uv":
        return mask
    wide, high = 1 << layout.shift_x, 1 << layout.shift_y
    rows, columns = -(-mask.shape[0] // high), -(-mask.shape[1] // wide)
    cells = [
        [mask[y * high : (y + 1) * high, x * wide : (x + 1) * wide].all() for x in range(columns)] for y in range(rows)
    ]
    return np.array(cells)


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("colour", [(2, 2, 2, 0), (2, 2, 5, 2)], ids=["untagged", "full_range"])
def test_only_samples_wholly_inside_the_mask_change(
    tmp_path: Path, pixel_format: str, colour: tuple[int, int, int, int]
) -> None:
    clip = write_clip(tmp_path / "a.mkv", 1, (97, 55), codec="ffv1", pix_fmt=pixel_format, audio=False, colour=colour)
    info = inspect_video(clip)
    layout = working_layout(info.pixel_format)
    random = np.random.default_rng(1)
    for left, top, width, height in PLACES:
        mask = random.random((height, width)) < 0.7
        mask[: height // 2] = True
        before = [plane.copy() for plane in planes_of(first_frame(info))]
        patch = 255 - to_rgb(first_frame(info), info)[top : top + height, left : left + width]
        pasted = paste_rgb(first_frame(info), patch, mask, left, top, info)
        whole = np.zeros((55, 97), np.bool_)
        whole[top : top + height, left : left + width] = mask
        letters = [layout.channels] if layout.interleaved else layout.channels
        for letter, plane, old in zip(letters, planes_of(pasted), before, strict=True):
            changed = plane != old
            if changed.ndim == 3:
                assert not changed[..., 3:].any()
                changed = changed.any(axis=2)
            assert not (changed & ~touched_pixels(whole, layout, letter)).any()
            assert letter != "a" or not changed.any()
            assert changed.any() or letter in "auv"


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("colour", [(2, 2, 2, 0), (2, 2, 1, 1), (2, 2, 9, 2)], ids=["untagged", "bt709", "bt2020_full"])
def test_a_pasted_colour_is_read_back_as_that_colour(
    tmp_path: Path, pixel_format: str, colour: tuple[int, int, int, int]
) -> None:
    if pixel_format.startswith(("gb", "bgr", "rgb")):
        colour = (2, 2, 2, 0)
    clip = write_clip(tmp_path / "a.mkv", 1, (48, 32), codec="ffv1", pix_fmt=pixel_format, audio=False, colour=colour)
    info = inspect_video(clip)
    grey = info.pixel_format.startswith("gray")
    patch = np.empty((32, 48, 3), np.uint8)
    patch[:] = (120, 120, 120) if grey else (220, 40, 150)
    pasted = paste_rgb(first_frame(info), patch, np.ones((32, 48), np.bool_), 0, 0, info)
    assert np.abs(to_rgb(pasted, info).astype(int) - patch).max() <= 2


def test_pasting_what_was_read_moves_no_colour(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", 1, (96, 64), pictures=scene(1), options={"crf": "10"})
    info = inspect_video(clip)
    rgb = to_rgb(first_frame(info), info)
    again = paste_rgb(first_frame(info), rgb, np.ones((64, 96), np.bool_), 0, 0, info)
    luma, *chroma = zip(planes_of(first_frame(info)), planes_of(again), strict=True)
    assert np.abs(luma[0].astype(int) - luma[1]).mean() < 0.1
    for old, new in chroma:
        here, left, right = (np.abs(np.roll(old, by, 1).astype(int) - new)[:, 2:-2].mean() for by in (0, -1, 1))
        assert here < min(left, right) / 5
        assert abs(left - right) < 0.1 * left, "colours drift sideways"


def test_the_source_frame_itself_stays_as_it_was(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 1, (48, 32)))
    frame = first_frame(info)
    pasted = paste_rgb(frame, np.zeros((10, 10, 3), np.uint8), np.ones((10, 10), np.bool_), 3, 3, info)
    assert (pasted.pts, pasted.time_base) == (frame.pts, frame.time_base)
    assert not np.array_equal(planes_of(pasted)[0], planes_of(frame)[0])
    assert np.array_equal(planes_of(frame)[0], planes_of(first_frame(info))[0])


def test_a_patch_that_leaves_the_frame_is_refused(tmp_path: Path) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mp4", 1, (48, 32)))
    patch, mask = np.zeros((10, 10, 3), np.uint8), np.ones((10, 10), np.bool_)
    with pytest.raises(ValueError, match="leaves the frame"):
        paste_rgb(first_frame(info), patch, mask, 40, 0, info)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv410p", "bgr0"])
def test_masked_pixels_far_apart_enter_as_if_each_came_alone(tmp_path: Path, pixel_format: str) -> None:
    info = inspect_video(write_clip(tmp_path / "a.mkv", 1, (193, 131), codec="ffv1", pix_fmt=pixel_format, audio=False))
    masks = np.zeros((4, 131, 193), np.bool_)
    for mask, (left, top) in zip(masks, [(0, 0), (151, 3), (77, 78), (34, 111)], strict=True):
        mask[top : top + 19, left : left + 41] = True
    patch, one_by_one = 255 - to_rgb(first_frame(info), info), first_frame(info)
    for mask in masks:
        one_by_one = paste_rgb(one_by_one, patch, mask, 0, 0, info)
    together = paste_rgb(first_frame(info), patch, np.logical_or.reduce(masks), 0, 0, info)
    assert all(np.array_equal(*planes) for planes in zip(planes_of(together), planes_of(one_by_one), strict=True))
