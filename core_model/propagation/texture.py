"""Texture for what no frame shows, taken from the surroundings.

Patch by patch the hole continues what is found elsewhere in the picture, from coarse to fine (Wexler et al.,
"Space-Time Completion of Video", 2007; Newson et al., "Video Inpainting of Complex Scenes", 2014, for the measure of
texture), with nearest patches found as in Barnes et al., "PatchMatch", 2009. What comes out is where each pixel is to
be copied from, so that it is as sharp as its source, and as grainy in every frame.

Legend: H W height and width of a window around the hole, C channels. All randomness is drawn from positions: the same
picture gives the same texture on every machine.
"""

import hashlib
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propagation.compiled import compiled

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

_REACH_PX = 96  # how far around the hole texture is taken from, at least
_RADIUS = 3  # of a patch
_TEXTURE_WEIGHT = 2.0  # of the mean gradients against the colours
_COARSEST_RADIUS_PX = 2.5  # of the hole at the coarsest level
# What is known counts most, what was filled less the farther from it: structure is continued from the rim inwards.
_TRUST_KEPT, _LEAST_TRUST = 0.75, 0.15
_ROUNDS_COARSE, _ROUNDS_FINE = 8, 2
_SEARCHES = 2
_MOST_COMPARED = 1_000_000  # pairs of patches at the coarsest level


_MOST_KEPT = 4
_found_lately: dict[bytes, I32 | None] = {}


class _Level(NamedTuple):
    image: F32  # [H, W, C]: colours and texture
    hole: Bool
    source: Bool  # pixels whose whole patch is known


def find_sources(picture_HWC: U8, hole_HW: Bool, usable_HW: Bool) -> I32 | None:
    """Return [H, W, 2] (row, column) of the pixel that each pixel of the hole is to be copied from; others lie where
    they are. None where nothing around can be a source.

    `usable` are the pixels that may be copied. What the picture holds in the hole is not read.
    """
    rows, columns = np.flatnonzero(hole_HW.any(1)), np.flatnonzero(hole_HW.any(0))
    reach = max(_REACH_PX, int(rows[-1] - rows[0] + 1) // 2, int(columns[-1] - columns[0] + 1) // 2)
    height, width = hole_HW.shape
    top, bottom = max(0, int(rows[0]) - reach), min(height, int(rows[-1]) + 1 + reach)
    left, right = max(0, int(columns[0]) - reach), min(width, int(columns[-1]) + 1 + reach)
    window = slice(top, bottom), slice(left, right)
    hole, picture = np.ascontiguousarray(hole_HW[window]), np.ascontiguousarray(picture_HWC[window])
    found = _of_hole(picture, hole, np.ascontiguousarray(usable_HW[window]))
    if found is None:
        return None
    sources: I32 = np.indices((height, width), np.int32).transpose(1, 2, 0).copy()
    sources[window][hole] = found + np.array([top, left], np.int32)
    return sources


def _of_hole(picture: U8, hole: Bool, usable: Bool) -> I32 | None:
    """[N, 2] sources of the hole's pixels. Blocks of a shot ask for the same ones, so the last few are kept."""
    key = hashlib.sha256(
        b"".join((repr(hole.shape).encode(), picture.tobytes(), np.packbits([hole, usable]).tobytes()))
    )
    digest = key.digest()
    if digest not in _found_lately:
        levels = _pyramid(picture, hole, usable & ~hole)
        while len(_found_lately) >= _MOST_KEPT:
            _found_lately.pop(next(iter(_found_lately)))
        _found_lately[digest] = _search(levels)[hole] if levels else None
    return _found_lately[digest]


def _pyramid(picture: U8, hole: Bool, usable: Bool) -> list[_Level]:
    """The picture and its texture at ever coarser levels, the finest first; empty where no patch can be a source."""
    image = picture.astype(np.float32)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    known = ~hole
    texture = []
    for kernel in (np.array([[-1.0, 1.0]]), np.array([[-1.0], [1.0]])):
        step = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel))
        whole = cv2.erode(known.astype(np.uint8), np.ones((2, 2), np.uint8)).astype(np.float32)
        share = cv2.boxFilter(whole, -1, (9, 9), normalize=False)
        texture.append(cv2.boxFilter(step * whole, -1, (9, 9), normalize=False) / np.maximum(share, 1))
    stacked = np.dstack((image, *(np.float32(_TEXTURE_WEIGHT) * t for t in texture)))
    levels: list[_Level] = []
    while True:
        source = _whole_patches(usable)
        if not source.any():
            break
        levels.append(_Level(stacked, hole, source))
        depth = float(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3).max())
        if depth <= _COARSEST_RADIUS_PX or min(hole.shape) < 24:
            break
        stacked, hole, usable = _halved(stacked, hole, usable)
    return levels


