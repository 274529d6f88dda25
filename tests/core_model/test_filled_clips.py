"""Do the commonest jobs come out right: logos, pop-ups, subtitles, a damaged frame, before a camera that stands?"""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from reelmend.core_model.engine import Restored
from reelmend.core_model.metrics import psnr
from reelmend.core_model.propagation.fill import fill_clip
from tests.core_model.hidden_clips import Hidden, centre_box, hide, pan
from tests.core_model.moving_parts import crossing, noisy, still, with_object

RED = (250, 20, 20)


def restore(clip: Hidden) -> Restored:
    return fill_clip(clip.frames.copy(), clip.masks, lambda: (clip.flow_fwd, clip.flow_bwd))


def gain_db(clip: Hidden, restored: np.ndarray) -> float:
    """Over inpainting each frame by itself."""
    pairs = zip(clip.frames, clip.masks, strict=True)
    alone = np.stack([cv2.inpaint(frame, mask.astype(np.uint8), 4, cv2.INPAINT_TELEA) for frame, mask in pairs])
    return psnr(restored, clip.truth, clip.masks) - psnr(alone, clip.truth, clip.masks)


def errors(clip: Hidden, restored: np.ndarray) -> np.ndarray:
    return np.abs(restored.astype(int) - clip.truth)[clip.masks]


def box(truth: np.ndarray, rows: slice, columns: slice, frames: slice = slice(None)) -> np.ndarray:
    masks = np.zeros(truth.shape[:3], bool)
    masks[frames, rows, columns] = True
    return masks


def test_what_a_pop_up_hides_comes_from_the_nearest_frame_without_it_exactly() -> None:
    truth = still(16)
    clip = hide(truth, box(truth, slice(20, 60), slice(60, 110), slice(5, 10)))
    restored = restore(clip)
    assert errors(clip, restored.frames).max() <= 1
    for t, away in zip(range(5, 10), (1, 2, 3, 2, 1), strict=True):
        assert (restored.away[t][clip.masks[t]] == away).all()


def test_one_damaged_frame_of_a_still_shot_is_made_whole_from_its_neighbours() -> None:
    truth = still(12)
    clip = hide(truth, box(truth, slice(10, 80), slice(30, 120), slice(6, 7)))
    restored = restore(clip)
    assert errors(clip, restored.frames).max() <= 1
    assert (restored.away[clip.masks] == 1).all()


def subtitles(truth: np.ndarray) -> np.ndarray:
    """Letters in seven frames of ten."""
    masks = np.zeros(truth.shape[:3], bool)
    for t, mask in enumerate(masks):
        if t % 10 < 7:
            mask[70:79, 24:120] = np.arange(96) % 9 < 7
    return masks


def test_subtitles_that_come_and_go_while_something_passes_behind_them_are_gone() -> None:
    scene = still(24)
    truth = noisy(with_object(scene, crossing(scene.shape, 24, 36, top=60, speed=8, start=-60)))
    clip = hide(truth, subtitles(truth))
    assert gain_db(clip, restore(clip).frames) > 6


def test_what_passes_beside_a_static_box_is_not_carried_into_it() -> None:
    scene = still(20)
    truth = with_object(scene, crossing(scene.shape, 20, 30, top=70, speed=6, start=-10), RED)
    clip = hide(truth, box(truth, slice(36, 66), slice(50, 90)))
    red = np.abs(restore(clip).frames.astype(int) - RED).max(-1) < 40
    assert not red[clip.masks].any()


@pytest.mark.parametrize("masked", [slice(4, 12), slice(None)], ids=["of a pop-up", "of a logo"])
def test_in_a_flash_the_hole_is_as_bright_as_its_surroundings(masked: slice) -> None:
    light = np.where(np.isin(np.arange(16), (7, 8)), 1.4, 1.0)[:, None, None, None]
    truth = (0.6 * light * still(16)).round().astype(np.uint8)
    clip = hide(truth, box(truth, slice(36, 56), slice(60, 90), masked))
    restored = restore(clip).frames
    inside = np.array([frame[mask].mean() for frame, mask in zip(restored[6:10], clip.masks[6:10], strict=True)])
    assert inside[1:3].mean() / inside[[0, 3]].mean() == pytest.approx(1.4, abs=0.05)
    if masked != slice(None):
        assert errors(clip, restored).mean() < 2


def roughness(clip: Hidden, frames: np.ndarray) -> float:
    """Mean square step from pixel to pixel within the hole."""
    inside = clip.masks[:, :, 1:] & clip.masks[:, :, :-1]
    return float(np.square(np.diff(frames.astype(float), axis=2))[inside].mean())


