"""A mask is one image, a folder of images or a video; it ends as the missing pixels of the video's coded frames."""

import shutil
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av import VideoFrame
from numpy.typing import NDArray

from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.errors import MaskError
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.align import grown as grow
from reelmend.pipelines.media.masks.reader import inspect_masks, read_masks
from reelmend.pipelines.media.records import VideoInfo
from tests.clips import moving_box, scene, write_clip, write_images, write_mask_image, write_mask_video

PLAIN = MaskConfig(dilation=0)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    return inspect_video(write_clip(tmp_path_factory.mktemp("video") / "a.mp4", 12))


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    return inspect_video(write_clip(tmp_path_factory.mktemp("video") / "turned.mp4", 4, rotation=90))


def all_masks(path: Path, info: VideoInfo, config: MaskConfig = PLAIN) -> NDArray[Any]:
    return np.stack(list(read_masks(path, info, config, 0, info.frames)))


def box(
    size: tuple[int, int] = (96, 64), left: int = 30, top: int = 20, right: int = 50, bottom: int = 40
) -> NDArray[Any]:
    mask = np.zeros(size[::-1], np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def refused(path: Path, info: VideoInfo, *words: str) -> None:
    with pytest.raises(MaskError) as caught:
        inspect_masks(path, info, PLAIN)
    for word in words:
        assert str(word) in str(caught.value), caught.value


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
def test_one_image_masks_every_frame(tmp_path: Path, video: VideoInfo, suffix: str) -> None:
    path = write_mask_image(tmp_path / f"m{suffix}", box())
    assert np.array_equal(all_masks(path, video), np.stack([box()] * 12))
    summary = inspect_masks(path, video, PLAIN)
    assert (summary.kind, summary.frames, summary.masked, summary.box) == ("image", 1, ((0, 12),), (30, 20, 50, 40))
    assert summary.masked_fraction == pytest.approx(20 * 20 / (96 * 64))


def test_a_folder_with_an_image_a_frame_is_taken_by_order(tmp_path: Path, video: VideoInfo) -> None:
    masks = moving_box(12)
    folder = write_images(tmp_path / "m", masks, [f"any{index * 7}.png" for index in range(12)])
    assert np.array_equal(all_masks(folder, video), masks)


def test_frames_without_a_numbered_image_have_an_empty_mask(tmp_path: Path, video: VideoInfo) -> None:
    folder = write_images(tmp_path / "m", moving_box(3), ["mask_0002.png", "mask_0003.png", "mask_0009.png"])
    assert inspect_masks(folder, video, PLAIN).masked == ((2, 4), (9, 10))


def test_numbers_that_reach_the_frame_count_start_at_one(tmp_path: Path, video: VideoInfo) -> None:
    folder = write_images(tmp_path / "m", moving_box(2), ["1.png", "12.png"])
    assert inspect_masks(folder, video, PLAIN).masked == ((0, 1), (11, 12))


def test_numbers_are_those_of_the_videos_own_images(tmp_path: Path) -> None:
    frames = write_images(tmp_path / "v", scene(4), [f"{index}.png" for index in (100, 101, 102, 103)])
    folder = write_images(tmp_path / "m", moving_box(1), ["102.png"])
    assert inspect_masks(folder, inspect_video(frames), PLAIN).masked == ((2, 3),)


@pytest.mark.parametrize("codec", ["libx264", "ffv1"])
def test_a_video_masks_frame_by_frame(tmp_path: Path, video: VideoInfo, codec: str) -> None:
    masks = moving_box(12)
    path = write_mask_video(tmp_path / "m.mkv", masks, codec=codec)
    read = all_masks(path, video)
    assert (read != masks).mean() < 0.01
    part = list(read_masks(path, video, PLAIN, 5, 8))
    assert np.array_equal(part, read[5:8])
    assert inspect_masks(path, video, PLAIN).kind == "video"


def test_noise_under_the_threshold_floods_nothing(tmp_path: Path, video: VideoInfo) -> None:
    noisy = np.where(box(), 235, 20) + np.random.default_rng(0).integers(-20, 21, (64, 96))
    path = write_mask_image(tmp_path / "m.jpg", noisy.astype(np.uint8))
    assert (all_masks(path, video)[0] != box()).mean() < 0.01
    faint = write_mask_image(tmp_path / "faint.png", np.full((64, 96), 127, np.uint8))
    summary = inspect_masks(faint, video, MaskConfig(dilation=4))
    assert (summary.masked, summary.masked_fraction, summary.box) == ((), 0, (0, 0, 0, 0))
    assert inspect_masks(faint, video, MaskConfig(threshold=126)).masked == ((0, 12),)


def test_colour_palette_alpha_and_16_bits_are_read_as_grey_levels(tmp_path: Path, video: VideoInfo) -> None:
    mask = box()
    red = np.zeros((64, 96, 3), np.uint8)
    red[mask] = (128, 0, 0)
    write_mask_image(tmp_path / "red.png", red)
    write_mask_image(tmp_path / "deep.png", mask.astype(np.uint16) * 65535)
    opaque = np.dstack([np.repeat(mask[..., None] * np.uint8(255), 3, axis=2), np.full((64, 96), 255, np.uint8)])
    assert cv2.imwrite(str(tmp_path / "opaque.png"), opaque)
    frame = av.VideoFrame(96, 64, "pal8")
    for plane, data in zip(frame.planes, palette_planes(mask, frame), strict=True):
        plane.update(data)
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = 96, 64, "pal8", Fraction(1)
    (tmp_path / "palette.png").write_bytes(
        b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode()])
    )
    for name in ("red", "deep", "opaque", "palette"):
        assert np.array_equal(all_masks(tmp_path / f"{name}.png", video)[0], mask), name


