"""Colours of a hole from its pixels' candidates, without seams.

Frames differ in light and blur, so patches from different frames would show. What is trusted are the differences
between neighbours in the frame they come from, and the colours follow from these and the pixels around the hole
(gradient-domain blending, as in Gao et al., "Flow-edge Guided Video Completion", ECCV 2020).

Legend: C candidates, N the asked pixels of one frame, h w a window around its holes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propagation.compiled import compiled
from reelmend.core_model.propagation.poisson import Edges, solve_poisson
from reelmend.core_model.propagation.selection import sample

F32 = NDArray[np.float32]

# Differences from several frames contradict each other a little. This weight on staying as it was keeps that from
# adding up to a glow in wide holes; the edge still reaches some thirty pixels in.
_HOLD = np.float32(0.001)
_SMOOTHNESS = np.float32(0.05)  # weight of an edge whose difference no frame shows: too little to pull at those shown
# The same at the edge of the hole: a patch whose frame did not show what is beside it must not keep its own light.
_SEAM = np.float32(0.3)
_GREY = 128
_STRENGTH_RANGE = (0.35, 1.2)  # by how much invented texture is made weaker or stronger
_SAME_PLACE_PX = np.float32(0.75)  # neighbours whose sources lie as they do, to this, come from one piece


class Pictures(NamedTuple):
    """What is copied from."""

    frames: U8
    """[T, H, W, 3]"""
    masks: Bool
    """[T, H, W]: what is missing of them."""
    t: int
    """The frame that is made whole."""
    clean: F32 | None = None
    """[1, H, W, 3]: what invented candidates are copied from; None: the frames too."""
    hidden: Bool | None = None
    """[1, H, W]: what is missing of that."""
    stood_in: Bool | None = None
    """[H, W]: what of that another frame had to stand in for. The step between the two is nothing that anybody saw."""


def blend(
    pictures: Pictures, rows: NDArray[np.int32], columns: NDArray[np.int32], missing: Bool,
    away_CN: NDArray[np.int16], x_CN: F32, y_CN: F32, colour_CN3: F32, gains_C: F32, weights_CN: U8,
    seen: int, strength: float, guess: F32 | None,
) -> tuple[U8, F32]:  # fmt: skip
    """Return the colours [M, 3] of frame t's missing pixels in row-major order, and by how much blending moved them.

    That, of the frame before, is a good `guess`.

    Candidates from `seen` on are invented: their differences count `strength` times. Pixels without a candidate
    continue their surroundings smoothly; grey where nothing is known.
    """
    frames_THWC, masks_THW, t, clean, hidden, stood_in = pictures
    height, width = masks_THW.shape[1:]
    top, left = max(0, int(rows.min()) - 1), max(0, int(columns.min()) - 1)
    bottom, right = min(height, int(rows.max()) + 2), min(width, int(columns.max()) + 2)
    mask = np.ascontiguousarray(masks_THW[t][top:bottom, left:right])
    size = mask.shape
    image = np.ascontiguousarray(frames_THWC[t][top:bottom, left:right].transpose(2, 0, 1)).astype(np.float32)
    known, index = ~mask, np.full(size, -1, np.int32)
    _lay(image, known, index, rows, columns, missing, colour_CN3, weights_CN, top, left)
    if not known.all():
        image[:, ~known] = image[:, known].mean(1)[:, None] if known.any() else _GREY
    edges = Edges(np.zeros((3, size[0], size[1] - 1), np.float32), np.zeros((3, size[0] - 1, size[1]), np.float32))
    weights = Edges(np.zeros(edges.right.shape[1:], np.float32), np.zeros(edges.down.shape[1:], np.float32))
    for c in range(len(weights_CN)):
        if not weights_CN[c].any():
            continue
        copied_from: tuple[U8 | F32, Bool, int, Bool, bool] = frames_THWC, masks_THW, t, masks_THW[t], False
        if c >= seen and clean is not None and hidden is not None and stood_in is not None:
            copied_from = clean, hidden, 0, stood_in, True
        of_candidate = away_CN[c], x_CN[c], y_CN[c], colour_CN3[c], weights_CN[c], gains_C[c]
        for side in (0, 1):
            _add_steps(*copied_from, mask, known, index, *of_candidate, side == 1, edges[side], weights[side])
    made_up = ~(weights_CN[:seen] > 0).any(0)
    invented = tuple(_finish(mask, known, index, made_up, side == 1, edges[side], weights[side]) for side in (0, 1))
    _fit_strength(image, mask, edges, invented, strength)
    inner = slice(*_extent(mask, 1)), slice(*_extent(mask, 0))
    within = inner[0], slice(inner[1].start, inner[1].stop - 1)
    across = slice(inner[0].start, inner[0].stop - 1), inner[1]
    free, before = mask[inner], image[:, *inner]
    if guess is not None and guess.shape != before.shape:
        guess = None
    edges = Edges(edges.right[:, *within], edges.down[:, *across])
    weights = Edges(weights.right[within], weights.down[across])
    blended = solve_poisson(before, free, edges, weights, _HOLD * (free & known[inner]), guess)
    colours: U8 = (blended[:, free].T.clip(0, 255) + 0.5).astype(np.uint8)
    return colours, blended - before


def _extent(mask_hw: Bool, over: int) -> tuple[int, int]:
    """Along the other axis, from the pixel before the first masked one to the one after the last."""
    found = np.flatnonzero(mask_hw.any(over))
    return max(0, int(found[0]) - 1), min(mask_hw.shape[1 - over], int(found[-1]) + 2)


def _fit_strength(image_Chw: F32, mask_hw: Bool, edges: Edges, invented: tuple[Bool, ...], strength: float) -> None:
    """Make invented differences as strong as those just outside of the hole, times `strength`."""
    if not any(where.any() for where in invented):
        return
    around = _calm_mean(*_squares_outside(image_Chw, mask_hw))
    within = _calm_mean(*(_squares(edge, where) for edge, where in zip(edges, invented, strict=True)))
    strength *= float(np.clip(np.sqrt(around / max(within, 1e-3)), *_STRENGTH_RANGE))
    for edge, where in zip(edges, invented, strict=True):
        _scale(edge, where, np.float32(strength))


def _calm_mean(*squares: F32) -> float:
    """Mean square of differences without the largest tenth: edges of objects."""
    together = np.concatenate(squares)
    if not len(together):
        return 0.0
    count = max(1, len(together) * 9 // 10)
    return float(np.partition(together, count - 1)[:count].mean())


@compiled
def _squares_outside(image, mask):  # type: ignore[no-untyped-def]
    """Squared differences between neighbours outside of the hole, to the right and down."""
    height, width = mask.shape
    found = np.empty((2, height * width), np.float32)
    counts = np.zeros(2, np.int64)
    for y in range(height):
        for x in range(width):
            for side in range(2):
                r, c = y + side, x + 1 - side
                if r < height and c < width and not (mask[y, x] or mask[r, c]):
                    total = np.float32(0)
                    for k in range(len(image)):
                        total += (image[k, r, c] - image[k, y, x]) ** 2
                    found[side, counts[side]] = total
                    counts[side] += 1
    return found[0, : counts[0]], found[1, : counts[1]]


@compiled
def _squares(steps, where):  # type: ignore[no-untyped-def]
    found = np.empty(where.size, np.float32)
    n = 0
    for y in range(where.shape[0]):
        for x in range(where.shape[1]):
            if where[y, x]:
                total = np.float32(0)
                for k in range(len(steps)):
                    total += steps[k, y, x] ** 2
                found[n] = total
                n += 1
    return found[:n]


@compiled
def _scale(steps, where, by):  # type: ignore[no-untyped-def]
    for k in range(len(steps)):
        for y in range(where.shape[0]):
            for x in range(where.shape[1]):
                if where[y, x]:
                    steps[k, y, x] *= by


@compiled
def _lay(image, known, index, rows, columns, missing, colour_CN3, weights_CN, top, left):  # type: ignore[no-untyped-def]
    """Write the candidates' mixed colours, and which of N a pixel of the window is."""
    for n in range(len(rows)):
        y, x = rows[n] - top, columns[n] - left
        if not missing[n]:
            continue
        index[y, x] = n
        total = np.float32(0)
        for c in range(len(weights_CN)):
            total += np.float32(weights_CN[c, n])
        if total > 0:
            known[y, x] = True
            for k in range(3):
                mixed = np.float32(0)
                for c in range(len(weights_CN)):
                    if weights_CN[c, n]:
                        mixed += np.float32(weights_CN[c, n]) * colour_CN3[c, n, k]
                image[k, y, x] = mixed / total


