"""Masks as programs save them: read as they can only be meant, and whatever may be meant otherwise is said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.config import MaskConfig
from reelmend.pipelines.errors import MaskError
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.levels import read_mask_image
from reelmend.pipelines.media.masks.reader import MaskSummary, inspect_masks, read_masks
from reelmend.pipelines.media.records import VideoInfo
from tests.clips import moving_box, write_clip, write_images, write_mask_image, write_mask_video

PLAIN = MaskConfig(dilation=0)
BOX = np.zeros((64, 96), np.bool_)
BOX[20:40, 30:50] = True  # 400 pixels


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    return inspect_video(write_clip(tmp_path_factory.mktemp("video") / "a.mp4", 12))


def saved(path: Path, image: NDArray[Any]) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


def read(path: Path, info: VideoInfo, config: MaskConfig = PLAIN) -> tuple[MaskSummary, NDArray[Any]]:
    """What the probe finds out, and the first frame's mask as later stages read it."""
    summary = inspect_masks(path, info, config)
    return summary, next(read_masks(path, info, summary.as_read(config), 0, 1))


def grey(value_in: int, value_out: int = 0, kind: type[np.uint16] | type[np.uint8] = np.uint8) -> NDArray[Any]:
    return np.where(BOX, value_in, value_out).astype(kind)


def with_alpha(colour: tuple[int, int, int], alpha: NDArray[Any]) -> NDArray[Any]:
    return np.dstack([*(np.broadcast_to(np.uint8(channel), BOX.shape) for channel in colour), alpha])


TWO_OBJECTS = grey(1)
TWO_OBJECTS[20:40, 30:40] = 2


@pytest.mark.parametrize(
    "image",
    [grey(1), grey(100), grey(255, kind=np.uint16), grey(1, kind=np.uint16), TWO_OBJECTS],
    ids=["labels 0 and 1", "grey 100", "8-bit values in 16 bits", "labels in 16 bits", "labels 1 and 2"],
)
def test_levels_that_can_only_be_labels_all_count_as_missing_and_that_is_said(
    tmp_path: Path, video: VideoInfo, image: NDArray[Any]
) -> None:
    summary, mask = read(saved(tmp_path / "m.png", image), video)
    assert np.array_equal(mask, BOX)
    assert summary.masked == ((0, 12),)
    assert "labels" in summary.notes[0]
    assert "mask.threshold=127" in summary.notes[0]


def test_labels_are_found_in_a_folder_as_a_whole(tmp_path: Path, video: VideoInfo) -> None:
    """A box that fades in has dark frames, but bright ones too: its dark frames are no labels."""
    for name, levels in (("labels", [1] * 12), ("fading", [40, 80] + [255] * 10)):
        folder = tmp_path / name
        folder.mkdir()
        for index, level in enumerate(levels):
            saved(folder / f"{index}.png", grey(level))
    assert read(tmp_path / "labels", video)[0].masked == ((0, 12),)
    assert read(tmp_path / "fading", video)[0].masked == ((2, 12),)


def test_every_colour_of_a_label_palette_counts(tmp_path: Path, video: VideoInfo) -> None:
    """DAVIS and VOC: object 1 is (128, 0, 0), object 8 is (64, 0, 0), darker than the threshold."""
    image = np.dstack([grey(0), grey(0), grey(128)])
    image[20:40, 30:40, 2] = 64
    assert np.array_equal(read(saved(tmp_path / "m.png", image), video)[1], BOX)


SHAPE = grey(255)


@pytest.mark.parametrize(
    "image",
    [
        with_alpha((0, 0, 0), SHAPE),
        with_alpha((255, 255, 255), SHAPE),
        with_alpha((20, 20, 200), SHAPE),
        np.dstack([SHAPE, SHAPE, SHAPE, SHAPE]),
        np.dstack([SHAPE, SHAPE, SHAPE, np.full_like(SHAPE, 255)]),
        with_alpha((255, 255, 255), SHAPE).astype(np.uint16) * 257,
    ],
    ids=["black paint", "white paint", "red paint", "both", "opaque", "16 bits"],
)
def test_a_layer_in_one_colour_has_its_shape_in_alpha(tmp_path: Path, video: VideoInfo, image: NDArray[Any]) -> None:
    summary, mask = read(saved(tmp_path / "m.png", image), video)
    assert np.array_equal(mask, BOX)
    assert summary.notes == ()


@pytest.mark.parametrize("colour", [0, 255])
def test_a_video_of_layers_has_its_shape_in_alpha(tmp_path: Path, video: VideoInfo, colour: int) -> None:
    layers = with_alpha((colour,) * 3, SHAPE)
    path = tmp_path / "m.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "bgra"
        for _ in range(12):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(layers), "bgra")))
        output.mux(stream.encode())
    summary, mask = read(path, video)
    assert np.array_equal(mask, BOX)
    assert summary.notes == ()


def test_an_empty_layer_is_an_empty_mask(tmp_path: Path, video: VideoInfo) -> None:
    summary, _ = read(saved(tmp_path / "m.png", with_alpha((255, 255, 255), grey(0))), video)
    assert summary.masked == ()


