"""Colours of a hole from its pixels' candidates, without seams.

Frames differ in light and blur, so patches from different frames would show. What is trusted are the differences
between neighbours in the frame they come from, and the colours follow from these and the pixels around the hole
(gradient-domain blending, as in Gao et al., "Flow-edge Guided Video Completion", ECCV 2020).

Legend: C candidates, N the asked pixels of one frame, h w a window around its holes.
"""

import numpy as np
from numpy.typing import NDArray

from core_model.engine import U8, Bool
from core_model.propagation.compiled import compiled
from core_model.propagation.poisson import Edges, solve_poisson
from core_model.propagation.selection import sample

F32 = NDArray[np.float32]

# Differences from several frames contradict each other a little. This weight on staying as it was keeps that from
# adding up to a glow in wide holes; the edge still reaches some thirty pixels in.
_HOLD = np.float32(0.001)
_SMOOTHNESS = np.float32(0.05)  # weight of an edge whose difference no frame shows: too little to pull at those shown
# The same at the edge of the hole: a patch whose frame did not show what lies beside it must not keep its own light.
_SEAM = np.float32(0.3)
_GREY = 128
_STRENGTH_RANGE = (0.35, 1.2)  # by how much invented texture is made weaker or stronger
_SAME_PLACE_PX = np.float32(0.75)  # neighbours whose sources lie as they do, to this, come from one piece


def blend(
    frames_THWC: U8, masks_THW: Bool, t: int, rows: NDArray[np.int32], columns: NDArray[np.int32], missing: Bool,
    away_CN: NDArray[np.int16], x_CN: F32, y_CN: F32, colour_CN3: F32, gains_C: F32, weights_CN: U8,
    seen: int, strength: float,
) -> U8:  # fmt: skip
    """Return the colours [M, 3] of frame t's missing pixels in row-major order.

    Candidates from `seen` on are invented: their differences count `strength` times. Pixels without a candidate
    continue their surroundings smoothly; grey where nothing is known.
    """
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
    invented = tuple(np.zeros(weight.shape, np.bool_) for weight in weights)
    by_pixel = [np.ascontiguousarray(part.swapaxes(0, 1)) for part in (away_CN, x_CN, y_CN, colour_CN3, weights_CN)]
    _differences(frames_THWC, masks_THW, t, mask, known, index, *by_pixel, gains_C, seen, *edges, *weights, *invented)
    _fit_strength(image, mask, edges, invented, strength)
    blended = solve_poisson(image, mask, edges, weights, _HOLD * (mask & known))
    colours: U8 = (blended[:, mask].T.clip(0, 255) + 0.5).astype(np.uint8)
    return colours


def _fit_strength(image_Chw: F32, mask_hw: Bool, edges: Edges, invented: tuple[Bool, ...], strength: float) -> None:
    """Make invented differences as strong as those just outside of the hole, times `strength`."""
    if not any(where.any() for where in invented):
        return
    steps = np.diff(image_Chw, axis=2), np.diff(image_Chw, axis=1)
    apart = mask_hw[:, 1:] | mask_hw[:, :-1], mask_hw[1:] | mask_hw[:-1]
    around = _calm_mean([step[:, ~masked] for step, masked in zip(steps, apart, strict=True)])
    within = _calm_mean([edge[:, where] for edge, where in zip(edges, invented, strict=True)])
    strength *= float(np.clip(np.sqrt(around / max(within, 1e-3)), *_STRENGTH_RANGE))
    for edge, where in zip(edges, invented, strict=True):
        edge *= np.where(where, np.float32(strength), np.float32(1))


def _calm_mean(steps: list[F32]) -> float:
    """Mean square of differences without the largest tenth: edges of objects."""
    squares = np.sort(np.concatenate([np.square(step).sum(0) for step in steps]))
    return float(squares[: max(1, len(squares) * 9 // 10)].mean()) if len(squares) else 0.0


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
def _differences(  # type: ignore[no-untyped-def]
    frames, masks, t, mask, known, index, away, x, y, colour, weights, gains, seen,
    right, down, right_weight, down_weight, right_invented, down_invented,
):  # fmt: skip
    height, width = mask.shape
    step, first, second = np.zeros(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    made_up = np.zeros(len(weights), np.bool_)
    for n in range(len(weights)):
        made_up[n] = True
        for c in range(seen):
            if weights[n, c]:
                made_up[n] = False
    for row in range(height):
        for column in range(width):
            for side in range(2):
                r, c = row + side, column + 1 - side
                if r >= height or c >= width or not (mask[row, column] or mask[r, c]):
                    continue
                n, m = index[row, column], index[r, c]
                total = np.float32(0)
                if known[row, column] and known[r, c]:
                    step[0] = step[1] = step[2] = np.float32(0)
                    total = _shown(
                        frames, masks, t, n, m, 1 - side, side, away, x, y, colour, weights, gains, step, first, second
                    )
                weight = np.float32(1)
                if total == 0:
                    weight = _SEAM if mask[row, column] != mask[r, c] else _SMOOTHNESS
                invented = total > 0 and ((n >= 0 and made_up[n]) or (m >= 0 and made_up[m]))
                if side == 0:
                    right_weight[row, column], right_invented[row, column] = weight, invented
                else:
                    down_weight[row, column], down_invented[row, column] = weight, invented
                if total > 0:
                    for k in range(3):
                        if side == 0:
                            right[k, row, column] = step[k]
                        else:
                            down[k, row, column] = step[k]


@compiled
def _shown(frames, masks, t, n, m, dx, dy, away, x, y, colour, weights, gains, step, first, second):  # type: ignore[no-untyped-def]
    """Add to step[3] the mean difference between two neighbours in the frames that show both; return its weight.

    n and m are the left or upper and the right or lower pixel, -1 where that pixel is not missing.
    """
    total = np.float32(0)
    for c in range(weights.shape[1]):
        one = np.float32(weights[n, c]) if n >= 0 else np.float32(0)
        two = np.float32(weights[m, c]) if m >= 0 else np.float32(0)
        if one == 0 and two == 0:
            continue
        if (
            one > 0
            and two > 0
            and away[n, c] == away[m, c]
            and abs(x[m, c] - x[n, c] - dx) + abs(y[m, c] - y[n, c] - dy) < _SAME_PLACE_PX
        ):
            share = one + two
            for k in range(3):
                step[k] += share * (colour[m, c, k] - colour[n, c, k])
            total += share
            continue
        if one > 0:
            s, px, py = t + away[n, c], x[n, c] + dx, y[n, c] + dy
            if not _masked(masks, s, px, py) and sample(frames, masks, s, px, py, second):
                for k in range(3):
                    step[k] += one * (second[k] * gains[c] - colour[n, c, k])
                total += one
        if two > 0:
            s, px, py = t + away[m, c], x[m, c] - dx, y[m, c] - dy
            if not _masked(masks, s, px, py) and sample(frames, masks, s, px, py, first):
                for k in range(3):
                    step[k] += two * (colour[m, c, k] - first[k] * gains[c])
                total += two
    if total > 0:
        for k in range(3):
            step[k] /= total
    return total


@compiled
def _masked(masks, s, x, y):  # type: ignore[no-untyped-def]
    height, width = masks.shape[1:]
    ix, iy = int(np.rint(x)), int(np.rint(y))
    return not (0 <= ix < width and 0 <= iy < height) or masks[s, iy, ix]