@compiled
def _add_steps(  # type: ignore[no-untyped-def]
    frames, masks, t, stood_in, pieced, mask, known, index, away, x, y, colour, weights, gain, down, steps, totals
):
    """Add one candidate's differences between neighbours, right or down, by their weight; and the weights.

    Not across the borders of what others stood in for, in a picture that is pieced together.
    """
    height, width = mask.shape
    dy, dx = (1, 0) if down else (0, 1)
    other = np.empty(3, np.float32)
    for row in range(height - dy):
        for column in range(width - dx):
            if not (known[row, column] and known[row + dy, column + dx]):
                continue
            n, m = index[row, column], index[row + dy, column + dx]
            one = np.float32(weights[n]) if n >= 0 else np.float32(0)
            two = np.float32(weights[m]) if m >= 0 else np.float32(0)
            if (
                one > 0
                and two > 0
                and away[n] == away[m]
                and abs(x[m] - x[n] - dx) + abs(y[m] - y[n] - dy) < _SAME_PLACE_PX
            ):
                if pieced and not _one_piece(stood_in, x[n], y[n], x[m], y[m]):
                    continue
                for k in range(3):
                    steps[k, row, column] += (one + two) * (colour[m, k] - colour[n, k])
                totals[row, column] += one + two
                continue
            if one > 0:
                s, px, py = t + away[n], x[n] + dx, y[n] + dy
                if pieced and not _one_piece(stood_in, x[n], y[n], px, py):
                    continue
                if not _masked(masks, s, px, py) and sample(frames, masks, s, px, py, other):
                    for k in range(3):
                        steps[k, row, column] += one * (other[k] * gain - colour[n, k])
                    totals[row, column] += one
            if two > 0:
                s, px, py = t + away[m], x[m] - dx, y[m] - dy
                if pieced and not _one_piece(stood_in, x[m], y[m], px, py):
                    continue
                if not _masked(masks, s, px, py) and sample(frames, masks, s, px, py, other):
                    for k in range(3):
                        steps[k, row, column] += two * (colour[m, k] - other[k] * gain)
                    totals[row, column] += two


