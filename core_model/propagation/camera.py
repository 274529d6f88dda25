"""Registration of the frames of a camera that stands still, or sways a little.

Every frame is aligned with a reference frame directly, by robust least squares on the pictures' detail (Baker and
Matthews, "Lucas-Kanade 20 Years On", 2004), never by adding up motion from frame to frame: nothing drifts. Pictures
judge, not flow, which is unreliable on plain surfaces, most of all where something passes.

Legend: T frames, H W height and width. A place [2, 3] gives a frame's (x, y) from (1, x, y) of the block's first frame.
"""

from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propagation.compiled import compiled
from reelmend.core_model.propagation.lucas_kanade import align, detail
from reelmend.core_model.propagation.shift_search import search

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

IN_PLACE: F64 = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])

_REFERENCE_EVERY = 10  # frames; a drift of a tenth of a pixel per frame shows over this many
_REFERENCES_TRIED = 3
_FARTHEST_PX = 12.0  # a camera that moves farther over a block does not stand
_SWAY_PX = 1.5  # from frame to frame, of a hand that tries to hold still
_IN_PLACE_PX = 0.25  # one that sways by less is taken to stand: its pixels are copied, not resampled
_TILE_PX = 16
_CALM_PX = 1.0  # grain is lost between pixels: least squares would stay on whole ones
_SHIFT_PX = 2
_DECISIVE = 1.15  # a tile tells something if a shift changes its difference by this factor
_DECISIVE_LEVELS = 0.15
_STANDING_TILES = 0.3  # share of the telling tiles that have to agree: the others may be covered by what passes
_FEWEST_TILES = 4
_FOUND_AGAIN = 0.7  # of a tile's detail: what differs more shows something else
_DETAILED_LEVELS = 2.0
_WIDER = 1.25
_FAVOUR = 0.002  # of its detail, for every pixel that a searched shift is off the expected one
_AFFINE_TILES = 24  # with fewer, places are shifts alone
_STANDING_FRAMES = 0.85
_FEWEST_SAMPLED = 10_000  # pixels of which the most telling align two frames


class _Pair(NamedTuple):
    """Two pictures' detail [H, W], and where it is worth nothing."""

    fixed: F32
    moving: F32
    hidden_fixed: Bool
    hidden_moving: Bool


class _Verdict(NamedTuple):
    """Whether the scene stands between two pictures."""

    stands: bool
    standing: int
    moving: int
    """How many tiles say so, and how many say the contrary."""
    telling: Bool
    """[H, W]: the tiles that tell where the picture lies."""


def register_still(frames_THWC: U8, masks_THW: Bool) -> F64 | None:
    """Return every frame's place, [T, 2, 3], or None where the camera moves; in place as well where nothing tells."""
    frames = len(frames_THWC)
    places = np.repeat(IN_PLACE[None], frames, 0)
    if frames < 2:
        return places
    details = {t: detail(frames_THWC[t], _CALM_PX) for t in range(0, frames, _REFERENCE_EVERY)}
    references = sorted(details)
    failed = 0
    for before, t in pairwise(references):
        found = _register(details, masks_THW, 0, t, places[before])
        if found is None:
            # What the first frame showed may be covered by now: go by the last reference.
            found = _register(details, masks_THW, before, t, IN_PLACE)
            found = None if found is None else _combined(found, places[before])
        if found is None:
            failed += _REFERENCE_EVERY
            if failed > (1 - _STANDING_FRAMES) * frames:
                return None
            found = places[before]
        places[t] = found
    failed = 0
    for t in range(frames):
        if t in details:
            continue
        details[t] = detail(frames_THWC[t], _CALM_PX)
        nearest, *others = sorted(references, key=lambda other: abs(other - t))[:_REFERENCES_TRIED]
        found = _register(details, masks_THW, nearest, t, IN_PLACE)
        for reference in others if found is None else ():
            found = _register(details, masks_THW, reference, t, IN_PLACE, least_standing=_FEWEST_TILES)
            nearest = reference
            if found is not None:
                break
        del details[t]
        if found is None:
            failed += 1
            if failed > (1 - _STANDING_FRAMES) * frames:
                return None
            places[t] = places[t - 1]
        else:
            places[t] = _combined(found, places[nearest])
    height, width = masks_THW.shape[1:]
    corners = np.array([[1, x, y] for x in (0, width - 1) for y in (0, height - 1)], np.float64)
    moved = corners @ (places - IN_PLACE).transpose(0, 2, 1)
    if np.abs(moved).max() > _FARTHEST_PX:
        return None
    if np.abs(moved).max() < _IN_PLACE_PX:
        places[:] = IN_PLACE
    return places


