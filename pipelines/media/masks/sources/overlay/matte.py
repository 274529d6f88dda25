"""Pixels of a logo: where the mean picture departs from its surroundings, and where less of the picture shows through.

The mean over the states of the surroundings is smooth but for the logo. Its significant gradients, integrated from the
box's border inwards, are the logo without the background; so is, for what hides the background, how little the luma
moves.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.boxes import Box, bounding_box
from reelmend.pipelines.media.masks.sources.base import Bool
from reelmend.pipelines.media.masks.sources.clip import U8
from reelmend.pipelines.media.masks.sources.overlay.logo import F32
from reelmend.pipelines.media.masks.sources.overlay.states import CELL

_PAD_PX = 12
_SIGNIFICANT = 2.5
"""Standard errors of a gradient that is integrated."""
_LEAST_GRADIENT = 0.8
_LEAST_LEVEL = 2.5
"""Levels by which a logo's pixel departs."""
_OF_NEAR, _OF_ALL = 0.25, 0.12
"""Share of the largest departure within `_NEAR_PX`, and of the logo's, that makes a pixel the logo's."""
_NEAR_PX = 7
_HIDING = 0.4
"""Spread of the luma over that of the surroundings, below which the background is hidden."""
_DIMMED = 0.75
"""The same inside of an outline, below which the hole is part of the logo."""
_SMALL_HOLE = 12
_LEAST_PIXELS = 12


def pixels_of(pictures_NHW: U8, counted: NDArray[np.bool_], label: Bool, whole: Bool, spread: F32) -> Bool | None:
    """Return the mask [h, w] of a logo, None if there is none: `label` has its edges and the gaps between them, `whole`
    also the ground that they stand on."""
    height, width = label.shape
    box = bounding_box(whole)
    if box is None:
        return None
    left, top = max(0, box[0] - _PAD_PX), max(0, box[1] - _PAD_PX)
    right, bottom = min(width, box[2] + _PAD_PX), min(height, box[3] + _PAD_PX)
    place = (slice(top, bottom), slice(left, right))
    chosen = _chosen(counted, (left, top, right, bottom))
    hull = cv2.dilate(whole[place].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    hull = _filled(hull)
    departure = np.abs(_departure(pictures_NHW[chosen][:, *place].astype(np.float32), hull))
    near = cv2.dilate(departure, np.ones((2 * _NEAR_PX + 1,) * 2, np.uint8))
    level = np.maximum(_LEAST_LEVEL, np.maximum(_OF_NEAR * near, _OF_ALL * departure.max()))
    outside = spread[place][~hull]
    around = float(np.median(outside)) if outside.size else 0.0
    shows = np.asarray(cv2.blur(spread[place], (3, 3)) / max(around, 1e-3), np.float32)
    ground = whole[place] & ~label[place]
    mask = hull & ((departure > level) | (shows < _HIDING) | ground)
    mask = _with_holes(_without_specks(mask), shows)
    if int(mask.sum()) < _LEAST_PIXELS:
        return None
    whole = np.zeros((height, width), np.bool_)
    whole[place] = mask
    return whole


def _chosen(counted: NDArray[np.bool_], box: Box) -> NDArray[np.intp]:
    """Return samples that are something new at a good part of the box."""
    cells = counted[:, box[1] // CELL : -(-box[3] // CELL), box[0] // CELL : -(-box[2] // CELL)]
    share = cells.mean(axis=(1, 2))
    return np.nonzero(share >= 0.5 * share.max())[0]


def _departure(pictures: F32, hull: Bool) -> F32:
    """Return by how many levels the mean of pictures [n, h, w] departs from what surrounds the hull."""
    count = len(pictures)
    fields = []
    for axis in (2, 1):
        step = np.diff(pictures, axis=axis, append=pictures.take([-1], axis=axis))
        mean, error = step.mean(axis=0), np.sqrt(step.var(axis=0) + 1) / np.sqrt(count) * (1 + 4 / count)
        fields.append(
            np.where((np.abs(mean) > _SIGNIFICANT * error) & (np.abs(mean) > _LEAST_GRADIENT) & hull, mean, 0)
        )
    integrated = _integrated(*fields)
    return np.asarray(integrated - np.median(integrated[~hull]) if (~hull).any() else integrated, np.float32)


def _integrated(across: F32, down: F32) -> F32:
    """Return the picture whose forward differences are nearest to the given ones: a Poisson equation, by cosines."""
    height, width = across.shape
    divergence = across.copy()
    divergence[:, 1:] -= across[:, :-1]
    divergence += down
    divergence[1:] -= down[:-1]
    even = cv2.copyMakeBorder(divergence, 0, height % 2, 0, width % 2, cv2.BORDER_CONSTANT)  # what cv2.dct asks for
    rows, columns = (2 * np.cos(np.pi * np.arange(side) / side) - 2 for side in even.shape)
    scale = rows[:, None] + columns[None]
    scale[0, 0] = 1
    spectrum = cv2.dct(even.astype(np.float64)) / scale
    spectrum[0, 0] = 0
    return np.asarray(cv2.idct(spectrum)[:height, :width], np.float32)


def _filled(mask: Bool) -> Bool:
    """Return a mask with everything inside of its outlines."""
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    cv2.floodFill(padded, None, (0, 0), 2)
    return np.asarray(padded[1:-1, 1:-1] != 2, np.bool_)


def _without_specks(mask: Bool) -> Bool:
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    kept = boxes[:, cv2.CC_STAT_AREA] >= 4
    kept[0] = False
    return np.asarray(kept[labels], np.bool_) if count > 1 else mask


def _with_holes(mask: Bool, shows: F32) -> Bool:
    """Return a mask with the holes filled that are part of the logo: tiny ones, and those that dim what is behind."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((_filled(mask) & ~mask).astype(np.uint8), connectivity=4)
    out = mask.copy()
    for index in range(1, count):
        hole = labels == index
        if boxes[index, cv2.CC_STAT_AREA] <= _SMALL_HOLE or float(shows[hole].mean()) < _DIMMED:
            out |= hole
    return out
