"""Text burnt into pictures, whose every pixel is known: fonts, outlines, shadows, boxes, fades."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Point = tuple[int, int]


@dataclass(frozen=True)
class Style:
    """How letters look."""

    font: str = "sans"
    """A font that OpenCV brings (sans, serif, italic, uni; all have Latin, Cyrillic and Chinese letters), or a file."""
    size: int = 32
    """Height of an em, in pixels."""
    colour: tuple[int, int, int] = (255, 255, 255)
    outline: int = 0
    """Width of a black outline, in pixels."""
    shadow: int = 0
    """Distance of a soft black shadow to the right and down, in pixels."""
    panel: float = 0.0
    """Opacity of a black box behind the line; 0: none."""
    weight: int = 400


@dataclass(frozen=True)
class Line:
    """One line of text on the screen; where and how it is drawn depends on the frame alone."""

    text: str
    at: Point
    """Left end of the baseline; a line that is not `centred` starts there."""
    style: Style
    first: int = 0
    stop: int = 10**9
    fade: int = 0
    """Frames from nothing to full opacity, and back."""
    speed: tuple[float, float] = (0.0, 0.0)
    """Pixels per frame right and down."""
    centred: bool = True

    def opacity(self, index: int) -> float:
        if not self.first <= index < self.stop:
            return 0.0
        if not self.fade:
            return 1.0
        return min(1.0, (index - self.first + 1) / (self.fade + 1), (self.stop - index) / (self.fade + 1))


@cache
def _face(font: str) -> "cv2.FontFace":
    return cv2.FontFace(font)


def _layers(line: Line, size: tuple[int, int], index: int) -> list[tuple[F32, tuple[int, int, int]]]:
    """Return (opacity f32 [H, W], colour) from back to front."""
    style = line.style
    width, height = size
    text = line.text.format(index=index, second=index // 25, tenth=index * 10 // 25 % 10)
    x, y = line.at
    box = cv2.getTextSize(size, text, (0, 0), _face(style.font), style.size, style.weight)
    if line.centred:
        x -= box[2] // 2
    x, y = round(x + line.speed[0] * index), round(y + line.speed[1] * index)
    fill = np.zeros((height, width, 3), np.uint8)
    cv2.putText(fill, text, (x, y), (255, 255, 255), _face(style.font), style.size, style.weight)
    letters: F32 = fill[..., 0].astype(np.float32) / np.float32(255)
    layers: list[tuple[F32, tuple[int, int, int]]] = []
    if style.panel:
        panel = np.zeros_like(letters)
        pad = style.size // 3
        top, left = max(0, y - style.size - pad // 2), max(0, x - pad)
        panel[top : y + style.size // 3 + pad // 2, left : x + box[2] + pad] = style.panel
        layers.append((panel, (0, 0, 0)))
    if style.shadow:
        moved = np.roll(letters, (style.shadow, style.shadow), (0, 1))
        layers.append((np.asarray(cv2.GaussianBlur(moved, (0, 0), 0.8), np.float32) * np.float32(0.7), (0, 0, 0)))
    if style.outline:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * style.outline + 1,) * 2)
        layers.append((np.asarray(cv2.dilate(letters, disc), np.float32), (0, 0, 0)))
    return [*layers, (letters, style.colour)]


def burn(picture: U8, lines: tuple[Line, ...], index: int) -> tuple[U8, F32]:
    """Return picture `index` u8 [H, W, 3] with the lines, and how opaque the text is there: f32 [H, W], 0..1."""
    shown, through = picture.astype(np.float32), np.ones(picture.shape[:2], np.float32)
    for line in lines:
        opacity = np.float32(line.opacity(index))
        if opacity == 0:
            continue
        for alpha, colour in _layers(line, (picture.shape[1], picture.shape[0]), index):
            a: F32 = (alpha * opacity)[..., None]
            shown = shown * (1 - a) + np.asarray(colour, np.float32) * a
            through = through * (1 - a[..., 0])
    return np.rint(shown).astype(np.uint8), 1 - through


def leaves(size: tuple[int, int], seed: int = 3) -> U8:
    """Return a picture of overlapping shapes with edges, corners and grain, as dead leaves: u8 [H, W, 3]."""
    width, height = size
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 110, np.uint8)
    for _ in range(width * height // 700):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        radius = min(90.0, 5.0 / float(rng.random()) ** 0.7)
        axes = (max(2, int(radius)), max(2, int(radius * (0.3 + 0.7 * float(rng.random())))))
        grey = int(rng.integers(20, 225))
        colour = tuple(int(np.clip(grey + rng.integers(-30, 30), 0, 255)) for _ in range(3))
        if rng.random() < 0.6:
            cv2.ellipse(image, centre, axes, int(rng.integers(180)), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            quad = cv2.boxPoints((centre, (2 * axes[0], axes[1]), float(rng.integers(180))))
            cv2.fillConvexPoly(image, np.rint(quad).astype(np.int32), colour, cv2.LINE_AA)
    grain = rng.normal(0, 5, image.shape)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 0.7) + grain, 0, 255).astype(np.uint8)