def _combined(second: F64, first: F64) -> F64:
    """The place that `second` gives to what `first` gives."""
    combined = np.empty((2, 3))
    combined[:, 1:] = second[:, 1:] @ first[:, 1:]
    combined[:, 0] = second[:, 1:] @ first[:, 0] + second[:, 0]
    return combined


def _register(
    details: dict[int, F32], masks: Bool, reference: int, t: int, start: F64, least_standing: int = 0
) -> F64 | None:
    """Return frame t's place relative to the reference, or None where they do not agree, in as many tiles as asked."""
    pictures = _Pair(details[reference], details[t], _hidden(masks[reference]), _hidden(masks[t]))
    verdict = _compare(pictures, start)
    if verdict.stands and verdict.standing >= _FEWEST_TILES:
        refined = _refined(pictures, start, verdict)
        return None if refined is None else refined[0]
    found = [_refined(pictures, start, verdict)] if verdict.stands else []
    searched = _searched(pictures, start, min(int(_FARTHEST_PX), 2 + int(_SWAY_PX * abs(t - reference))))
    if searched is not None:
        verdict = _compare(pictures, searched)
        if verdict.stands:
            found.append(_refined(pictures, searched, verdict))
    stand = [refined for refined in found if refined is not None and refined[1].standing >= least_standing]
    return max(stand, key=lambda refined: refined[1].standing - refined[1].moving)[0] if stand else None


def _refined(pictures: _Pair, start: F64, verdict: _Verdict) -> tuple[F64, _Verdict] | None:
    """Return the place near `start` at which the pictures agree best, and what they say there."""
    affine = int(verdict.telling.sum()) >= _AFFINE_TILES * _TILE_PX**2
    apart = pictures.hidden_fixed | ~verdict.telling if affine else pictures.hidden_fixed
    step = max(2, int(np.sqrt(pictures.fixed.size / _FEWEST_SAMPLED)))
    place = align(pictures.fixed, pictures.moving, apart, pictures.hidden_moving, start, affine, step)
    height, width = pictures.fixed.shape
    corners = np.array([[1, x, y] for x in (0, width - 1) for y in (0, height - 1)], np.float64)
    moved = np.abs(corners @ (place - start).T).max()
    if moved > _SHIFT_PX:
        return start, verdict
    if moved < _IN_PLACE_PX:
        return place, verdict
    refined = _compare(pictures, place)
    if not refined.stands:
        return None
    better = refined.standing - refined.moving > verdict.standing - verdict.moving
    return (place, refined) if better or refined.standing >= _FEWEST_TILES else (start, verdict)


