"""Scene of the demo: a camera pans over a lake, and a balloon that is to be removed drifts through the picture.

Everything is drawn from one seed: the same frames on every machine, with and without the balloon, so that a restored
frame can be held against the truth. H W: height and width of a frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
Image = NDArray[np.float32]

WIDTH, HEIGHT = 432, 240
FRAMES, RATE = 72, 24
PAN_PX = 2.0
"""Pixels of the nearest layer that the camera passes a frame; layers further away pass more slowly."""
_SEED = 20
_HORIZON = 128


@dataclass(frozen=True)
class Moment:
    """One frame of the clip."""

    truth: U8
    """RGB [H, W, 3] without the balloon."""
    shown: U8
    """RGB [H, W, 3] with the balloon: what the camera saw."""
    mask: NDArray[np.bool_]
    """[H, W]: where the balloon is."""


@dataclass(frozen=True)
class _Layer:
    picture: Image
    """RGB 0..1 on a canvas wider than a frame."""
    cover: Image
    """0..1: how much of what is behind is hidden."""
    depth: float
    """0 (infinitely far) .. 1 (passes at PAN_PX a frame)."""


def moments() -> Iterator[Moment]:
    """Yield the clip's FRAMES moments in order."""
    layers = _landscape()
    for index in range(FRAMES):
        truth = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        for layer in layers:
            shift = PAN_PX * index * layer.depth
            picture, cover = _window(layer.picture, shift), _window(layer.cover, shift)[..., None]
            truth = truth * (1 - cover) + picture * cover
        balloon, cover = _balloon(index)
        shown = truth * (1 - cover[..., None]) + balloon * cover[..., None]
        yield Moment(_to_u8(truth), _to_u8(shown), cover > 0.02)


def _landscape() -> list[_Layer]:
    """Return the layers from far to near."""
    random = np.random.default_rng(_SEED)
    canvas = WIDTH + int(PAN_PX * FRAMES) + 8
    return [
        _sky(random, canvas),
        _ridge(random, canvas, base=84, relief=44, colour=(0.52, 0.60, 0.72), depth=0.25),
        _ridge(random, canvas, base=112, relief=32, colour=(0.34, 0.45, 0.50), depth=0.45),
        _lake(random, canvas),
        _ridge(random, canvas, base=206, relief=22, colour=(0.33, 0.40, 0.20), depth=1.0),
    ]


def _sky(random: np.random.Generator, canvas: int) -> _Layer:
    height = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None]
    blue, warm = _rgb(0.32, 0.52, 0.80), _rgb(0.98, 0.86, 0.70)
    mix = np.clip(height * HEIGHT / _HORIZON, 0, 1) ** 1.4
    picture = np.broadcast_to(blue * (1 - mix) + warm * mix, (HEIGHT, canvas, 3)).copy()
    clouds = np.clip((_noise(random, HEIGHT, canvas, coarsest_px=90, stretch=2.2) - 0.48) * 3.2, 0, 0.85)[..., None]
    return _Layer(picture * (1 - clouds) + clouds * _rgb(1.0, 0.97, 0.93), _solid(canvas), depth=0.12)


def _ridge(
    random: np.random.Generator,
    canvas: int,
    *,
    base: int,
    relief: int,
    colour: tuple[float, float, float],
    depth: float,
) -> _Layer:
    """A hill: an uneven skyline, and a textured body lit from the upper left."""
    skyline = base - relief * (2 * _noise(random, 1, canvas, coarsest_px=110)[0] - 1)
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None]
    cover = np.clip(rows - skyline[None] + 0.5, 0, 1)
    texture = _noise(random, HEIGHT, canvas, coarsest_px=20)
    light = 0.62 + 0.76 * texture + 1.3 * cv2.Sobel(texture, cv2.CV_32F, 1, 1, ksize=3)
    return _Layer(_rgb(*colour) * light[..., None], cover, depth)


def _lake(random: np.random.Generator, canvas: int) -> _Layer:
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None]
    near = np.clip((rows - _HORIZON) / (HEIGHT - _HORIZON), 0, 1)[..., None]
    waves = _noise(random, HEIGHT, canvas, coarsest_px=40, stretch=5.0)[..., None]
    colour = _rgb(0.70, 0.74, 0.76) * (1 - near) + _rgb(0.16, 0.33, 0.44) * near
    cover = np.broadcast_to(np.clip(rows - _HORIZON + 0.5, 0, 1), (HEIGHT, canvas))
    return _Layer(colour * (0.72 + 0.56 * waves), np.ascontiguousarray(cover), depth=0.7)


def _balloon(index: int) -> tuple[Image, Image]:
    """Return the balloon's colours and how much each pixel is covered by it, 0..1."""
    across = index / (FRAMES - 1)
    x, y, radius = 92 + 250 * across, 116 - 22 * np.sin(2.6 * across + 0.4), 33.0
    columns, rows = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    dx, dy = (columns - x) / radius, (rows - y) / radius
    width = np.where(dy < 0, 1, np.clip(1 - 0.42 * np.maximum(dy, 0) ** 2, 0.3, 1))
    envelope = np.clip((1 - np.hypot(dx / width, dy / 1.12)) * radius + 0.5, 0, 1)
    basket = _box(columns - x, rows - y - 1.52 * radius, half_width=6.5, half_height=5)
    ropes = _box(np.abs(columns - x) - 5, rows - y - 1.25 * radius, half_width=0.7, half_height=7)

    gore = np.floor(3.5 * np.arcsin(np.clip(dx / width, -1, 1)) / (np.pi / 2) + 0.5).astype(int) % 2
    stripes = np.where(gore[..., None] == 0, _rgb(0.85, 0.16, 0.13), _rgb(0.98, 0.84, 0.36))
    light = np.clip(1.05 - 0.32 * dx - 0.22 * dy, 0.45, 1.25)[..., None]
    wood = _rgb(0.36, 0.22, 0.12)
    picture = np.where(envelope[..., None] > 0, stripes * light, wood)
    return picture.astype(np.float32), np.maximum.reduce([envelope, basket, ropes]).astype(np.float32)


def _box(dx: Image, dy: Image, *, half_width: float, half_height: float) -> Image:
    inside = np.minimum(half_width - np.abs(dx), half_height - np.abs(dy))
    return np.clip(inside + 0.5, 0, 1).astype(np.float32)


def _noise(random: np.random.Generator, height: int, width: int, *, coarsest_px: float, stretch: float = 1.0) -> Image:
    """Fractal noise 0..1: grids of random values, each octave half as coarse and nearly half as strong."""
    total = np.zeros((height, width), np.float32)
    cell, weight = coarsest_px, 1.0
    while cell >= 2:
        grid = random.random((int(height / cell) + 4, int(width / cell / stretch) + 4), np.float32)
        # A fixed affine map instead of a resize: the picture must not depend on how a library rounds sizes.
        scale = np.array([[1 / (cell * stretch), 0, 1], [0, 1 / cell, 1]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        total += weight * cv2.warpAffine(grid, scale, (width, height), flags=flags)
        cell, weight = cell / 2, weight * 0.55
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low)


def _window(canvas: Image, shift_px: float) -> Image:
    """Return the frame-sized part of a canvas that starts `shift_px` to the right, between pixels too."""
    move = np.array([[1, 0, shift_px], [0, 1, 0]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    window = cv2.warpAffine(canvas, move, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(window, np.float32)


def _rgb(red: float, green: float, blue: float) -> Image:
    return np.array([red, green, blue], np.float32)


def _solid(canvas: int) -> Image:
    return np.ones((HEIGHT, canvas), np.float32)


def _to_u8(picture: Image) -> U8:
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
