"""The mask source `text`: burnt-in letters are covered from their first frame to their last, and nothing else is."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.choices import TextKind, TextShape
from reelmend.pipelines.config import FindConfig
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.sources.base import Search
from reelmend.pipelines.media.masks.sources.clip import Clip
from reelmend.pipelines.media.masks.sources.text import detector
from reelmend.pipelines.media.masks.sources.text.detector import Found
from reelmend.pipelines.media.masks.sources.text.presence import shown
from reelmend.pipelines.media.masks.sources.text.source import TextSource
from reelmend.pipelines.media.masks.sources.text.strokes import letters as letters_of
from reelmend.pipelines.media.masks.sources.text.tracks import Sample, edges_of, tracks_in
from tests.clips import scene, write_clip

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
SIZE = (240, 96)
BOX = (12, 44, 228, 84)
"""Of words at (20, 70), about as the detector gives it."""


def words(text: str, at: tuple[int, int], size: tuple[int, int] = SIZE, height: int = 22) -> tuple[Bool, Bool]:
    """Return the pixels of (letters, letters with their outline of two pixels), bool [H, W]."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    cv2.putText(picture, text, at, (255, 255, 255), cv2.FontFace("sans"), height, 600)
    letters = picture[..., 0] > 100
    outlined = cv2.dilate((picture[..., 0] > 25).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    return letters, outlined.astype(np.bool_)


def with_words(pictures: U8, text: str, frames: range, at: tuple[int, int] = (20, 70)) -> tuple[U8, Bool]:
    """Burn white letters with a black outline into some frames; return those pictures and the text's pixels."""
    letters, outlined = words(text, at, (pictures.shape[2], pictures.shape[1]))
    burnt = pictures.copy()
    for index in frames:
        burnt[index][outlined] = 0
        burnt[index][letters] = 255
    return burnt, outlined


def find(path: Path, config: FindConfig | None = None, cuts: tuple[int, ...] = (), **of_search: object) -> list[Bool]:
    info = inspect_video(path)
    edges = (0, *cuts, info.frames)
    clip = Clip(info, 0, info.frames, tuple(pairwise(edges)))
    return list(TextSource().find(replace(Search(clip, config or FindConfig()), **of_search)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def subtitled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bool]:
    """A pan of 40 frames; words are burnt into frames 9 to 27, of which no multiple of 6 is the first or the last."""
    pictures, text = with_words(scene(40, SIZE), "Burnt in words", range(9, 28))
    path = tmp_path_factory.mktemp("text") / "clip.mp4"
    return write_clip(path, pictures=pictures, options={"crf": "16"}), text


def test_letters_are_covered_tightly_from_the_first_frame_to_the_last(subtitled: tuple[Path, Bool]) -> None:
    path, text = subtitled
    masks = find(path)
    assert [index for index, mask in enumerate(masks) if mask.any()] == list(range(9, 28))
    for mask in masks[9:28]:
        assert (mask & text).sum() >= 0.98 * text.sum()
        assert mask.sum() <= 1.5 * text.sum()
    assert masks[12] is masks[13]  # equal masks in a row are one object


def test_a_frame_rate_that_cannot_be_hides_no_line(tmp_path: Path) -> None:
    """At 1500 frames per second, as some files claim, the words would be shown for 13 ms."""
    pictures, text = with_words(scene(30, SIZE), "Burnt in words", range(5, 25))
    path = write_clip(tmp_path / "fast.mp4", pictures=pictures, rate=1500, options={"crf": "16"}, audio=False)
    assert inspect_video(path).rate == 1500
    masks = find(path)
    assert [index for index, mask in enumerate(masks) if mask.any()] == list(range(5, 25))
    assert (masks[15] & text).sum() >= 0.98 * text.sum()


def test_lines_are_boxes_if_asked(subtitled: tuple[Path, Bool]) -> None:
    path, text = subtitled
    mask = find(path, FindConfig(text_shape=TextShape.lines))[18]
    rows, columns = np.flatnonzero(text.any(axis=1)), np.flatnonzero(text.any(axis=0))
    inner = mask[rows[0] + 3 : rows[-1] - 2, columns[0] + 3 : columns[-1] - 2]
    assert inner.all()
    assert (mask & text).sum() >= 0.98 * text.sum()


def test_nothing_outside_the_region_is_looked_at_or_masked(subtitled: tuple[Path, Bool]) -> None:
    path, text = subtitled
    assert not any(mask.any() for mask in find(path, region=(0, 0, 240, 40)))
    low = find(path, region=(0, 44, 240, 96))[18]
    assert not low[:44].any()
    assert (low & text).sum() >= 0.95 * text.sum()
    assert not any(mask.any() for mask in find(path, region=(0, 60, 240, 61)))  # a single row


def test_words_that_move_with_the_scene_are_no_captions(tmp_path: Path) -> None:
    plane = scene(1, (300, 96))
    plane, text = with_words(plane, "Road sign", range(1), (120, 60))
    pictures = np.stack([plane[0][:, 2 * index : 2 * index + 240] for index in range(25)])
    path = write_clip(tmp_path / "sign.mp4", pictures=pictures, options={"crf": "16"})
    assert not any(mask.any() for mask in find(path, FindConfig(text=TextKind.captions)))
    for index, mask in enumerate(find(path)):
        there = text[:, 2 * index : 2 * index + 240]
        assert (mask & there).sum() >= 0.95 * there.sum(), index


def test_a_texture_that_fills_the_picture_is_no_line_of_text(tmp_path: Path) -> None:
    """Between black bars the detector takes all of the picture for a line; the line in the bar is masked alone."""
    size = (320, 180)
    blobs = cv2.GaussianBlur(np.random.default_rng(0).normal(128, 900, (180, 320, 3)), (0, 0), 4).clip(0, 255)
    pictures = np.repeat(blobs.astype(np.uint8)[None], 12, axis=0)
    pictures[:, :24] = pictures[:, 156:] = 0
    pictures, text = with_words(pictures, "in the bar", range(12), (90, 174))
    masks = find(write_clip(tmp_path / "bars.mp4", pictures=pictures, options={"crf": "16"}))
    assert all((mask & text).sum() >= 0.95 * text.sum() for mask in masks)
    assert all(mask.sum() <= 0.1 * size[0] * size[1] for mask in masks)


def test_a_shape_that_rolls_to_the_words_does_not_take_them_along() -> None:
    """A ring is taken for text, and comes to where words stand: the words are a line of their own, which stays."""
    samples = []
    for index in range(6):
        picture, _ = with_words(scene(1, SIZE), "Burnt in words", range(int(index >= 2)), (20, 70))
        left = 12 + 16 * min(index, 2)
        cv2.circle(picture[0], (left + 12, 62), 9, (250, 250, 250), 4)
        ring, line = Found((left, 50, left + 24, 74), 0.95), Found((20, 50, 190, 76), 0.95)
        samples.append(Sample(6 * index, edges_of(picture[0]), (line,) if index >= 2 else (ring,)))
    tracks = {track.boxes[-1]: track for track in tracks_in(samples)}
    assert not tracks[(20, 50, 190, 76)].moves
    assert tracks[(20, 50, 190, 76)].frames == [12, 18, 24, 30]


def test_words_do_not_reach_across_a_cut(tmp_path: Path) -> None:
    before, text = with_words(scene(14, SIZE), "Before the cut", range(14))
    path = write_clip(tmp_path / "cut.mp4", pictures=np.concatenate([before, scene(14, SIZE, seed=5)]))
    masks = find(path, cuts=(14,))
    assert [bool(mask.any()) for mask in masks] == [True] * 14 + [False] * 14
    assert (masks[13] & text).sum() >= 0.95 * text.sum()


def test_a_clip_of_one_frame(tmp_path: Path) -> None:
    pictures, text = with_words(scene(1, SIZE), "A single frame", range(1))
    (mask,) = find(write_clip(tmp_path / "one.mp4", frames=1, pictures=pictures, audio=False))
    assert (mask & text).sum() >= 0.95 * text.sum()


def test_a_translucent_box_is_masked_with_its_letters(tmp_path: Path) -> None:
    pictures = scene(13, SIZE)
    letters, _ = words("In a dark box", (20, 70))
    right = int(np.flatnonzero(letters.any(axis=0))[-1]) + 12
    pictures[:, 44:80, 10:right] //= 2  # black, at half opacity
    pictures[:, letters] = 255
    mask = find(write_clip(tmp_path / "box.mp4", pictures=pictures, options={"crf": "16"}))[6]
    box = np.zeros_like(mask)
    box[44:80, 10:right] = True
    assert (mask & box).sum() >= 0.98 * box.sum()
    assert mask.sum() <= 1.2 * box.sum()


def test_a_digit_that_changes_is_covered_in_each_frame(tmp_path: Path) -> None:
    pictures, texts = scene(30, SIZE), []
    for index in range(30):
        burnt, text = with_words(pictures, f"Take 12:0{index // 3}", range(index, index + 1))
        pictures[index] = burnt[index]
        texts.append(text)
    masks = find(write_clip(tmp_path / "clock.mp4", pictures=pictures, options={"crf": "16"}))
    for index, (mask, text) in enumerate(zip(masks, texts, strict=True)):
        assert (mask & text).sum() >= 0.97 * text.sum(), index
        assert mask.sum() <= 1.5 * text.sum(), index


def test_the_scene_before_the_words_is_known_though_the_light_changes_after_them() -> None:
    """White words in white snow on a still camera: one picture without them in their light tells them from the snow."""
    snow = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    random = np.random.default_rng(0)
    for x, y in zip(random.integers(0, SIZE[0] - 2, 500), random.integers(0, SIZE[1] - 2, 500), strict=True):
        snow[y : y + 2, x : x + 2] = 255
    present, text = with_words(np.stack([snow] * 5), "Same colours", range(5))
    found = letters_of(present, np.stack([snow, snow // 2, snow // 2]), BOX).mask
    assert (found & text).sum() >= 0.98 * text.sum()
    assert found.sum() <= 1.25 * text.sum()


def test_a_shape_that_passes_behind_words_is_no_letter_that_changes() -> None:
    """A white bar, 40 px wide and as high as the picture, passes behind white words by 6 px a frame."""
    pictures = np.full((10, SIZE[1], SIZE[0], 3), 90, np.uint8)
    for index, picture in enumerate(pictures):
        picture[:, 60 + 6 * index : 100 + 6 * index] = 250
    present, _ = with_words(pictures, "Passing behind", range(10))
    assert letters_of(present, present[:0], BOX).changing is None


@pytest.mark.parametrize("size", [(16, 16), (64, 2)])
def test_small_black_videos_have_no_text(tmp_path: Path, size: tuple[int, int]) -> None:
    pictures = np.zeros((3, size[1], size[0], 3), np.uint8)
    masks = find(write_clip(tmp_path / "black.mkv", frames=3, codec="ffv1", pictures=pictures, audio=False))
    assert [mask.shape for mask in masks] == [(size[1], size[0])] * 3
    assert not np.any(masks)


def test_large_pictures_are_searched_at_a_smaller_size(tmp_path: Path) -> None:
    size = (2400, 240)
    picture = cv2.resize(scene(1, (240, 24))[0], size)
    _, text = words("Large", (900, 160), size, height=100)
    picture[text] = 255
    path = write_clip(tmp_path / "large.mp4", frames=2, pictures=np.stack([picture, picture]), audio=False)
    for mask in find(path):
        assert mask.shape == (240, 2400)
        assert (mask & text).sum() >= 0.95 * text.sum()


def test_a_fade_belongs_to_the_line_and_the_next_line_does_not() -> None:
    """From 10 to 14 it fades in, by 0.2 a frame, the first time too faintly to be seen; another line follows it."""
    strengths = [0.0] * 10 + [0.03, 0.23, 0.43, 0.63, 0.83] + [1.0] * 15 + [0.03] * 10
    there = np.flatnonzero(shown(strengths, [18, 24]))
    assert (there[0], there[-1]) == (10, 29)


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TextSource().problem() == ""
    monkeypatch.setattr(detector, "find_spec", lambda name: None)
    assert "pip install 'reelmend[text]'" in TextSource().problem()
