"""States of a place: the different pictures that it has shown, and the samples of each.

Samples of a still camera are one picture many times: statistics over them would make the whole scene an overlay. Each
place, with its surroundings, counts a sample only if it differs from all that it has counted before.
Legend: n samples, h w cells of `CELL` pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.pipelines.media.masks.sources.clip import U8

F32 = NDArray[np.float32]
CELL = 8
LEAST_STATES = 5
"""Different pictures behind an edge, below which its staying may be chance."""
_NEAR, _FAR = 7, 25
"""Cells across of the surroundings that make a state, 56 px; and 200 px inside of what hides all that is nearer."""
_DIFFERENT = 3.5
"""Mean difference of cells, in grey levels, from which on surroundings are others."""
_SAME_SCENE = 0.97
"""Correlation of whole pictures from which on a gain between them is taken for light or a fade."""


def distinct(pictures_NHW: U8) -> NDArray[np.bool_]:
    """Return for each sample and cell whether it shows something new there: bool [n, h, w]."""
    cells = _without_light(np.stack([_shrunk(picture) for picture in pictures_NHW]))
    near = _new(cells, _NEAR)
    still = near.sum(axis=0) < LEAST_STATES
    return np.where(still, _new(cells, _FAR), near) if still.any() else near


def trust(states: F32) -> F32:
    """Return by how much to shrink a mean in standard errors that are themselves of so few states."""
    return np.asarray(states / (states + 4), np.float32)


def _new(cells: F32, around: int) -> NDArray[np.bool_]:
    counted = np.zeros(cells.shape, np.bool_)
    counted[0] = True
    for index in range(1, len(cells)):
        nearest = np.full(cells.shape[1:], np.inf, np.float32)
        for earlier in range(index):
            if counted[earlier].any():
                distance = cv2.blur(cv2.absdiff(cells[index], cells[earlier]), (around, around))
                nearest = np.where(counted[earlier], np.minimum(nearest, distance), nearest)
        counted[index] = nearest > _DIFFERENT
    return counted


def _shrunk(picture: U8) -> F32:
    height, width = picture.shape
    size = (max(1, -(-width // CELL)), max(1, -(-height // CELL)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _without_light(cells: F32) -> F32:
    """Return cells brought to the light of the median picture, where they show the same scene."""
    median = np.median(cells, axis=0)
    centred = median - median.mean()
    energy = float((centred**2).sum())
    out = cells.copy()
    for index, one in enumerate(cells):
        own = one - one.mean()
        own_energy, both = float((own**2).sum()), float((own * centred).sum())
        if own_energy > 0 and energy > 0 and both / np.sqrt(own_energy * energy) > _SAME_SCENE:
            out[index] = own * (both / own_energy) + median.mean()
    return out
