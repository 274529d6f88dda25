"""Damage to put onto clips, with the pixels that it covers."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.masks.scenes import F32, U8, Bool

_VISIBLE = 0.5
"""Opacity from which on a pixel is damaged."""


class Damaged(NamedTuple):
    picture: U8
    specks: Bool
    """[H, W]: dust, blotches and dropped lines."""
    scratches: Bool
    """[H, W]"""


def damaged(
    pictures: Iterator[U8], seed: int = 0, specks: int = 8, scratches: int = 2, dropped: float = 0.05
) -> Iterator[Damaged]:
    """Yield pictures with about so many specks each, vertical scratches that last, and now and then a dropped line."""
    rng = np.random.default_rng(seed)
    lines: list[_Scratch] = []
    for picture in pictures:
        height, width = picture.shape[:2]
        alpha = np.zeros((height, width), np.float32)
        level = np.zeros((height, width), np.float32)
        for _ in range(rng.poisson(specks)):
            _speck(alpha, level, rng)
        if rng.random() < dropped:
            top, tall = int(rng.integers(0, height - 6)), int(rng.integers(1, 5))
            alpha[top : top + tall], level[top : top + tall] = 1, rng.choice([5, 245])
        speck_mask = alpha >= _VISIBLE
        while len(lines) < scratches:
            lines.append(_Scratch(height, width, rng))
        ridge = np.zeros((height, width), np.float32)
        for line in lines:
            line.draw(ridge, rng)
        lines = [line for line in lines if line.left > 0]
        mixed = picture * (1 - alpha[..., None]) + level[..., None] * alpha[..., None] + ridge[..., None]
        yield Damaged(np.clip(np.rint(mixed), 0, 255).astype(np.uint8), speck_mask, np.abs(ridge) >= 12)


def _speck(alpha: F32, level: F32, rng: np.random.Generator) -> None:
    """An irregular spot of 2 to 24 px, dark or bright, with a soft border."""
    height, width = alpha.shape
    size = float(np.exp(rng.uniform(np.log(2.2), np.log(24)))) * max(width, 480) / 1280
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    radii = size / 2 * rng.uniform(0.6, 1.2, 9) * (1 + 0.5 * np.cos(angles - rng.uniform(0, np.pi)))
    corners = np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], 1)
    spot = np.zeros_like(alpha)
    cv2.fillPoly(spot, [np.rint(corners * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    spot = np.asarray(cv2.GaussianBlur(spot, (0, 0), 0.6), np.float32)
    level[spot > 0.05] = rng.uniform(5, 35) if rng.random() < 0.6 else rng.uniform(215, 250)
    np.maximum(alpha, np.minimum(1, 1.2 * spot), out=alpha)


class _Scratch:
    """A line 1.5 to 3 px wide, over at least half of the height, that wanders and lasts for some frames."""

    def __init__(self, height: int, width: int, rng: np.random.Generator) -> None:
        self.x = float(rng.uniform(0.05, 0.95) * width)
        self.tall = int(rng.uniform(0.5, 1.0) * height) if rng.random() < 0.5 else height
        self.top = int(rng.uniform(0, height - self.tall + 1))
        self.width, self.level = float(rng.uniform(0.6, 1.1)), float(rng.choice([-1, 1]) * rng.uniform(30, 70))
        self.slant = float(rng.normal(0, 1.5)) / height
        self.left = int(rng.integers(15, 60))

    def draw(self, ridge: F32, rng: np.random.Generator) -> None:
        self.left -= 1
        self.x += float(rng.normal(0, 0.35))
        rows = np.arange(self.top, self.top + self.tall)
        columns = np.arange(ridge.shape[1])[None]
        centre = (self.x + self.slant * (rows - rows.mean()))[:, None]
        profile = np.exp(-0.5 * ((columns - centre) / self.width) ** 2)
        ridge[rows] += (self.level * (1 + 0.15 * rng.normal()) * profile).astype(np.float32)
