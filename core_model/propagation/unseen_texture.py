"""Candidates for the pixels that no frame shows: texture found once, and carried to every frame of a block.

Before a camera that stands still each frame copies from its own pixels, at places that are found once: grain, light and
noise are the frame's own. Where the camera moves, a few anchor frames get texture that follows the scene's motion.

Legend: T frames, H W height and width, N the asked pixels of all frames.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propagation.camera import IN_PLACE, register_still
from reelmend.core_model.propagation.clean_pictures import CleanPictures
from reelmend.core_model.propagation.compiled import compiled
from reelmend.core_model.propagation.hole_motion import BACKGROUND, HoleMotion
from reelmend.core_model.propagation.pixel_tracks import Asked
from reelmend.core_model.propagation.still_scene import StillScene
from reelmend.core_model.propagation.texture import find_sources

_ANCHORS = 2  # frames of a moving shot whose texture is carried to the others
_FEWEST_PX = 64  # a frame with fewer such pixels is not used as an anchor: they become smooth
_THIN_PX, _DEEP_PX, _THIN_STRENGTH = 3.0, 10.0, 0.78
_MOVING_STRENGTH = 0.15  # of texture that is carried along motion: what is off by a little shows less
NOT_INVENTED = np.int16(32767)


Compose = Callable[[int], None]
ShotBegin = Callable[[], tuple[U8, Bool]]
Pixels = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Columns and rows."""


class Invented(NamedTuple):
    """Where each asked pixel is copied from; see `reelmend.core_model.propagation.pixel_tracks.Tracks`."""

    away: NDArray[np.int16]
    """[N] frames; 0 where a frame copies from itself, `NOT_INVENTED` where nothing was found."""
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    weight: NDArray[np.uint8]
    """[N], 0..255"""


class Invention(NamedTuple):
    """What was invented for a block."""

    sources: Invented | None = None
    strength: float = 1.0
    """How strong the texture is to show."""
    pictures: CleanPictures | None = None
    """What to copy from, if not from the frames themselves."""


def _nothing(asked: Asked) -> Invented:
    count = int(asked.first[-1])
    x, y = np.zeros((2, count), np.float32)
    return Invented(np.full(count, NOT_INVENTED), x, y, np.zeros(count, np.uint8))