def test_colours_and_alpha_that_disagree_are_said(tmp_path: Path, video: VideoInfo) -> None:
    image = with_alpha((0, 0, 0), np.full(BOX.shape, 255, np.uint8))
    image[:, :48, :3] = 255  # white on the left, black on the right; opaque in the box alone, which lies across both
    image[..., 3] = SHAPE
    summary, mask = read(saved(tmp_path / "m.png", image), video)
    assert np.array_equal(mask, BOX & (np.arange(96) < 48))
    assert "alpha" in summary.notes[0]


def test_a_picture_with_a_hole_in_it_is_no_mask(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(60, 200, (64, 96, 3)).astype(np.uint8)
    path = saved(tmp_path / "m.png", np.dstack([picture, 255 - SHAPE]))
    with pytest.raises(MaskError, match="picture with transparent parts"):
        read_mask_image(path)


def note_on(path: Path, info: VideoInfo, config: MaskConfig = PLAIN) -> str:
    return "; ".join(inspect_masks(path, info, config).notes)


def test_a_mask_that_is_empty_by_its_threshold_alone_says_how_bright_it_is(tmp_path: Path, video: VideoInfo) -> None:
    soft = cv2.GaussianBlur(grey(110), (0, 0), 3)
    assert f"brightest level is {soft.max()} of 255" in note_on(saved(tmp_path / "m.png", soft), video)
    film = write_mask_video(tmp_path / "m.mkv", moving_box(12), codec="ffv1")
    assert note_on(film, video) == ""
    dim = write_clip(
        tmp_path / "dim.mkv", codec="ffv1", pix_fmt="gray", audio=False, pictures=np.full((12, 64, 96, 3), 60, np.uint8)
    )
    assert "brightest level is 60 of 255" in note_on(dim, video)
    assert note_on(saved(tmp_path / "black.png", grey(0)), video) == ""


def test_labels_on_both_sides_of_the_threshold_are_said(tmp_path: Path, video: VideoInfo) -> None:
    image = grey(40)
    image[20:30, 30:50] = 200
    summary, mask = read(saved(tmp_path / "m.png", image), video)
    assert mask.sum() == 200
    assert "50% of the non-black pixels" in summary.notes[0]
    assert "mask.threshold=0" in summary.notes[0]


def test_soft_edges_are_no_news(tmp_path: Path, video: VideoInfo) -> None:
    assert note_on(saved(tmp_path / "m.png", cv2.GaussianBlur(grey(255), (0, 0), 1.5)), video) == ""


def test_an_inverted_mask_is_asked_about(tmp_path: Path, video: VideoInfo) -> None:
    note = note_on(write_mask_image(tmp_path / "m.png", ~BOX), video)
    assert "covers 93% of the picture" in note  # 1 - 400 / 6144
    assert "inverted" in note
    assert note_on(write_mask_image(tmp_path / "m.png", BOX), video) == ""


def test_frames_that_are_covered_entirely_are_counted(tmp_path: Path, video: VideoInfo) -> None:
    masks = moving_box(12)
    masks[5] = True
    assert "whole picture of 1 of 12 frames" in note_on(write_images(tmp_path / "m", masks), video)


@pytest.mark.parametrize(
    ("size", "odd"),
    [((768, 432), False), ((384, 216), False), ((640, 360), False), ((427, 240), False), ((432, 240), True)],
)
def test_a_mask_of_nearly_the_same_shape_may_be_another_clips(
    tmp_path: Path, video: VideoInfo, size: tuple[int, int], odd: bool
) -> None:
    large = replace(video, width=768, height=432)
    note = note_on(write_mask_image(tmp_path / "m.png", np.eye(*size[::-1], dtype=np.bool_)), large)
    assert ("432x240 pixels, the video 768x432" in note) is odd
    assert ("another clip" in note) is odd


@pytest.mark.parametrize(
    ("names", "first", "said"),
    [
        (range(6, 11), 6, "counted from 0"),
        (range(1, 6), 0, "counted from 1"),
        (range(6), 0, ""),
        (range(8, 13), 7, ""),
    ],
    ids=["either", "begins with 1", "begins with 0", "reaches the last"],
)
def test_how_numbers_were_read_is_said_where_both_ways_are_possible(
    tmp_path: Path, video: VideoInfo, names: range, first: int, said: str
) -> None:
    folder = write_images(tmp_path / "m", moving_box(len(names)), [f"{number:05d}.png" for number in names])
    summary = inspect_masks(folder, video, PLAIN)
    assert summary.masked == ((first, first + len(names)),)
    assert f"images for {len(names)} of 12 frames" in summary.notes[0]
    assert ("mask.numbered_from" in summary.notes[0]) is bool(said)
    assert said in summary.notes[0]


def test_the_job_may_say_which_number_the_first_frame_has(tmp_path: Path, video: VideoInfo) -> None:
    folder = write_images(tmp_path / "m", moving_box(2), ["shot.1006.png", "shot.1007.png"])
    assert inspect_masks(folder, video, MaskConfig(numbered_from=1001)).masked == ((5, 7),)
    with pytest.raises(MaskError, match=r"mask\.numbered_from"):
        inspect_masks(folder, video, PLAIN)
