"""Many small pictures in one: laid in a grid, encoded within a budget; and the outline of a hole."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box
from reelmend.pipelines.media.sizes import Size

U8 = NDArray[np.uint8]

_UNIT = 16
"""Pixels that JPEG encodes together: pictures that begin at multiples of it do not run into each other."""
_BEST, _WORST = 84, 24
"""JPEG qualities: of a sheet that has room, and the last before it is blurred."""
_OTHERS = {78: 0.85, 72: 0.75, 64: 0.65, 56: 0.57, 48: 0.51, 40: 0.44, 32: 0.37, _WORST: 0.30}
"""Other qualities of JPEG, and about what share of the best one's bytes they take."""
_MOST_BLUR = 8.0  # pixels

_NOTHING, _LINE, _SHADE = 0, 1, 2
"""Colours of the outlines by number, as the palette of their PNG has them."""
_COLOURS, _OPACITIES = bytes((0, 0, 0, 255, 230, 60, 0, 0, 0)), bytes((0, 255, 120))
_BITS, _PALETTE = 2, 3
"""Of PNG's header: bits of a pixel, which hold those three, and the number of the colour type."""
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_SQUARE = np.ones((3, 3), np.uint8)


def slot(length: int) -> int:
    """Return the width or height that a picture of this length takes in a grid."""
    return -(-length // _UNIT) * _UNIT


def grid(pictures: Sequence[U8], columns: int) -> U8:
    """Lay pictures of one size in rows, each in a slot that its last row and column are drawn out to fill."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    laid = np.zeros((rows * slot(height), columns * slot(width), *pictures[0].shape[2:]), np.uint8)
    margin = [(0, slot(height) - height), (0, slot(width) - width), (0, 0)][: pictures[0].ndim]
    for number, picture in enumerate(pictures):
        top, left = number // columns * slot(height), number % columns * slot(width)
        laid[top : top + slot(height), left : left + slot(width)] = np.pad(picture, margin, mode="edge")
    return laid


def encode_pictures(grids: Sequence[U8], most_bytes: int) -> bytes:
    """Return one JPEG of RGB grids below each other, of the best quality that takes at most `most_bytes`."""
    width = max(laid.shape[1] for laid in grids)
    sheet = np.concatenate([np.pad(laid, [(0, 0), (0, width - laid.shape[1]), (0, 0)]) for laid in grids])
    sheet = cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR)
    first = jpeg = _jpeg(sheet, _BEST)
    for quality, share in _OTHERS.items():
        if len(jpeg) <= most_bytes:
            break
        if len(first) * share <= most_bytes:
            jpeg = _jpeg(sheet, quality)
    sigma = 1.0
    while len(jpeg) > most_bytes and sigma < _MOST_BLUR:  # grain that no quality makes small enough
        jpeg = _jpeg(cv2.GaussianBlur(sheet, (0, 0), sigma), _WORST)
        sigma *= 1.6
    return jpeg


def _jpeg(sheet: NDArray[Any], quality: int) -> bytes:
    return cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def ring(hole_HW: NDArray[np.bool_], size: Size) -> U8:
    """Return a line around the hole, scaled to `size`, as numbers of colours; it is outside the hole."""
    scaled = cv2.resize(hole_HW.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    inside = (scaled > 0).astype(np.uint8)
    line = cv2.dilate(inside, _CROSS)
    shade = cv2.dilate(line, _SQUARE)
    coloured: U8 = _SHADE * (shade - line) + _LINE * (line - inside)
    return coloured


def encode_outlines(rings: U8) -> bytes:
    """Return a PNG of what `ring` made, transparent beside the line; two bits per pixel, which OpenCV cannot write."""
    height, width = rings.shape
    packed = np.packbits(np.unpackbits(rings[..., None], axis=2)[..., -_BITS:].reshape(height, -1), axis=1)
    rows = np.pad(packed, [(0, 0), (1, 0)])  # before each row the number of its filter: 0, none
    header = struct.pack(">IIBBBBB", width, height, _BITS, _PALETTE, 0, 0, 0)
    chunks = {b"IHDR": header, b"PLTE": _COLOURS, b"tRNS": _OPACITIES, b"IDAT": zlib.compress(rows.tobytes(), 9)}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in (chunks | {b"IEND": b""}).items())


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def framed(picture: U8, box: Box, scale: float) -> U8:
    """Draw a thin line around `box`, which is given in pixels of the frame, into its small picture."""
    left, top, right, bottom = (round(edge * scale) for edge in box)
    height, width = picture.shape[:2]
    drawn = picture.copy()
    for grow, colour in ((0, (0, 0, 0)), (1, (255, 255, 255))):
        corner = (max(left, 0) + grow, max(top, 0) + grow)
        other = (min(right, width) - 1 - grow, min(bottom, height) - 1 - grow)
        cv2.rectangle(drawn, corner, other, colour, 1)
    return drawn
