"""Scenes for the benchmarks of masks: made ones of several movements, and the sample clips.

Legend: T frames, H W height and width, RGB u8.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.inspection import inspect_video
from reelmend.pipelines.media.masks.sources.clip import Clip

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
F32 = NDArray[np.float32]
Size = tuple[int, int]
"""(width, height)"""
SAMPLES = ("running_car.mp4", "still_bottles.mp4", "still_cars.mp4", "bmx-trees")


def world(size: Size, seed: int) -> F32:
    """A picture [H, W, 3] with surfaces, edges, poles and texture of all sizes, as of streets and trees."""
    rng = np.random.default_rng(seed)
    width, height = size
    picture = np.zeros((height, width, 3), np.float32)
    for cells in (3, 9, 27, 80):
        coarse = rng.random((max(2, height * cells // width), cells, 3)).astype(np.float32) - 0.5
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * (160 / cells**0.45)
    picture += rng.uniform(80, 150, 3)
    for _ in range(width * height // 9000):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        across, down = (int(side) for side in rng.integers(8, 90, 2))
        colour = tuple(float(level) for level in rng.uniform(15, 240, 3))
        shape = rng.integers(0, 3)
        if shape == 0:
            cv2.rectangle(picture, (x, y), (x + across, y + down), colour, -1)
        elif shape == 1:
            cv2.ellipse(picture, (x, y), (across, down), float(rng.uniform(0, 180)), 0, 360, colour, -1)
        else:
            cv2.line(picture, (x, y), (x + int(rng.integers(-90, 90)), y - 3 * down), colour, int(rng.integers(2, 7)))
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.9), 5, 250)


def pan(
    size: Size, frames: int, speed: tuple[float, float] = (3.2, 0.7), seed: int = 0, noise: float = 2.0
) -> Iterator[U8]:
    """A camera that turns by (right, down) pixels a frame."""
    rng = np.random.default_rng(seed + 1)
    width, height = size
    far = (int(abs(speed[0]) * frames) + width + 2, int(abs(speed[1]) * frames) + height + 2)
    plane = world(far, seed)
    for index in range(frames):
        shift = np.array([[1, 0, -abs(speed[0]) * index], [0, 1, -abs(speed[1]) * index]], np.float32)
        yield grained(cv2.warpAffine(plane, shift, size, flags=cv2.INTER_LINEAR), noise, rng)


def still(
    size: Size, frames: int, seed: int = 0, noise: float = 2.0, objects: int = 0, shake: float = 0.0
) -> Iterator[U8]:
    """A still camera; `objects` cross the picture; `shake`: pixels by which a hand moves it."""
    rng = np.random.default_rng(seed + 1)
    width, height = size
    plane = world((width + 64, height + 64), seed)
    speeds = rng.uniform(3, 9, objects)
    rows = rng.uniform(0.15, 0.85, objects) * height
    colours = rng.uniform(20, 235, (objects, 3))
    sway = np.cumsum(rng.normal(0, 1, (frames, 2)), axis=0)
    sway = shake * sway / max(1e-6, float(np.abs(sway).max()))
    for index in range(frames):
        shift = np.array([[1, 0, -32 + sway[index, 0]], [0, 1, -32 + sway[index, 1]]], np.float32)
        picture = cv2.warpAffine(plane, shift, size, flags=cv2.INTER_LINEAR)
        for speed, row, colour in zip(speeds, rows, colours, strict=True):
            place = (int((speed * index) % (width + 160)) - 80, int(row))
            cv2.ellipse(picture, place, (width // 14, height // 10), 0, 0, 360, tuple(map(float, colour)), -1)
            cv2.circle(picture, (place[0] + 10, place[1]), height // 28, (240.0, 230.0, 60.0), -1)
        yield grained(picture, noise, rng)


def poles(size: Size, frames: int, speed: float = 0.0, seed: int = 0, noise: float = 2.0) -> Iterator[U8]:
    """Lamp posts and window frames: thin upright lines of a third to four fifths of the height, before a camera that
    turns by `speed` pixels a frame."""
    rng = np.random.default_rng(seed + 1)
    width, height = size
    plane = cv2.GaussianBlur(world((width + int(speed * frames) + 2, height), seed), (0, 0), 4)
    for left in range(40, plane.shape[1], 110):
        tall = int(rng.uniform(0.35, 0.8) * height)
        top = int(rng.uniform(0, height - tall))
        plane[top : top + tall, left : left + int(rng.integers(2, 5))] = rng.uniform(10, 240, 3)
    plane = cv2.GaussianBlur(plane, (0, 0), 0.7)
    for index in range(frames):
        shift = np.array([[1, 0, -speed * index], [0, 1, 0]], np.float32)
        yield grained(cv2.warpAffine(plane, shift, size, flags=cv2.INTER_LINEAR), noise, rng)


def balls(size: Size, frames: int, seed: int = 0, noise: float = 2.0) -> Iterator[U8]:
    """A still scene that small balls fly across, by up to 40 px a frame."""
    rng = np.random.default_rng(seed)
    width, height = size
    ways = [(rng.uniform(12, 40), rng.uniform(-6, 0), rng.uniform(0.3, 0.9) * height) for _ in range(4)]
    for index, picture in enumerate(still(size, frames, seed, noise)):
        for across, up, row in ways:
            y = row + up * index + 0.25 * index**2
            cv2.circle(picture, (int(across * index) % width, int(y) % height), 6, (240, 240, 235), -1, cv2.LINE_AA)
        yield picture


def rain(size: Size, frames: int, seed: int = 0, noise: float = 2.0) -> Iterator[U8]:
    """A still scene with rain: 300 streaks in other places in every frame."""
    rng = np.random.default_rng(seed)
    for picture in still(size, frames, seed, noise):
        for x, y in rng.uniform(0, 1, (300, 2)) * size:
            cv2.line(picture, (int(x), int(y)), (int(x) + 2, int(y) + 14), (205, 210, 220), 1, cv2.LINE_AA)
        yield picture


def cuts(size: Size, frames: int, length: int = 12, seed: int = 0, noise: float = 2.0) -> Iterator[U8]:
    """Still pictures, each shown for `length` frames."""
    for number in range(-(-frames // length)):
        yield from still(size, min(length, frames - number * length), seed + 17 * number, noise)


def fade(size: Size, frames: int, seed: int = 0, noise: float = 2.0) -> Iterator[U8]:
    """A still picture that comes out of black and goes back."""
    for index, picture in enumerate(still(size, frames, seed, noise)):
        gain = min(1.0, 3 * min(index, frames - 1 - index) / frames)
        yield np.rint(picture * gain).astype(np.uint8)


def grained(picture: NDArray[np.number[Any]], noise: float, rng: np.random.Generator) -> U8:
    grain = rng.normal(0, noise, picture.shape[:2]).astype(np.float32)[..., None]
    return np.asarray(np.clip(np.rint(picture + grain), 0, 255), np.uint8)


def sample(folder: Path, name: str, frames: int | None = None, start: int = 0) -> Iterator[U8]:
    """The pictures of a sample clip."""
    info = inspect_video(folder / name)
    stop = info.frames if frames is None else min(info.frames, start + frames)
    yield from Clip(info, start, stop, ((start, stop),)).pictures()


def first(pictures: Iterator[U8], frames: int) -> U8:
    return np.stack(list(islice(pictures, frames)))
