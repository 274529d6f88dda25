"""The truth of the cases: cuts of the sample clips, and a still scene that is made here.

Legend: T frames, H W height and width.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8

WIDTH, HEIGHT, FRAMES = 432, 240, 60
Float32 = NDArray[np.float32]

_NOISE = 1.5  # grey levels, as a camera in good light has


@lru_cache(maxsize=4)
def sample(path: Path, start: int = 0, frames: int = FRAMES, size: tuple[int, int] | None = (WIDTH, HEIGHT)) -> U8:
    """Return frames of a folder of JPEGs or of a video, RGB u8 [T, H, W, 3]; read-only, as callers share it."""
    source = _folder(path) if path.is_dir() else _video(path)
    cut = list(islice(source, start, start + frames))
    if len(cut) < frames:
        raise SystemExit(f"{path}: frames {start}..{start + frames - 1} are needed, and it ends before")
    small = cut if size is None else [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in cut]
    clip: U8 = np.ascontiguousarray(np.stack(small)[..., ::-1], np.uint8)
    clip.flags.writeable = False
    return clip


def with_gain(clip_THWC: U8, gain_T: NDArray[np.floating]) -> U8:
    """Return a clip whose frames are brighter or darker, as a camera or an editor makes them."""
    return np.clip(np.rint(clip_THWC * gain_T.reshape(-1, 1, 1, 1)), 0, 255).astype(np.uint8)


def hand_held(clip_THWC: U8) -> U8:
    """Return a clip as from a hand that tries to hold still: it wanders by fractions of a pixel, 3 px at most."""
    steps = np.random.default_rng(0).normal(0, 0.5, (len(clip_THWC), 2))
    shaken = np.empty_like(clip_THWC)
    for t, (x, y) in enumerate(np.cumsum(steps, 0).clip(-3, 3)):
        place = np.array([[1, 0, x], [0, 1, y]])
        shaken[t] = cv2.warpAffine(clip_THWC[t], place, clip_THWC.shape[2:0:-1], borderMode=cv2.BORDER_REFLECT)
    return shaken


@lru_cache(maxsize=1)
def still_scene() -> U8:
    """Return a brick wall over a floor of boards before a still camera; a van and a ball cross it."""
    rng = np.random.default_rng(20)
    wall = brick_wall(rng)
    a_van, a_ball = van(rng), ball(rng)
    clip = np.empty((FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    for t in range(FRAMES):
        frame = wall.copy()
        lay(frame, *a_ball, centre=(WIDTH - 20 - 7.0 * t, 118 + 6 * np.sin(t / 6)))
        lay(frame, *a_van, centre=(-60 + 9.0 * t, 187.0))
        clip[t] = np.clip(np.rint(frame + rng.normal(0, _NOISE, frame.shape)), 0, 255)
    clip.flags.writeable = False
    return clip


def _folder(path: Path) -> Iterator[U8]:
    return (np.asarray(cv2.imread(str(file)), np.uint8) for file in sorted(path.glob("*.jpg")))


def _video(path: Path) -> Iterator[U8]:
    capture = cv2.VideoCapture(str(path))
    while True:
        there, frame = capture.read()
        if not there:
            return
        yield np.asarray(frame, np.uint8)


def brick_wall(rng: np.random.Generator) -> Float32:
    """Return a brick wall over a floor of boards: f32 [HEIGHT, WIDTH, 3], 0..255."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    light = 1.1 - 0.35 * np.hypot(columns / WIDTH - 0.4, rows / HEIGHT - 0.3)
    course = (rows // 14).astype(int)
    along = columns + (course % 2) * 15
    brick = (along // 30).astype(int)
    tone = rng.normal(0, 12, (course.max() + 1, brick.max() + 1)).astype(np.float32)[course, brick]
    mortar = (rows % 14 < 2) | (along % 30 < 2)
    clay = np.where(
        mortar[..., None], np.array([168, 164, 158], np.float32), np.array([150, 84, 66], np.float32) + tone[..., None]
    )
    grain = 10 * np.sin((rows + 3 * _octaves(rng, (8, 60)) + columns * 0.02) * 0.9)
    gaps = np.where((rows - 200) % 20 < 1.5, -45, 0)
    boards = np.array([126, 96, 62], np.float32) + (grain + gaps)[..., None]
    picture = np.where((rows >= 180)[..., None], boards, clay)
    return np.asarray(light[..., None] * (picture + 7 * _octaves(rng, (6, 6))[..., None]), np.float32)


def _octaves(rng: np.random.Generator, cell: tuple[int, int]) -> Float32:
    """Noise of unit variance whose largest spots are `cell` (height, width) pixels, and finer ones half as strong."""
    total = np.zeros((HEIGHT, WIDTH), np.float32)
    for octave in range(3):
        high, wide = (max(1, side >> octave) for side in cell)
        coarse = rng.normal(0, 0.5**octave, (HEIGHT // high + 2, WIDTH // wide + 2)).astype(np.float32)
        total += cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return total / np.float32(total.std())


def van(rng: np.random.Generator) -> tuple[Float32, Float32]:
    """Return a picture f32 [70, 110, 3] and its coverage [70, 110], 0..1."""
    paint = np.full((70, 110, 3), (196, 190, 60), np.uint8)
    cv2.rectangle(paint, (70, 8), (102, 30), (50, 60, 80), -1)
    cv2.rectangle(paint, (8, 10), (60, 34), (180, 40, 40), -1)
    cv2.putText(paint, "REEL", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (240, 240, 240), 2, cv2.LINE_AA)
    grain = cv2.GaussianBlur(rng.normal(0, 40, paint.shape).astype(np.float32), (0, 0), 1.5)
    picture = np.asarray(paint + grain, np.float32)
    cover = np.zeros((70, 110), np.float32)
    cv2.rectangle(cover, (2, 2), (107, 56), 1.0, -1)
    for left in (24, 84):
        cv2.circle(cover, (left, 57), 11, 1.0, -1)
        cv2.circle(picture, (left, 57), 11, (30, 30, 32), -1)
        cv2.circle(picture, (left, 57), 5, (150, 150, 155), -1)
    return picture, np.asarray(cv2.GaussianBlur(cover, (0, 0), 0.7), np.float32)


def ball(rng: np.random.Generator) -> tuple[Float32, Float32]:
    """Return a picture f32 [44, 44, 3] and its coverage [44, 44], 0..1."""
    rows, columns = np.mgrid[:44, :44].astype(np.float32) - 21.5
    stripes = np.where(np.sin(columns * 0.5 + rows * 0.2)[..., None] > 0, (60, 90, 190), (225, 225, 215))
    picture = stripes + cv2.GaussianBlur(rng.normal(0, 25, (44, 44, 3)), (0, 0), 1.0)
    return picture.astype(np.float32), np.clip(20.5 - np.hypot(rows, columns), 0, 1).astype(np.float32)


def lay(frame: Float32, picture: Float32, cover: Float32, centre: tuple[float, float]) -> None:
    """Composite an object, at a place between pixels, over a frame in place."""
    high, wide = cover.shape
    size = frame.shape[1::-1]
    place = np.array([[1, 0, centre[0] - wide / 2], [0, 1, centre[1] - high / 2]], np.float32)
    there = cv2.warpAffine(cover, place, size)[..., None]
    frame += there * (cv2.warpAffine(picture, place, size, borderMode=cv2.BORDER_REPLICATE) - frame)
