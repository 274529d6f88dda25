"""The cases: a clip, a hole, and what can be asked of an engine there.

Groups: `moving` (the camera moves: four measured since the first version, and a strip), `invented` (no frame shows
what is hidden), `seen` (other frames show it), `passing` (a still camera, something moves behind the hole), and
`pictures` (for the eye: no gate looks at it).
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.quality import holes
from benchmarks.quality.clips import FRAMES, HEIGHT, WIDTH, hand_held, sample, still_scene, with_gain
from reelmend.core_model.engine import U8, Bool

GREY = 128
MOVING_FOUR = ("bmx box", "bmx disc", "car box", "car disc")


class Case(NamedTuple):
    """A hidden part of a clip."""

    name: str
    group: str
    truth: U8
    """[T, H, W, 3]"""
    masks: Bool
    """[T, H, W], never empty in all frames."""

    @property
    def hidden(self) -> U8:
        """The clip with the hole painted, so that nothing of the truth is left in it."""
        return painted(self.truth, self.masks)


class Recipe(NamedTuple):
    """A case that has not been made yet."""

    name: str
    group: str
    clip: Callable[[], U8]
    hole: Callable[[], Bool]


def painted(truth_THWC: U8, masks_THW: Bool) -> U8:
    """Return a copy with the masked pixels grey."""
    hidden = truth_THWC.copy()
    hidden[masks_THW] = GREY
    return hidden


def cases(samples: Path, only: str = "") -> Iterator[Case]:
    """Yield the cases whose names contain `only`, each made when its turn comes."""
    for recipe in _recipes(samples):
        if only in recipe.name:
            yield Case(recipe.name, recipe.group, recipe.clip(), recipe.hole())


def moving_four(samples: Path) -> Iterator[Case]:
    """Yield the four cases in which the camera moves and the hole is a box or a disc."""
    return (case for name in MOVING_FOUR for case in cases(samples, name))


def _recipes(samples: Path) -> Iterator[Recipe]:
    bmx, car = (partial(sample, samples / name) for name in ("bmx-trees", "running_car.mp4"))
    quiet_road, road = (partial(sample, samples / "still_cars.mp4", start) for start in (0, 50))
    quiet_table, table = (partial(sample, samples / "still_bottles.mp4", start) for start in (0, 1040))
    for name, moving in (("bmx", bmx), ("car", car)):
        yield Recipe(f"{name} box", "moving", moving, holes.centred_box)
        yield Recipe(f"{name} disc", "moving", moving, holes.drifting_disc)
    yield Recipe("bmx outpainting strip", "moving", bmx, holes.strips)
    # Places that nothing crosses: the road's middle before the car comes, the table's edge, the wall.
    yield Recipe("road box never seen", "invented", quiet_road, holes.centred_box)
    yield Recipe("table box never seen", "invented", quiet_table, partial(holes.box, 238, 125))
    yield Recipe("scene box never seen", "invented", still_scene, partial(holes.box, 60, 24))
    for name, quiet in (("road", quiet_road), ("table", quiet_table), ("scene", still_scene)):
        yield Recipe(f"{name} logo of strokes", "invented", quiet, holes.logo)
    for name, quiet in (("table", quiet_table), ("scene", still_scene)):
        yield Recipe(f"{name} outpainting strip", "invented", quiet, holes.strips)
    for name, still in (("road", road), ("table", table), ("scene", still_scene)):
        yield Recipe(f"{name} subtitles in boxes", "seen", still, partial(holes.subtitles, boxed=True))
        yield Recipe(f"{name} subtitles as text", "seen", still, partial(holes.subtitles, boxed=False))
        yield Recipe(f"{name} pop-up", "seen", still, partial(holes.box, 266, 70, frames=slice(25, 35)))
        yield Recipe(f"{name} one damaged frame", "seen", still, partial(holes.damage, 29))
        yield Recipe(f"{name} three damaged frames", "seen", still, partial(holes.damage, 14, 29, 46))
    for name, clip in (("road", road), ("scene", still_scene), ("bmx", bmx)):
        yield Recipe(f"{name} film scratches", "seen", clip, holes.scratches)
    for name, still in (("road", road), ("scene", still_scene)):
        yield Recipe(f"{name} flash", "seen", partial(_flashing, still), partial(holes.subtitles, boxed=True))
    half = slice(FRAMES // 4, FRAMES * 3 // 4)
    for name, still in (("table", quiet_table), ("scene", still_scene)):
        there_half = partial(holes.box, 238, 125, frames=half)
        yield Recipe(f"{name} auto-exposure", "seen", partial(_drifting, still), there_half)
    for name, still in (("road", road), ("scene", still_scene)):
        boxed = partial(holes.subtitles, boxed=True)
        yield Recipe(f"{name} subtitles from a hand-held camera", "seen", partial(_shaken, still), boxed)
    never_seen = partial(holes.box, 238, 125)
    yield Recipe("table box from a hand-held camera", "invented", partial(_shaken, quiet_table), never_seen)
    yield Recipe("road box with something passing", "passing", road, partial(holes.box, 150, 90))
    yield Recipe("table box with something passing", "passing", table, partial(holes.box, 316, 70))
    yield Recipe("scene box with something passing", "passing", still_scene, partial(holes.box, 166, 90))
    fast = partial(sample, samples / "running_car.mp4", 85, 31, None)
    yield Recipe("fast logo", "pictures", fast, partial(_logo_of_samples, samples, 31, (972, 540)))


def _flashing(clip: Callable[[], U8]) -> U8:
    """Two frames 40 % brighter while a subtitle is shown, and a fade to a third over the last frames of another."""
    gain = np.ones(FRAMES)
    gain[[12, 20]] = 1.4
    gain[44:54] = np.linspace(1, 1 / 3, 10)
    gain[54:] = 1 / 3
    return with_gain(clip(), gain)


def _shaken(clip: Callable[[], U8]) -> U8:
    return hand_held(clip())


def _drifting(clip: Callable[[], U8]) -> U8:
    return with_gain(clip(), 1 + 0.15 * np.sin(np.arange(FRAMES) * 2 * np.pi / 40))


def _logo_of_samples(samples: Path, frames: int, size: tuple[int, int]) -> Bool:
    mask = cv2.imread(str(samples / "mask_logo.png"), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise SystemExit(f"{samples / 'mask_logo.png'} is needed for the fast logo")
    small = cv2.resize(np.asarray(mask, np.uint8), size, interpolation=cv2.INTER_AREA) > 0
    return np.repeat(small[None], frames, axis=0)


assert (WIDTH, HEIGHT) == (432, 240)  # the places above are in pixels of this size