@pytest.mark.parametrize("seed", range(3))
def test_a_box_that_no_frame_shows_gets_the_texture_of_its_surroundings_and_stands_still(seed: int) -> None:
    grain = np.random.default_rng(seed).integers(60, 190, (96, 144, 3)).astype(np.float32)
    truth = np.repeat(cv2.GaussianBlur(grain, (0, 0), 0.8).round().astype(np.uint8)[None], 8, 0)
    clip = hide(truth, box(truth, slice(30, 60), slice(50, 90)))
    restored = restore(clip)
    assert 0.5 < roughness(clip, restored.frames) / roughness(clip, truth) < 1.5
    assert (restored.frames == restored.frames[0]).all()
    assert not restored.away.any()


def test_a_box_that_no_frame_shows_flickers_no_more_than_the_sensor_does() -> None:
    truth = noisy(still(8))
    clip = hide(truth, box(truth, slice(30, 60), slice(50, 90)))
    ours, own = (
        np.abs(np.diff(one.astype(int), axis=0))[clip.masks[1:]].mean() for one in (restore(clip).frames, truth)
    )
    assert 0.5 * own < ours < 1.3 * own


def test_it_is_said_of_each_pixel_whether_a_frame_shows_it() -> None:
    """A box that moves by half its width once: its right half, and then its left one, is shown by the other frames."""
    truth = still(10)
    masks = box(truth, slice(36, 60), slice(40, 72), slice(0, 5)) | box(
        truth, slice(36, 60), slice(56, 88), slice(5, 10)
    )
    away = restore(hide(truth, masks)).away
    assert [np.unique(frame[36:60, 40:56]).tolist() for frame in away] == [[5], [4], [3], [2], [1]] + [[0]] * 5
    assert [np.unique(frame[36:60, 72:88]).tolist() for frame in away] == [[0]] * 5 + [[1], [2], [3], [4], [5]]
    assert not away[:, 36:60, 56:72].any()
    assert not away[~masks].any()


@pytest.mark.parametrize(("height", "width"), [(128, 128), (96, 160), (130, 126)])
def test_a_gradient_goes_on_through_a_large_box(height: int, width: int) -> None:
    y, x = np.mgrid[:200, :260]
    picture = np.dstack([60 + 0.35 * x, 90 + 0.42 * y, 200 - 0.3 * x]).astype(np.uint8)
    truth = np.repeat(picture[None], 2, 0)
    clip = hide(truth, box(truth, slice(20, 20 + height), slice(60, 60 + width)))
    assert errors(clip, restore(clip).frames).max() <= 24


def drifting_box() -> Hidden:
    truth = noisy(still(14))
    return hide(truth, crossing(truth.shape, 26, 24, top=30, speed=6))


def strokes() -> Hidden:
    truth = noisy(still(8))
    masks = np.zeros(truth.shape[:3], bool)
    for row in range(0, 24, 12):
        masks[:, 40 + row : 46 + row, 50:86] = True
    masks[:, 40:64, 50:56] = True
    return hide(truth, masks)


def scratches() -> Hidden:
    truth, rng = noisy(still(14)), np.random.default_rng(3)
    masks = np.zeros(truth.shape[:3], bool)
    for t, x in zip(rng.integers(0, 14, 20), rng.integers(0, 140, 20), strict=True):
        masks[t, :, x : x + 3] = True
    return hide(truth, masks)


def fast_pan() -> Hidden:
    truth = pan(12, 96, 144, speed=9)
    return hide(truth, centre_box(12, 96, 144))


def soft_scene() -> Hidden:
    y, x = np.mgrid[:96, :144]
    picture = np.dstack([128 + 90 * np.sin(x / 30), 128 + 70 * np.cos(y / 25), 60 + x]).astype(np.uint8)
    truth = noisy(np.repeat(picture[None], 8, 0))
    return hide(truth, box(truth, slice(30, 60), slice(50, 90)))


def banner_over_a_cut() -> Hidden:
    truth = np.concatenate((still(6), still(6, seed=5)))
    return hide(truth, box(truth, slice(36, 60), slice(60, 90), slice(4, 8)))


CLIPS = [drifting_box, strokes, scratches, fast_pan, soft_scene, banner_over_a_cut]


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.__name__)
def test_it_is_never_worse_than_inpainting_each_frame_by_itself_whatever_is_painted_in_the_hole(
    clip: Callable[[], Hidden],
) -> None:
    hidden = clip()
    restored = restore(hidden).frames
    assert gain_db(hidden, restored) > -0.3
    painted = hidden.frames.copy()
    painted[hidden.masks] = np.random.default_rng(1).integers(0, 256, (int(hidden.masks.sum()), 3))
    assert np.array_equal(restore(hidden._replace(frames=painted)).frames, restored)
