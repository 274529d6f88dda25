"""What passes a camera that stands still: is it seen for what it is, and followed through a hole?"""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reelmend.core_model.propagation.camera import IN_PLACE
from reelmend.core_model.propagation.hole_motion import FOREGROUND
from reelmend.core_model.propagation.passing_motion import register_passing
from reelmend.core_model.propagation.still_scene import look_behind

FRAMES, HEIGHT, WIDTH = 10, 120, 200


def texture(seed: int, height: int, width: int) -> NDArray[Any]:
    grain = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(grain, (0, 0), 1.5) * 3 - 256, 0, 255).astype(np.uint8)


def passing(
    step: tuple[float, float], turn: float = 0.0
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], list[NDArray[Any]]]:
    """A textured card of 60x70 before plain grey that moves by `step` (x, y) a frame and turns by `turn` degrees."""
    card, shape = np.full((HEIGHT, WIDTH, 3), 90, np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    card[30:90, 20:90], shape[30:90, 20:90] = texture(1, 60, 70), 1
    frames, shown, places = [], [], []
    for t in range(FRAMES):
        place = cv2.getRotationMatrix2D((55, 60), turn * t, 1)
        place[:, 2] += np.multiply(step, t)
        places.append(np.vstack((place, [0, 0, 1])))
        frames.append(cv2.warpAffine(card, place, (WIDTH, HEIGHT), borderValue=(90, 90, 90)))
        shown.append(cv2.warpAffine(shape, place, (WIDTH, HEIGHT)) > 0)
    masks = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    masks[:, 45:75, 80:120] = True
    return np.stack(frames), masks, np.stack(shown), places


@pytest.mark.parametrize(("step", "turn"), [((6, 0), 0), ((-3.5, 1.25), 0), ((5, 2), 2.0)])
def test_what_passes_is_followed_to_a_fraction_of_a_pixel_behind_the_hole(
    step: tuple[float, float], turn: float
) -> None:
    frames, masks, shown, places = passing(step, turn)
    frames[masks] = 255
    motion = register_passing(frames, masks, shown & ~masks)
    middle = places[0] @ [55, 60, 1]
    for pair in range(1, 6):
        truth = (places[pair + 1] @ np.linalg.inv(places[pair]) - np.eye(3))[:2]
        at = places[pair] @ np.linalg.inv(places[0]) @ middle
        found = motion.models[0, pair, 1, FOREGROUND] @ [1, at[0], at[1]]
        assert motion.valid[pair, 1, FOREGROUND]
        assert found == pytest.approx(truth @ at, abs=0.15)


def test_two_things_that_meet_behind_one_hole_are_followed_each_for_itself() -> None:
    """A card above goes right, one below goes left, and a tall hole lies over both."""
    first, second = texture(1, 36, 60), texture(2, 36, 60)
    frames = np.full((FRAMES, HEIGHT, WIDTH, 3), 90, np.uint8)
    shown = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    for t in range(FRAMES):
        for top, left, card in ((15, 10 + 6 * t, first), (70, 130 - 5 * t, second)):
            frames[t, top : top + 36, left : left + 60] = card
            shown[t, top : top + 36, left : left + 60] = True
    masks = np.zeros_like(shown)
    masks[:, 10:110, 90:110] = True
    frames[masks] = 255
    motion = register_passing(frames, masks, shown & ~masks)
    for pair in range(3, 7):
        found = {
            tuple(motion.models[0, pair, 1, layer, :, 0].round().tolist())
            for layer in (1, 2)
            if motion.valid[pair, 1, layer]
        }
        assert found == {(6, 0), (-5, 0)}


def test_an_edge_that_slides_along_itself_is_not_followed() -> None:
    """A plain bar across the picture may move along itself as it likes: nothing says where a pixel of it goes."""
    frames = np.full((4, HEIGHT, WIDTH, 3), 90, np.uint8)
    shown = np.zeros((4, HEIGHT, WIDTH), bool)
    frames[:, 50:70], shown[:, 50:70] = 200, True
    masks = np.zeros_like(shown)
    masks[:, 45:75, 80:120] = True
    assert not register_passing(frames, masks, shown & ~masks).valid[..., FOREGROUND:].any()


def test_what_passes_counts_whole_though_its_middle_looks_like_the_background() -> None:
    frames = np.full((12, HEIGHT, WIDTH, 3), 90, np.uint8)
    for t in range(12):
        frames[t, 30:80, 12 * t : 12 * t + 50] = 220
        frames[t, 45:65, 12 * t + 15 : 12 * t + 35] = 90  # a window, through which the road seems to show
    masks = np.zeros((12, HEIGHT, WIDTH), bool)
    masks[:, 100:110, 90:100] = True
    found = look_behind(frames, masks, np.repeat(IN_PLACE[None], 12, 0)).passing
    assert found[5, 30:80, 60:110].all()
    assert not found[5, :, 120:].any()


def test_light_that_changes_does_not_pass() -> None:
    scene = texture(2, HEIGHT, WIDTH) // 2 + 30
    frames = np.stack([(scene * gain).round().astype(np.uint8) for gain in np.linspace(0.5, 1.4, 12)])
    masks = np.zeros((12, HEIGHT, WIDTH), bool)
    masks[:, 50:60, 90:100] = True
    assert look_behind(frames, masks, np.repeat(IN_PLACE[None], 12, 0)).passing.mean() < 0.01