def _whole_patches(usable: Bool) -> Bool:
    size = 2 * _RADIUS + 1
    kernel = np.ones((size, size), np.uint8)
    whole = cv2.erode(usable.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(whole > 0, np.bool_)


def _halved(stacked: F32, hole: Bool, usable: Bool) -> tuple[F32, Bool, Bool]:
    """Half the size: means of what is known of two by two pixels."""
    height, width = hole.shape
    pad = ((0, height % 2), (0, width % 2))
    known = np.pad((~hole).astype(np.float32), pad)
    image = np.pad(stacked, (*pad, (0, 0)), mode="edge") * known[..., None]
    fours = image[0::2, 0::2] + image[1::2, 0::2] + image[0::2, 1::2] + image[1::2, 1::2]
    count = known[0::2, 0::2] + known[1::2, 0::2] + known[0::2, 1::2] + known[1::2, 1::2]
    may = np.pad(usable, pad)
    usable = may[0::2, 0::2] & may[1::2, 0::2] & may[0::2, 1::2] & may[1::2, 1::2]
    if not usable.any():  # too little is left: half known does
        usable = may[0::2, 0::2] | may[1::2, 1::2]
    return np.ascontiguousarray(fours / np.maximum(count, 1)[..., None]), count < 1, np.ascontiguousarray(usable)


def _search(levels: list[_Level]) -> I32:
    """Return for every pixel of the hole the source pixel [H, W, 2] (row, column) that it is copied from."""
    nearest: I32 | None = None
    for number in range(len(levels) - 1, -1, -1):
        level = levels[number]
        target = cv2.dilate(level.hole.astype(np.uint8), np.ones((2 * _RADIUS + 1,) * 2, np.uint8)) > 0
        image = level.image.copy()
        if nearest is None:
            depth = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3)
            nearest = np.zeros((*level.hole.shape, 2), np.int32)
            _peel(image, level.hole, target, level.source, np.argsort(depth[level.hole], kind="stable"), nearest)
        else:
            nearest = _doubled(nearest, level.hole.shape)
            _settle(nearest, target, level.source, number)
            _vote(image, level.hole, target, nearest, np.zeros(level.hole.shape, np.float32), np.float32(1))
        depth = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3)
        trust = np.maximum(np.float32(_LEAST_TRUST), np.float32(_TRUST_KEPT) ** depth).astype(np.float32)
        rounds = _ROUNDS_FINE if number == 0 else _ROUNDS_COARSE
        distances = np.empty(level.hole.shape, np.float32)
        for round_ in range(rounds):
            _improve(image, trust, target, level.source, nearest, distances, _SEARCHES, 1000 * number + 10 * round_)
            if number or round_ + 1 < rounds:
                spread = np.float32(np.percentile(distances[target], 75) + 1)
                _vote(image, level.hole, target, nearest, distances, spread)
    assert nearest is not None
    return nearest