@compiled
def _one_piece(stood_in, x, y, other_x, other_y):  # type: ignore[no-untyped-def]
    """Whether all pixels that two places are sampled from, between pixels, are of the same origin."""
    height, width = stood_in.shape
    left, right = max(int(min(x, other_x)), 0), min(int(np.ceil(max(x, other_x))), width - 1)
    top, bottom = max(int(min(y, other_y)), 0), min(int(np.ceil(max(y, other_y))), height - 1)
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            if stood_in[row, column] != stood_in[top, left]:
                return False
    return True


@compiled
def _finish(mask, known, index, made_up, down, steps, totals):  # type: ignore[no-untyped-def]
    """Turn sums into means, and totals into what an edge is worth; return which edges are invented."""
    height, width = mask.shape
    dy, dx = (1, 0) if down else (0, 1)
    invented = np.zeros(totals.shape, np.bool_)
    for row in range(height - dy):
        for column in range(width - dx):
            if not (mask[row, column] or mask[row + dy, column + dx]):
                continue
            total = totals[row, column]
            if total == 0:
                seam = mask[row, column] != mask[row + dy, column + dx]
                totals[row, column] = _SEAM if seam else _SMOOTHNESS
                continue
            for k in range(3):
                steps[k, row, column] /= total
            totals[row, column] = 1
            n, m = index[row, column], index[row + dy, column + dx]
            invented[row, column] = (n >= 0 and made_up[n]) or (m >= 0 and made_up[m])
    return invented


@compiled
def _masked(masks, s, x, y):  # type: ignore[no-untyped-def]
    height, width = masks.shape[1:]
    ix, iy = int(np.rint(x)), int(np.rint(y))
    return not (0 <= ix < width and 0 <= iy < height) or masks[s, iy, ix]
