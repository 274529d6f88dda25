"""An object is followed through its shot: moved by itself, by the camera, behind something, or at rest."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.pipelines.config import FindConfig
from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.sources.base import Search
from reelmend.pipelines.media.masks.sources.clip import Clip
from reelmend.pipelines.media.masks.sources.track.source import TrackSource
from tests.clips import write_clip

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
WIDTH, HEIGHT, FRAMES = 160, 96, 30
Centre = Callable[[int], tuple[int, int]]


def wall(width: int = 400) -> U8:
    """A wall with detail of several sizes, wider than the picture."""
    random = np.random.default_rng(3)
    fine, coarse = (random.integers(0, 256, (HEIGHT // side, width // side, 3)) for side in (4, 16))
    layers = [
        cv2.resize(layer.astype(np.uint8), (width, HEIGHT), interpolation=cv2.INTER_CUBIC) for layer in (fine, coarse)
    ]
    return np.asarray(layers[0] // 3 + layers[1] // 2 + 20, np.uint8)


def film(centre: Centre, pan: int = 0, post: int | None = None) -> tuple[U8, list[Bool]]:
    """A white disc with a dark ring before the wall; `pan`: pixels per frame; `post`: left side of something before it."""
    frames, masks = [], []
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for frame in range(FRAMES):
        picture = wall()[:, frame * pan : frame * pan + WIDTH].copy()
        x, y = centre(frame)
        away = np.hypot(columns - x, rows - y)
        picture[away < 13], picture[away < 9] = (20, 20, 40), (250, 250, 240)
        mask = away < 13
        if post is not None:
            picture[:, post : post + 18] = (90, 60, 30)
            mask[:, post : post + 18] = False
        frames.append(picture)
        masks.append(mask)
    return np.stack(frames), masks


def follow(
    folder: Path, frames: U8, *, anchor: int = 0, painted: Bool | None = None, box: tuple[int, int, int, int] | None = None,
    shots: tuple[tuple[int, int], ...] = ((0, FRAMES),),
) -> tuple[list[Bool], list[str]]:  # fmt: skip
    path = write_clip(folder / "clip.mkv", pictures=frames, codec="ffv1", pix_fmt="bgr0", audio=False)
    search = Search(Clip(inspect_video(path), 0, len(frames), shots), FindConfig(), box, painted, anchor)
    return list(TrackSource().find(search)), search.notes


def overlap(found: Bool, truth: Bool) -> float:
    return float((found & truth).sum() / max(1, (found | truth).sum()))


CASES: dict[str, tuple[Centre, int]] = {
    "moves": (lambda frame: (30 + 3 * frame, 48), 0),
    "moves while the camera pans": (lambda frame: (30 + frame, 40 + frame // 2), 4),
    "stands still": (lambda _: (80, 48), 0),
    "stands still while the camera pans": (lambda frame: (140 - 4 * frame, 48), 4),
}


@pytest.mark.parametrize("case", CASES)
def test_a_painted_object_is_followed(tmp_path: Path, case: str) -> None:
    centre, pan = CASES[case]
    frames, truth = film(centre, pan)
    found, notes = follow(tmp_path, frames, painted=truth[0])
    scores = [overlap(mask, true) for mask, true in zip(found, truth, strict=True) if true.sum() > 300]
    assert np.mean(scores) > 0.8
    assert min(scores) > 0.6
    assert not [note for note in notes if "lost" in note] or not truth[-1].any()


def test_an_object_is_cut_out_of_its_box_and_followed_both_ways(tmp_path: Path) -> None:
    frames, truth = film(CASES["moves"][0])
    found, _ = follow(tmp_path, frames, anchor=15, box=(58, 30, 92, 66))
    assert np.mean([overlap(mask, true) for mask, true in zip(found, truth, strict=True)]) > 0.75


def test_an_object_that_passes_behind_something_is_found_again(tmp_path: Path) -> None:
    frames, truth = film(CASES["moves"][0], post=70)
    found, _ = follow(tmp_path, frames, painted=truth[0])
    assert min(overlap(mask, true) for mask, true in zip(found[26:], truth[26:], strict=True)) > 0.6
    assert not any(mask[:, 72:86].sum() > 40 for mask in found), "what is before it is not part of it"


@pytest.mark.parametrize("stop", [5, 8, 12])
def test_a_short_range_and_a_short_clip_are_followed_from_first_to_last(tmp_path: Path, stop: int) -> None:
    """In a range the frames behind it show the background; in a clip as short, the few that there are."""
    frames, truth = film(lambda frame: (40 + 6 * frame, 48))
    path = write_clip(tmp_path / "long.mkv", pictures=frames[:24], codec="ffv1", pix_fmt="bgr0", audio=False)
    part = Clip(inspect_video(path), 0, stop, ((0, stop),), around=((0, 24),))
    in_range = list(TrackSource().find(Search(part, FindConfig(), None, truth[0], 0)))
    alone, notes = follow(tmp_path, frames[:stop], painted=truth[0], shots=((0, stop),))
    cleared = stop > 5  # in five frames it does not leave its own place
    for found in (in_range, alone) if cleared else (in_range,):
        assert min(overlap(mask, true) for mask, true in zip(found, truth, strict=False)) > 0.6
    assert notes == []


def test_frames_without_the_object_between_others_are_said(tmp_path: Path) -> None:
    frames, truth = film(CASES["moves"][0])
    for frame in (14, 15, 16):
        frames[frame] = wall()[:, :WIDTH]
    found, notes = follow(tmp_path, frames, painted=truth[0])
    assert found[13].any()
    assert found[18].any()
    assert notes == ["track: the object is not seen in frames 14-16"]


def test_following_ends_at_a_cut_and_that_is_said(tmp_path: Path) -> None:
    frames, truth = film(CASES["moves"][0])
    frames[12:] = 255 - frames[12:]
    found, notes = follow(tmp_path, frames, painted=truth[0], shots=((0, 12), (12, FRAMES)))
    assert all(mask.any() for mask in found[:12])
    assert not any(mask.any() for mask in found[12:])
    assert notes == ["track: it was followed in its shot only, frames 0 to 11"]


def test_an_object_that_leaves_is_reported_as_lost(tmp_path: Path) -> None:
    frames, truth = film(lambda frame: (120 + 8 * frame, 48))
    found, notes = follow(tmp_path, frames, painted=truth[0])
    assert not any(mask.any() for mask in found[12:])
    assert len(notes) == 1
    lost = int(notes[0].split()[7])
    assert 5 <= lost <= 8


@pytest.mark.parametrize("size", [(16, 16), (17, 250)])
def test_odd_pictures_and_single_frames_are_followed_without_an_error(tmp_path: Path, size: tuple[int, int]) -> None:
    for count in (1, 3):
        frames = np.zeros((count, *size, 3), np.uint8)
        found, _ = follow(tmp_path, frames, box=(2, 2, 9, 9), shots=((0, count),))
        assert [mask.shape for mask in found] == [size] * count