def _doubled(nearest: I32, shape: tuple[int, int]) -> I32:
    height, width = shape
    rows, columns = np.arange(height), np.arange(width)
    doubled = 2 * nearest[rows[:, None] // 2, columns[None] // 2]
    doubled[..., 0] += (rows % 2)[:, None]
    doubled[..., 1] += (columns % 2)[None]
    return np.ascontiguousarray(doubled.astype(np.int32))


@compiled
def _drawn(y, x, salt, most):  # type: ignore[no-untyped-def]
    """A number in [0, most), from a position: a few rounds of integer mixing."""
    h = np.uint64(y) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(x) * np.uint64(0xC2B2AE3D27D4EB4F)
    h ^= np.uint64(salt) * np.uint64(0x165667B19E3779F9)
    h ^= h >> np.uint64(31)
    h *= np.uint64(0x7FB5D329728EA185)
    h ^= h >> np.uint64(27)
    h *= np.uint64(0x81DADEF4BC2DD44D)
    h ^= h >> np.uint64(33)
    return np.int64(h % np.uint64(most))


@compiled
def _peel(image, hole, target, source, order, nearest):  # type: ignore[no-untyped-def]
    """Fill the hole from its rim inwards, pixel by pixel, by the best of all sources for what is known around it."""
    height, width, channels = image.shape
    known = ~hole
    rows, columns = np.nonzero(hole)
    source_rows, source_columns = np.nonzero(source)
    step = 1 + len(order) * len(source_rows) // _MOST_COMPARED  # where even the coarsest level is large
    for i in range(len(order) + height * width):
        inside = i < len(order)
        y, x = (rows[order[i]], columns[order[i]]) if inside else ((i - len(order)) // width, (i - len(order)) % width)
        if not inside and (hole[y, x] or not target[y, x]):
            continue
        best = np.float32(1e30)
        for j in range(0, len(source_rows), step):
            r, c = source_rows[j], source_columns[j]
            total, count = np.float32(0), 0
            for dy in range(-_RADIUS, _RADIUS + 1):
                for dx in range(-_RADIUS, _RADIUS + 1):
                    if 0 <= y + dy < height and 0 <= x + dx < width and known[y + dy, x + dx]:
                        for k in range(channels):
                            miss = image[y + dy, x + dx, k] - image[r + dy, c + dx, k]
                            total += miss * miss
                        count += 1
            if count and total / np.float32(count) < best:
                best = total / np.float32(count)
                nearest[y, x, 0], nearest[y, x, 1] = r, c
        if inside:
            if best == np.float32(1e30):
                nearest[y, x, 0], nearest[y, x, 1] = source_rows[0], source_columns[0]
            for k in range(channels):
                image[y, x, k] = image[nearest[y, x, 0], nearest[y, x, 1], k]
            known[y, x] = True


@compiled
def _settle(nearest, target, source, salt):  # type: ignore[no-untyped-def]
    """Replace what is not a source at this level by one close to it, or by one drawn."""
    rows, columns = np.nonzero(source)
    height, width = target.shape
    for y in range(height):
        for x in range(width):
            if not target[y, x]:
                continue
            r, c = nearest[y, x, 0], nearest[y, x, 1]
            found = False
            for distance in range(4):
                for dy in range(-distance, distance + 1):
                    for dx in range(-distance, distance + 1):
                        a, b = r + dy, c + dx
                        if not found and 0 <= a < height and 0 <= b < width and source[a, b]:
                            nearest[y, x, 0], nearest[y, x, 1] = a, b
                            found = True
            if not found:
                i = _drawn(y, x, salt + 7, len(rows))
                nearest[y, x, 0], nearest[y, x, 1] = rows[i], columns[i]


@compiled
def _distance(image, trust, y, x, r, c, most):  # type: ignore[no-untyped-def]
    """Mean square difference of two patches, by the trust in the first one's pixels; what is outside is left out."""
    height, width, channels = image.shape
    total, count = np.float32(0), np.float32(0)
    for dy in range(-_RADIUS, _RADIUS + 1):
        if not 0 <= y + dy < height:
            continue
        for dx in range(-_RADIUS, _RADIUS + 1):
            if not 0 <= x + dx < width:
                continue
            square = np.float32(0)
            for k in range(channels):
                miss = image[y + dy, x + dx, k] - image[r + dy, c + dx, k]
                square += miss * miss
            total += trust[y + dy, x + dx] * square
            count += trust[y + dy, x + dx]
        if total > most * np.float32((2 * _RADIUS + 1) ** 2):
            break
    return total / count


@compiled
def _improve(image, trust, target, source, nearest, distances, searches, salt):  # type: ignore[no-untyped-def]
    """Look for nearer patches: the neighbours' sources moved along, and draws ever closer to the own one."""
    height, width = target.shape
    huge = np.float32(1e30)
    for y in range(height):
        for x in range(width):
            if target[y, x]:
                distances[y, x] = _distance(image, trust, y, x, nearest[y, x, 0], nearest[y, x, 1], huge)
    for search in range(searches):
        forward = search % 2 == 0
        for i in range(height * width):
            j = i if forward else height * width - 1 - i
            y, x = j // width, j % width
            if not target[y, x]:
                continue
            best, r, c = distances[y, x], nearest[y, x, 0], nearest[y, x, 1]
            back = -1 if forward else 1
            for side in range(2):
                ny, nx = y + (back if side else 0), x + (0 if side else back)
                if 0 <= ny < height and 0 <= nx < width and target[ny, nx]:
                    a, b = nearest[ny, nx, 0] - (ny - y), nearest[ny, nx, 1] - (nx - x)
                    if 0 <= a < height and 0 <= b < width and source[a, b]:
                        d = _distance(image, trust, y, x, a, b, best)
                        if d < best:
                            best, r, c = d, a, b
            reach, tries = max(height, width) // 2, 0
            while reach >= 1:
                a = r + _drawn(y, x, salt + 100 * search + 2 * tries, 2 * reach + 1) - reach
                b = c + _drawn(y, x, salt + 100 * search + 2 * tries + 1, 2 * reach + 1) - reach
                if 0 <= a < height and 0 <= b < width and source[a, b]:
                    d = _distance(image, trust, y, x, a, b, best)
                    if d < best:
                        best, r, c = d, a, b
                reach //= 2
                tries += 1
            distances[y, x], nearest[y, x, 0], nearest[y, x, 1] = best, r, c


@compiled
def _vote(image, hole, target, nearest, distances, spread):  # type: ignore[no-untyped-def]
    """Every pixel of the hole becomes the mean of what the patches over it say."""
    height, width, channels = image.shape
    mixed = np.zeros(channels, np.float32)
    fresh = image.copy()
    for y in range(height):
        for x in range(width):
            if not hole[y, x]:
                continue
            mixed[:] = 0
            count = np.float32(0)
            for dy in range(-_RADIUS, _RADIUS + 1):
                for dx in range(-_RADIUS, _RADIUS + 1):
                    a, b = y + dy, x + dx
                    if not (0 <= a < height and 0 <= b < width) or not target[a, b]:
                        continue
                    r, c = nearest[a, b, 0] - dy, nearest[a, b, 1] - dx
                    weight = np.exp(-distances[a, b] / (2 * spread)) + np.float32(1e-6)
                    for k in range(channels):
                        mixed[k] += weight * image[r, c, k]
                    count += weight
            for k in range(channels):
                fresh[y, x, k] = mixed[k] / count
    image[:] = fresh