def palette_planes(mask: NDArray[Any], frame: VideoFrame) -> tuple[bytes, bytes]:
    rows = np.zeros((64, frame.planes[0].line_size), np.uint8)
    rows[:, :96] = mask
    colours = np.zeros((256, 4), np.uint8)
    colours[:, 3] = 255
    colours[1] = (0, 0, 128, 255)  # blue, green, red, alpha: the dark red that label palettes begin with
    return rows.tobytes(), colours.tobytes()[: frame.planes[1].buffer_size]


def grown(mask: NDArray[Any], times: int) -> NDArray[Any]:
    """A cross-shaped dilation, spelt out."""
    for _ in range(times):
        padded = np.pad(mask, 1)
        mask = padded[1:-1, 1:-1] | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return mask


@pytest.mark.parametrize("dilation", [0, 1, 4, 8, 9, 30])
def test_dilation_grows_by_a_cross_once_a_pixel(tmp_path: Path, video: VideoInfo, dilation: int) -> None:
    mask = np.random.default_rng(3).random((64, 96)) < 0.004
    mask[0, 0] = mask[-1, -1] = True
    path = write_mask_image(tmp_path / "m.png", mask)
    assert np.array_equal(all_masks(path, video, MaskConfig(dilation=dilation))[0], grown(mask, dilation))


def test_a_dilation_over_the_whole_picture_takes_no_longer_than_one_of_some_pixels() -> None:
    """One step after the other would take minutes; three corners of 3000 x 3000 are further away than 4096 steps."""
    mask = np.zeros((3000, 3000), np.uint8)
    mask[0, 0] = 1
    began = time.monotonic()
    found = grow(mask, 4096)
    assert time.monotonic() - began < 5
    rows, columns = np.ogrid[:3000, :3000]
    assert np.array_equal(found, rows + columns <= 4096)


def test_a_dilation_of_an_empty_mask_is_empty() -> None:
    assert not grow(np.zeros((20, 30), np.uint8), 4096).any()


