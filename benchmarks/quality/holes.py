"""The holes of the cases, bool [T, H, W], True where content is missing; every draw is seeded."""

from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.clips import FRAMES, HEIGHT, WIDTH
from reelmend.core_model.engine import Bool

_FONT = cv2.FONT_HERSHEY_DUPLEX
_WORDS = ("the", "rain", "had", "stopped", "before", "they", "came", "to", "where", "river", "meets", "road", "nobody")


def box(left: int, top: int, width: int = 100, height: int = 60, frames: slice = slice(None)) -> Bool:
    """A rectangle, in all frames or some."""
    masks = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    masks[frames, top : top + height, left : left + width] = True
    return masks


def centred_box() -> Bool:
    return box(WIDTH // 2 - 50, HEIGHT // 2 - 30)


def drifting_disc() -> Bool:
    """A disc of radius 32 that drifts 3 pixels a frame and bounces."""
    masks = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    radius, speed = 32, 3 / np.sqrt(2)
    place, step = np.array([120.0, 100.0]), np.array([speed, speed])
    for mask in masks:
        cv2.circle(mask, (round(place[0]), round(place[1])), radius, 1, -1)
        place += step
        outside = (place < radius) | (place > np.array([WIDTH, HEIGHT]) - 1 - radius)
        step[outside] *= -1
    return masks > 0


def logo(left: int = 330, top: int = 14) -> Bool:
    """A broadcaster's bug: two rings and three letters in strokes of 4 to 6 pixels."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (left + 18, top + 22), 16, 255, 5)
    cv2.circle(mask, (left + 18, top + 22), 5, 255, 4)
    cv2.putText(mask, "TVR", (left + 40, top + 34), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 5)
    return np.repeat(mask[None] > 127, FRAMES, axis=0)


def subtitles(*, boxed: bool, first: int = 5) -> Bool:
    """Two lines near the bottom, 20 frames of every 30, each time other words; the boxes around them or the letters."""
    masks = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    rng = np.random.default_rng(3)
    for start in range(first, FRAMES, 30):
        shown = np.zeros((HEIGHT, WIDTH), np.uint8)
        for bottom in (200, 226):
            _line(shown, " ".join(rng.choice(_WORDS, 5)), bottom, boxed)
        masks[start : start + 20] = shown
    return masks > 127


def damage(*frames: int) -> Bool:
    """A third of a frame lost as a decoder loses it: a run of macroblocks of 16 pixels, row after row."""
    across, down = WIDTH // 16, HEIGHT // 16
    masks = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    rng = np.random.default_rng(5)
    for t in frames:
        lost = np.zeros(across * down, bool)
        start = int(rng.integers(across, across * down * 2 // 3 - across))
        lost[start : start + across * down // 3] = True
        masks[t] = lost.reshape(down, across).repeat(16, 0).repeat(16, 1)
    return masks


def scratches() -> Bool:
    """Four lines over the height of the film that jitter and wander, and eight specks of dust, others in each frame."""
    masks = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    rng = np.random.default_rng(11)
    places, widths = np.array([61.0, 148.0, 262.0, 391.0]), (1, 2, 1, 3)
    for mask in masks:
        places += rng.normal(0, 0.7, len(places))
        for place, width in zip(places, widths, strict=True):
            lean = rng.normal(0, 0.6)
            cv2.line(mask, (round(place - lean), 0), (round(place + lean), HEIGHT - 1), 1, width)
        for _ in range(8):
            centre = (int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)))
            axes = (int(rng.integers(1, 5)), int(rng.integers(1, 4)))
            cv2.ellipse(mask, centre, axes, float(rng.integers(180)), 0, 360, 1, -1)
    return masks > 0


def strips(width: int = 48) -> Bool:
    """What a wider picture would show at the left and at the right."""
    masks = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    masks[..., :width] = masks[..., -width:] = True
    return masks


def grown(masks_THW: Bool, pixels: int) -> Bool:
    """Return masks grown as a run grows them (`mask.dilation`)."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return np.stack([cv2.dilate(mask.astype(np.uint8), cross, iterations=pixels) for mask in masks_THW]) > 0


def _line(shown: NDArray[np.uint8], words: str, bottom: int, boxed: bool) -> None:
    scale = next(size for size in (0.7 - 0.05 * step for step in count()) if _width(words, size) < WIDTH - 40)
    width = _width(words, scale)
    left = (WIDTH - width) // 2
    if boxed:
        cv2.rectangle(shown, (left - 3, bottom - 20), (left + width + 3, bottom + 6), 255, -1)
    else:
        cv2.putText(shown, words, (left, bottom), _FONT, scale, 255, 5)  # with the outline that subtitles have


def _width(words: str, scale: float) -> int:
    return int(cv2.getTextSize(words, _FONT, scale, 2)[0][0])
