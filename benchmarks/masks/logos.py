"""Logos to burn in, with the pixels that they cover."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.masks.scenes import F32, U8, Bool, Size

_ABOVE = 4
"""Drawn so many times larger, then averaged: soft edges, as designers' logos have."""
_COVERED = 0.4
"""Share of a pixel from which on it is the logo's."""


class Logo(NamedTuple):
    """A logo of a picture of some size, already in its place."""

    colour: F32
    """[H, W, 3]"""
    alpha: F32
    """[H, W]: 0..1, its opacity included."""
    mask: Bool
    """[H, W]: pixels that it covers, by its shape alone."""


Draw = Callable[[U8, U8, int], None]
"""Draws onto (colour [S, S, 3], alpha [S, S], scale)."""


def _badge(colour: U8, alpha: U8, one: int) -> None:
    """A disc with a letter and a bar, as a channel's."""
    cv2.circle(alpha, (40 * one, 30 * one), 28 * one, 255, -1)
    cv2.circle(colour, (40 * one, 30 * one), 28 * one, (200, 30, 40), -1)
    cv2.putText(colour, "R", (27 * one, 43 * one), cv2.FONT_HERSHEY_DUPLEX, 1.3 * one, (255, 255, 255), 4 * one)
    cv2.rectangle(alpha, (70 * one, 20 * one), (140 * one, 40 * one), 255, -1)
    cv2.rectangle(colour, (70 * one, 20 * one), (140 * one, 40 * one), (25, 40, 120), -1)
    cv2.putText(colour, "NEWS", (76 * one, 37 * one), cv2.FONT_HERSHEY_DUPLEX, 0.65 * one, (255, 240, 120), 2 * one)


def _text(colour: U8, alpha: U8, one: int) -> None:
    """White letters without a ground."""
    colour[:] = 255
    cv2.putText(alpha, "reelmend", (4 * one, 36 * one), cv2.FONT_HERSHEY_DUPLEX, 1.1 * one, 255, 3 * one)


def _bug(colour: U8, alpha: U8, one: int) -> None:
    """A ring with a triangle, 24 px."""
    colour[:] = (250, 250, 250)
    cv2.circle(alpha, (12 * one, 12 * one), 10 * one, 255, 3 * one)
    cv2.fillPoly(alpha, [np.array([[9, 7], [17, 12], [9, 17]]) * one], 255)


def _bright(colour: U8, alpha: U8, one: int) -> None:
    """White letters with a soft grey shadow, as over snow."""
    colour[:] = 255
    shadow = np.zeros_like(alpha)
    cv2.putText(shadow, "LIVE", (8 * one, 40 * one), cv2.FONT_HERSHEY_DUPLEX, 1.3 * one, 255, 4 * one)
    colour[shadow > 0] = (120, 120, 120)
    cv2.putText(colour, "LIVE", (6 * one, 38 * one), cv2.FONT_HERSHEY_DUPLEX, 1.3 * one, (255, 255, 255), 4 * one)
    cv2.putText(alpha, "LIVE", (6 * one, 38 * one), cv2.FONT_HERSHEY_DUPLEX, 1.3 * one, 255, 4 * one)
    np.maximum(alpha, shadow, out=alpha)


LOGOS: dict[str, tuple[Draw, Size, float]] = {
    "opaque": (_badge, (144, 62), 1.0),
    "half": (_badge, (144, 62), 0.5),
    "faint": (_badge, (144, 62), 0.3),
    "letters": (_text, (190, 50), 1.0),
    "half letters": (_text, (190, 50), 0.5),
    "bug": (_bug, (24, 24), 1.0),
    "half bug": (_bug, (24, 24), 0.5),
    "white, shadow": (_bright, (130, 50), 1.0),
}
"""By name: how it is drawn, (width, height), opacity."""


def placed(name: str, size: Size, place: tuple[float, float] = (0.95, 0.08), scale: float = 1.0) -> Logo:
    """Return a logo in a picture of `size`; `place`: share of the room that is left and above of it."""
    draw, (across, down), opacity = LOGOS[name]
    colour = np.zeros((down * _ABOVE, across * _ABOVE, 3), np.uint8)
    alpha = np.zeros((down * _ABOVE, across * _ABOVE), np.uint8)
    draw(colour, alpha, _ABOVE)
    shown = (round(across * scale), round(down * scale))
    small = cv2.resize(colour, shown, interpolation=cv2.INTER_AREA)
    shape = cv2.resize(alpha, shown, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    width, height = size
    left, top = (int((room - own) * share) for room, own, share in zip(size, shown, place, strict=True))
    whole = Logo(
        np.zeros((height, width, 3), np.float32),
        np.zeros((height, width), np.float32),
        np.zeros((height, width), np.bool_),
    )
    part = (slice(top, top + shown[1]), slice(left, left + shown[0]))
    whole.colour[part], whole.alpha[part], whole.mask[part] = small, shape * opacity, shape >= _COVERED
    return whole


def burnt(pictures: Iterator[U8], logo: Logo, start: int = 0, stop: int | None = None) -> Iterator[U8]:
    """Yield the pictures with a logo over frames [start, stop)."""
    alpha = logo.alpha[..., None]
    for index, picture in enumerate(pictures):
        shown = index >= start and (stop is None or index < stop)
        mixed = picture * (1 - alpha) + logo.colour * alpha
        yield np.clip(np.rint(mixed), 0, 255).astype(np.uint8) if shown else picture