def invent_still(
    restored_THWC: U8,
    masks_THW: Bool,
    asked: Asked,
    unseen_N: Bool,
    scene: StillScene,
    compose: Compose,
    shot_begin: ShotBegin | None,
) -> Invention:
    """Return sources for the unseen pixels of a still scene, in each frame itself or the frames around it.

    They are found in the shot's first frame if the camera stands where it stood then and the same was hidden, so that
    every block of the shot finds the same; else in a frame of the block, which `compose` makes whole but for them.
    """
    counts = np.array([np.count_nonzero(unseen_N[a:b]) for a, b in pairwise(asked.first)])
    if counts.max() < _FEWEST_PX:
        return Invention()
    frames_N = np.repeat(np.arange(len(masks_THW)), np.diff(asked.first))[unseen_N]
    pixels = asked.columns[unseen_N], asked.rows[unseen_N]
    found = _found_at_begin(restored_THWC, masks_THW, scene, frames_N, pixels, shot_begin)
    if found is None:
        passing = scene.passing.sum((1, 2), dtype=np.int64)
        anchor = int(np.argmin(np.where(counts >= 0.9 * counts.max(), passing, passing.max() + 1)))
        compose(anchor)
        place, picture, apart = scene.places[anchor], restored_THWC[anchor], masks_THW[anchor] | scene.passing[anchor]
        x, y, rows, columns = _seen_from(place, scene, frames_N, pixels, picture.shape[:2])
        hole = np.zeros(picture.shape[:2], np.bool_)
        hole[rows, columns] = True
        if not (scene.places == place).all():  # a camera that sways leaves gaps
            hole = cv2.morphologyEx(hole.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
        found = place, hole, find_sources(picture, hole, ~apart)
    place, hole, sources = found
    if sources is None:
        return Invention()
    height, width = hole.shape
    x, y, rows, columns = _seen_from(place, scene, frames_N, pixels, hole.shape)
    source_y, source_x = sources[rows, columns, 0] + (y - rows), sources[rows, columns, 1] + (x - columns)
    from_anchor = np.stack([_between(place, to) for to in scene.places])
    own_x, own_y = _moved(from_anchor, frames_N, source_x, source_y)
    at = np.rint(own_y).astype(np.intp), np.rint(own_x).astype(np.intp)
    inside = (at[0] >= 0) & (at[0] < height) & (at[1] >= 0) & (at[1] < width)
    at = at[0].clip(0, height - 1), at[1].clip(0, width - 1)
    window = slice(max(0, at[0].min() - 1), at[0].max() + 2), slice(max(0, at[1].min() - 1), at[1].max() + 2)
    window = slice(window[0].start, min(height, window[0].stop)), slice(window[1].start, min(width, window[1].stop))
    pictures = CleanPictures(restored_THWC, masks_THW, scene.passing, scene.places, window)
    there = inside & ~pictures.hidden()[at]
    return Invention(_candidate(asked, unseen_N, there, own_x, own_y), _strength(hole), pictures)


def _found_at_begin(
    frames_THWC: U8,
    masks_THW: Bool,
    scene: StillScene,
    frames_N: NDArray[np.intp],
    pixels: Pixels,
    shot_begin: ShotBegin | None,
) -> tuple[NDArray[np.float64], Bool, NDArray[np.int32] | None] | None:
    """Return the place of the shot's first frame, its hole and its sources; None where it cannot serve."""
    if shot_begin is None:
        return None
    picture, hole = shot_begin()
    moved = register_still(np.stack((picture, frames_THWC[0])), np.stack((hole, masks_THW[0])))
    if moved is None or not hole.any():
        return None
    place = _between(moved[1], IN_PLACE)
    _, _, rows, columns = _seen_from(place, scene, frames_N, pixels, hole.shape)
    grown = cv2.dilate(hole.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if not grown[rows, columns].all():
        return None
    return place, grown, find_sources(picture, grown, ~grown)


def _seen_from(
    place: NDArray[np.float64], scene: StillScene, frames_N: NDArray[np.intp], pixels: Pixels, size: tuple[int, ...]
) -> tuple[NDArray[np.number], NDArray[np.number], NDArray[np.integer], NDArray[np.integer]]:
    """Return (x, y, row, column) of pixels of the block's frames in a frame at that place."""
    if (scene.places == place).all():
        return pixels[0], pixels[1], pixels[1], pixels[0]
    towards = np.stack([_between(away, place) for away in scene.places])
    x, y = _moved(towards, frames_N, *pixels)
    rows, columns = np.rint(y).astype(np.intp).clip(0, size[0] - 1), np.rint(x).astype(np.intp).clip(0, size[1] - 1)
    return x, y, rows, columns


def _candidate(asked: Asked, unseen_N: Bool, taken: Bool, x: NDArray[np.float64], y: NDArray[np.float64]) -> Invented:
    candidate = _nothing(asked)
    candidate.away[unseen_N] = np.where(taken, 0, NOT_INVENTED)
    candidate.x[unseen_N], candidate.y[unseen_N] = x, y
    candidate.weight[unseen_N] = taken * np.uint8(255)
    return candidate


def _strength(hole: Bool) -> float:
    """How strong texture is to show in a hole: less in a thin one, whose rim says most already."""
    depth = float(cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3).max())
    return float(np.interp(depth, (_THIN_PX, _DEEP_PX), (_THIN_STRENGTH, 1.0)))


def invent_moving(
    restored_THWC: U8, masks_THW: Bool, asked: Asked, unseen_N: Bool, motion: HoleMotion, compose: Compose
) -> Invention:
    """Return sources for the unseen pixels of a scene that moves: in a few anchor frames, along the background."""
    invented = _nothing(asked)
    left_N = unseen_N.copy()
    for _ in range(_ANCHORS):
        counts = np.array([np.count_nonzero(left_N[a:b]) for a, b in pairwise(asked.first)])
        anchor = int(np.argmax(counts))
        if counts[anchor] < _FEWEST_PX:
            break
        part = slice(int(asked.first[anchor]), int(asked.first[anchor + 1]))
        hole = np.zeros(masks_THW.shape[1:], np.bool_)
        hole[asked.rows[part][left_N[part]], asked.columns[part][left_N[part]]] = True
        compose(anchor)
        sources = find_sources(restored_THWC[anchor], hole, ~masks_THW[anchor])
        if sources is None:
            left_N[part] = False
            continue
        asked_for = asked.first, asked.rows, asked.columns
        there, back = motion.models
        _lead(masks_THW, *asked_for, left_N, there, back, motion.valid, motion.holes, anchor, sources, *invented[:3])
        left_N &= invented.away == NOT_INVENTED
        left_N[part] = False
    invented.weight[invented.away != NOT_INVENTED] = 255
    return Invention(invented, _MOVING_STRENGTH)


def _between(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The place of one frame as seen from another one's."""
    turn = second[:, 1:] @ np.linalg.inv(first[:, 1:])
    return np.column_stack((second[:, 0] - turn @ first[:, 0], turn))


def _moved(
    places_T23: NDArray[np.float64], frames_N: NDArray[np.intp], x_N: NDArray[np.number], y_N: NDArray[np.number]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where pixels of frames lie at these frames' places."""
    if (places_T23 == IN_PLACE).all():
        return x_N.astype(np.float64), y_N.astype(np.float64)
    moved = (
        places_T23[frames_N, d, 0] + places_T23[frames_N, d, 1] * x_N + places_T23[frames_N, d, 2] * y_N for d in (0, 1)
    )
    x, y = moved
    return x, y


@compiled
def _lead(masks, first, rows, columns, unseen, there, back, valid, holes, anchor, sources, away, to_x, to_y):  # type: ignore[no-untyped-def]
    """Follow the unseen pixels of all frames to the anchor, and take the sources found there."""
    frames, height, width = masks.shape
    h, w = holes.shape[1:]
    for direction in (-1, 1):  # towards the anchor, from later frames and from earlier ones
        at_x, at_y = np.full((height, width), np.float32(-1)), np.full((height, width), np.float32(-1))
        for n in range(first[anchor], first[anchor + 1]):
            if unseen[n]:
                y, x = rows[n], columns[n]
                at_x[y, x], at_y[y, x] = x, y
                away[n], to_y[n], to_x[n] = 0, sources[y, x, 0], sources[y, x, 1]
        t = anchor
        while 0 <= t - direction < frames:
            s = t
            t -= direction
            pair = t if direction == 1 else s
            found = 0
            fresh_x, fresh_y = (
                np.empty(first[t + 1] - first[t], np.float32),
                np.empty(first[t + 1] - first[t], np.float32),
            )
            for n in range(first[t], first[t + 1]):
                i = n - first[t]
                fresh_x[i] = -1
                if not unseen[n]:
                    continue
                y, x = rows[n], columns[n]
                k = holes[pair, min(int((y + 0.5) * h / height), h - 1), min(int((x + 0.5) * w / width), w - 1)]
                if not valid[pair, k, BACKGROUND]:
                    continue
                m = there[pair, k, BACKGROUND] if direction == 1 else back[pair, k, BACKGROUND]
                px, py = x + m[0, 0] + m[0, 1] * x + m[0, 2] * y, y + m[1, 0] + m[1, 1] * x + m[1, 2] * y
                qx, qy = int(np.rint(px)), int(np.rint(py))
                if not (0 <= qx < width and 0 <= qy < height) or at_x[qy, qx] < 0:
                    continue
                ax, ay = at_x[qy, qx] + np.float32(px - qx), at_y[qy, qx] + np.float32(py - qy)
                ix, iy = int(np.rint(ax)), int(np.rint(ay))
                if not (0 <= ix < width and 0 <= iy < height):
                    continue
                fresh_x[i], fresh_y[i] = ax, ay
                away[n] = anchor - t
                to_x[n] = min(max(sources[iy, ix, 1] + (ax - ix), np.float32(0)), np.float32(width - 1))
                to_y[n] = min(max(sources[iy, ix, 0] + (ay - iy), np.float32(0)), np.float32(height - 1))
                found += 1
            for n in range(first[s], first[s + 1]):
                at_x[rows[n], columns[n]] = -1
            if not found:
                break
            for n in range(first[t], first[t + 1]):
                i = n - first[t]
                if fresh_x[i] >= 0:
                    at_x[rows[n], columns[n]], at_y[rows[n], columns[n]] = fresh_x[i], fresh_y[i]