def _searched(pictures: _Pair, start: F64, farthest_px: int) -> F64 | None:
    """Return `start`, shifted to where the most telling pixel of every tile is found again; None if nowhere clearly."""
    fixed, moving, hidden_fixed, hidden_moving = pictures
    height, width = (side // _TILE_PX * _TILE_PX for side in fixed.shape)
    telling = np.where(hidden_fixed, 0, np.abs(fixed))[:height, :width]
    tiles = telling.reshape(height // _TILE_PX, _TILE_PX, width // _TILE_PX, _TILE_PX).transpose(0, 2, 1, 3)
    pixels = tiles.reshape(-1, _TILE_PX**2)
    strongest = pixels.argmax(1)
    kept = np.flatnonzero(pixels.max(1) > _DETAILED_LEVELS)
    if len(kept) < _AFFINE_TILES:
        return None
    down, across = np.divmod(kept, width // _TILE_PX)
    dy, dx = np.divmod(strongest[kept], _TILE_PX)
    rows, columns = down * _TILE_PX + dy, across * _TILE_PX + dx
    middle = np.array([1.0, columns.mean(), rows.mean()])
    moved = (start - IN_PLACE) @ middle
    dy, dx, miss, _, beside = search(fixed, moving, hidden_moving, rows, columns, moved, _FAVOUR, farthest_px)
    if beside < _DECISIVE * miss:
        return None
    found = start.copy()
    found[:, 0] += [dx, dy] - moved
    return found


def _compare(pictures: _Pair, place: F64) -> _Verdict:
    """Ask whether the scene stands at that place."""
    fixed, moving, hidden_fixed, hidden_moving = pictures
    if not np.array_equal(place, IN_PLACE):
        size, matrix = moving.shape[::-1], np.roll(place, -1, axis=1)
        back = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moving = np.asarray(cv2.warpAffine(moving, matrix, size, flags=back), np.float32)
        hidden_moving = (
            cv2.warpAffine(
                hidden_moving.view(np.uint8), matrix, size, flags=back, borderMode=cv2.BORDER_CONSTANT, borderValue=1
            )
            > 0
        )
    return _stand(fixed, moving, hidden_fixed | hidden_moving)


def _hidden(mask_HW: Bool) -> Bool:
    """What the detail of a masked frame is not worth anything for: the hole and as far as the blur reaches."""
    if not mask_HW.any():
        return mask_HW
    hidden: Bool = cv2.dilate(mask_HW.view(np.uint8), np.ones((17, 17), np.uint8)) > 0
    return hidden


def _stand(first_HW: F32, second_HW: F32, hidden_HW: Bool) -> _Verdict:
    """Ask whether the scene stands still between two pictures.

    A tile tells something where its detail is found again and a shift would make a difference. What passes is one
    compact patch of tiles, a background that moves is not: where few tiles stand they have to lie all around.
    """
    height, width = first_HW.shape
    place, shifted, energy = _tile_differences(first_HW, second_HW, hidden_HW, height // _TILE_PX, width // _TILE_PX)
    known = np.isfinite(place) & np.isfinite(shifted)
    found = known & (np.minimum(place, shifted) < _FOUND_AGAIN * energy)
    standing = found & (shifted > _DECISIVE * place) & (shifted > place + _DECISIVE_LEVELS)
    moving = found & (place > _DECISIVE * shifted) & (place > shifted + _DECISIVE_LEVELS)
    changed = known & ~found & (energy > _DETAILED_LEVELS)
    stand, move, gone = int(standing.sum()), int(moving.sum()), int(changed.sum())
    # A tile that lies between two shifts tells nothing of standing, but all the more of where it lies.
    telling = np.zeros(first_HW.shape, np.bool_)
    tiles = np.repeat(np.repeat(found & ~moving & (energy > _DETAILED_LEVELS / 2), _TILE_PX, 0), _TILE_PX, 1)
    telling[: tiles.shape[0], : tiles.shape[1]] = tiles
    if stand >= _STANDING_TILES * (stand + move + gone) and stand >= _FEWEST_TILES:
        return _Verdict(True, stand, move, telling)
    if move + gone > int(known.sum()) / 2:
        return _Verdict(False, stand, move, telling)
    stands = move < _FEWEST_TILES or stand >= _STANDING_TILES * (stand + move)
    stands = stands or (stand >= _FEWEST_TILES and _spread(standing) > _WIDER * _spread(moving))
    return _Verdict(stands, stand, move, telling)


def _spread(tiles: Bool) -> float:
    rows, columns = np.nonzero(tiles)
    return float(np.sqrt(rows.var() + columns.var())) if len(rows) else 0.0


@compiled
def _tile_differences(first, second, hidden, tiles_y, tiles_x):  # type: ignore[no-untyped-def]
    """Mean absolute difference of each tile in place, the smallest of those shifted, and its detail itself.

    inf where a tile is hidden.
    """
    height, width = first.shape
    place = np.full((tiles_y, tiles_x), np.inf, np.float32)
    shifted = np.full((tiles_y, tiles_x), np.inf, np.float32)
    energy = np.zeros((tiles_y, tiles_x), np.float32)
    shifts = np.array([[0, 0], [_SHIFT_PX, 0], [-_SHIFT_PX, 0], [0, _SHIFT_PX], [0, -_SHIFT_PX]])
    for ty in range(tiles_y):
        for tx in range(tiles_x):
            top, left = ty * _TILE_PX, tx * _TILE_PX
            bottom, right = top + _TILE_PX, left + _TILE_PX
            if top < _SHIFT_PX or left < _SHIFT_PX or bottom + _SHIFT_PX > height or right + _SHIFT_PX > width:
                continue
            if hidden[top:bottom, left:right].any():
                continue
            for i in range(5):
                dy, dx = shifts[i, 0], shifts[i, 1]
                total = np.float32(0)
                for y in range(top, bottom, 2):
                    for x in range(left, right):
                        total += abs(first[y, x] - second[y + dy, x + dx])
                total /= np.float32(_TILE_PX * _TILE_PX // 2)
                if i == 0:
                    place[ty, tx] = total
                else:
                    shifted[ty, tx] = min(shifted[ty, tx], total)
            energy[ty, tx] = np.abs(first[top:bottom:2, left:right]).mean()
    return place, shifted, energy