def test_a_mask_of_another_shape_is_refused_before_it_is_decoded(tmp_path: Path, video: VideoInfo) -> None:
    """Of the image there is only the header; a mask video is damaged behind its first frames."""
    image = write_mask_image(tmp_path / "m.png", np.ones((900, 300), np.bool_))
    image.write_bytes(image.read_bytes()[:60])
    with pytest.raises(MaskError, match=r"300x900 pixels, its video a.mp4 96x64: not the same aspect ratio"):
        inspect_masks(image, video, PLAIN)
    film = write_mask_video(tmp_path / "m.mkv", moving_box(12, (64, 64), (8, 8)), codec="ffv1")
    film.write_bytes(film.read_bytes()[:-300])
    with pytest.raises(MaskError, match=r"64x64 pixels, its video a.mp4 96x64: not the same aspect ratio"):
        inspect_masks(film, video, PLAIN)


def test_another_size_is_resized_by_nearest_neighbour_and_dilated_after(tmp_path: Path, video: VideoInfo) -> None:
    small = np.random.default_rng(0).random((32, 48)) < 0.1
    path = write_mask_image(tmp_path / "m.png", small)
    expected = small.repeat(2, axis=0).repeat(2, axis=1)
    assert np.array_equal(all_masks(path, video)[0], expected)
    assert np.array_equal(all_masks(path, video, MaskConfig(dilation=2))[0], grown(expected, 2))


def test_a_mask_drawn_on_the_turned_picture_is_turned_back(tmp_path: Path, turned: VideoInfo) -> None:
    coded = box(left=5, top=8, right=25, bottom=30)
    shown = np.rot90(coded, -1)
    assert turned.display_size == (64, 96)
    for mask in (coded, shown):
        path = write_mask_image(tmp_path / "m.png", mask)
        assert np.array_equal(all_masks(path, turned)[0], coded)


def test_a_mask_video_turned_like_its_video_needs_no_turning(tmp_path: Path, turned: VideoInfo) -> None:
    masks = moving_box(4)
    pictures = np.repeat(masks[..., None], 3, axis=3).astype(np.uint8) * 255
    path = write_clip(tmp_path / "m.mp4", codec="libx264", audio=False, pictures=pictures, rotation=90)
    assert (all_masks(path, turned) != masks).mean() < 0.01


def test_what_does_not_fit_is_refused_with_both_sides_named(tmp_path: Path, video: VideoInfo) -> None:
    refused(tmp_path / "none.png", video, "no such")
    refused(write_mask_image(tmp_path / "wide.png", np.zeros((54, 96), np.bool_)), video, "96x54", "96x64")
    refused(write_mask_video(tmp_path / "short.mp4", moving_box(9)), video, "9 frames", "12")
    refused(write_images(tmp_path / "long", moving_box(13)), video, "13 images", "12 frames")
    refused(write_images(tmp_path / "named", moving_box(2), ["a.png", "b.png"]), video, "2 images", "12 frames")
    refused(write_images(tmp_path / "far", moving_box(2), ["3.png", "40.png"]), video, "40")


def test_unreadable_masks_are_refused(tmp_path: Path, video: VideoInfo) -> None:
    (tmp_path / "text.png").write_text("no image")
    refused(tmp_path / "text.png", video, "text.png")
    (tmp_path / "text.mp4").write_text("no video")
    refused(tmp_path / "text.mp4", video, "text.mp4")
    folder = write_images(tmp_path / "m", moving_box(12))
    (folder / "00007.png").write_bytes((folder / "00007.png").read_bytes()[:60])
    refused(folder, video, "00007.png")
    shutil.rmtree(folder)
    folder.mkdir()
    refused(folder, video, "no images")


def test_a_mask_within_the_tolerance_of_the_aspect_is_taken(tmp_path: Path, video: VideoInfo) -> None:
    path = write_mask_image(tmp_path / "m.png", np.ones((63, 96), np.bool_))
    assert all_masks(path, video).all()
