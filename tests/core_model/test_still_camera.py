"""Is a camera that stands told from one that moves, and what passes before it from what stands behind?"""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propagation.camera import IN_PLACE, register_still
from reelmend.core_model.propagation.pixel_tracks import ask
from reelmend.core_model.propagation.still_scene import follow_still, look_behind
from tests.core_model.hidden_clips import centre_box, pan, texture
from tests.core_model.moving_parts import crossing, noisy, still, with_object

FRAMES, HEIGHT, WIDTH = 12, 96, 144
BOX = centre_box(FRAMES, HEIGHT, WIDTH)
HOME = np.repeat(IN_PLACE[None], FRAMES, 0)


def places_of(clip: U8, masks: Bool = BOX) -> NDArray[np.float64] | None:
    hidden = clip.copy()
    hidden[masks] = 255
    return register_still(hidden, masks)


def is_in_place(clip: U8, masks: Bool = BOX) -> bool:
    places = places_of(clip, masks)
    return places is not None and np.array_equal(places, HOME[: len(clip)])


def test_a_scene_that_stands_is_in_place_whatever_the_noise() -> None:
    assert is_in_place(noisy(still(FRAMES)))


def test_a_camera_that_sways_is_found_to_a_tenth_of_a_pixel() -> None:
    shifts = np.array([[0.5 * np.sin(t / 2), 0.3 * np.cos(t / 3) - 0.3] for t in range(FRAMES)])
    world = texture(HEIGHT + 16, WIDTH + 16)
    size = world.shape[1::-1]
    moved = [cv2.warpAffine(world, np.array([[1, 0, x], [0, 1, y]]), size, flags=cv2.INTER_CUBIC) for x, y in shifts]
    places = places_of(noisy(np.stack(moved)[:, 8:-8, 8:-8]))
    assert places is not None
    corners = np.array([[1, x, y] for x in (0, WIDTH - 1) for y in (0, HEIGHT - 1)])
    for place, shift in zip(places, shifts, strict=True):
        assert np.abs(corners @ (place - IN_PLACE).T - shift).max() < 0.1


def test_a_camera_held_by_hand_is_found_to_a_fifth_of_a_pixel_though_it_moves_on_by_more_than_a_pixel_a_frame() -> None:
    shifts = np.cumsum(np.random.default_rng(5).normal(0, 1.2, (40, 2)), 0).clip(-5, 5)
    shifts -= shifts[0]
    world = texture(HEIGHT + 32, WIDTH + 32)
    moved = [cv2.warpAffine(world, np.array([[1, 0, x], [0, 1, y]]), world.shape[1::-1]) for x, y in shifts]
    places = places_of(noisy(np.stack(moved)[:, 16:-16, 16:-16]), centre_box(40, HEIGHT, WIDTH))
    assert places is not None
    middle = np.array([1, WIDTH / 2, HEIGHT / 2])
    assert np.abs((places - IN_PLACE) @ middle - shifts).max() < 0.2


@pytest.mark.parametrize("speed", [2, 5])
def test_a_pan_is_no_camera_that_stands(speed: int) -> None:
    assert places_of(noisy(pan(FRAMES, HEIGHT, WIDTH, speed))) is None


def test_a_camera_stands_while_something_passes_over_a_third_of_the_picture() -> None:
    assert (
        places_of(noisy(with_object(still(FRAMES), crossing(BOX.shape, HEIGHT, WIDTH // 3, top=0, speed=3))))
        is not None
    )


def test_a_tracking_shot_is_no_camera_that_stands_although_its_object_does() -> None:
    figure = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    figure[:, 20:76, 50:94] = True
    beside = centre_box(FRAMES, HEIGHT, WIDTH, 12, 16)
    assert places_of(noisy(with_object(pan(FRAMES, HEIGHT, WIDTH, 3), figure)), beside) is None


def test_a_camera_stands_while_the_light_changes() -> None:
    light = 1 + 0.4 * np.sin(np.arange(FRAMES))[:, None, None, None]
    assert places_of(noisy(0.6 * still(FRAMES) * light)) is not None


@pytest.mark.parametrize("level", [0, 200])
def test_blank_frames_are_in_place(level: int) -> None:
    assert is_in_place(np.full((FRAMES, HEIGHT, WIDTH, 3), level, np.uint8))


def test_one_frame_is_in_place() -> None:
    assert is_in_place(still(FRAMES)[:1], BOX[:1])


def test_what_passes_is_found_and_little_else() -> None:
    passer = crossing(BOX.shape, 24, 30, top=64, speed=9)
    scene = look_behind(noisy(with_object(still(FRAMES), passer)), BOX, HOME)
    for found, truth in zip(scene.passing, passer, strict=True):
        assert (found & truth).sum() > 0.7 * (found | truth).sum()


def test_before_an_empty_scene_nothing_passes_although_it_grows_dark() -> None:
    light = np.linspace(1, 0.6, FRAMES)[:, None, None, None]
    assert not look_behind(noisy(0.8 * still(FRAMES) * light), BOX, HOME).passing.any()


def test_it_says_which_frames_show_a_pixel() -> None:
    """Five frames, a hole in the second and third, something before its left half in the fourth."""
    frames, masks = np.full((5, 48, 64, 3), 90, np.uint8), np.zeros((5, 48, 64), bool)
    masks[1:3, 16:32, 20:40] = True
    frames[3, 12:36, 14:28] = 200
    scene = look_behind(frames, masks, HOME[:5])
    left, right = (24 - scene.top, 22 - scene.left), (24 - scene.top, 36 - scene.left)
    assert scene.later[:, *right].tolist() == [3, 2, 1, 1, 0]
    assert scene.later[:, *left].tolist() == [4, 3, 2, 1, 0]
    assert scene.earlier[:, *right].tolist() == [0, -1, -2, -3, -1]
    assert scene.earlier[:, *left].tolist() == [0, -1, -2, -3, -4]


def test_where_a_camera_sways_a_pixel_is_looked_for_where_it_has_gone() -> None:
    frames, masks = np.full((4, 48, 64, 3), 90, np.uint8), np.zeros((4, 48, 64), bool)
    masks[1, 16:32, 20:40] = True
    places = HOME[:4].copy()
    places[2, :, 0] = 1.5, -0.5
    asked = ask(masks)
    tracks = follow_still(look_behind(frames, masks, places), asked, 1)
    assert (tracks.away == 1).all()
    assert np.allclose(tracks.x, asked.columns + 1.5)
    assert np.allclose(tracks.y, asked.rows - 0.5)
