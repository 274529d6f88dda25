"""Selection among each missing pixel's candidates, judged at the hole's rim.

A candidate is what one direction of time shows of one layer. The same tracks are followed for known pixels around the
hole: where what they find differs from what is there, the candidate is wrong for that side of the hole, however
consistent its motion. Misses are spread from the rim into the hole, and every pixel weighs its candidates by them.

Legend: C candidates, N the asked pixels of one frame, H W height and width, h w a window around them.
"""

import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.propagation.compiled import compiled

F32 = NDArray[np.float32]

_MISS_SCALE = np.float32(6.0)  # grey levels; a candidate that misses by this counts a quarter
_AT_ODDS_LEVELS = np.float32(30.0)  # candidates farther apart than this are not mixed
_WORST_MISS = np.float32(60.0)
_UNTRIED_MISS = np.float32(12.0)  # what is assumed where no rim pixel tells
_UNTRIED_FRAMES = 2  # within which something in front is believed all the same: it hides whole in a damaged frame
_NOT_THERE_MISS = np.float32(30.0)
_FRONT_MARGIN = np.float32(2.0)  # levels by which something in front has to fit better than the background
_REFUSED_MISS = np.float32(22.0)  # measured: from here on a smooth fill is better, whatever the contrast
_FEWEST_RIM = 12
_DARKEST, _LIGHTEST = (
    np.float32(12.0),
    np.float32(740.0),
)  # sums of three channels: what is black or clipped tells no ratio


@compiled
def sample(frames, masks, s, x, y, out):  # type: ignore[no-untyped-def]
    """Read frame s at (x, y), bilinearly between the pixels that are not masked, into out[3]; False where all are.

    Arrays are indexed whole, never sliced: a slice counts references, which takes longer than reading the pixel.
    """
    height, width = masks.shape[1:]
    x, y = min(max(x, np.float32(0)), np.float32(width - 1)), min(max(y, np.float32(0)), np.float32(height - 1))
    x0, y0 = int(x), int(y)
    ax, ay = x - np.float32(x0), y - np.float32(y0)
    if ax == 0 and ay == 0:  # copied, not resampled
        if masks[s, y0, x0]:
            return False
        for c in range(3):
            out[c] = frames[s, y0, x0, c]
        return True
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    bx, by = np.float32(1) - ax, np.float32(1) - ay
    one = np.float32(0) if masks[s, y0, x0] else bx * by
    two = np.float32(0) if masks[s, y0, x1] else ax * by
    three = np.float32(0) if masks[s, y1, x0] else bx * ay
    four = np.float32(0) if masks[s, y1, x1] else ax * ay
    total = one + two + three + four
    if total < np.float32(0.2):
        return False
    scale = np.float32(1) / total
    for c in range(3):
        upper = one * np.float32(frames[s, y0, x0, c]) + two * np.float32(frames[s, y0, x1, c])
        lower = three * np.float32(frames[s, y1, x0, c]) + four * np.float32(frames[s, y1, x1, c])
        out[c] = (upper + lower) * scale
    return True


@compiled
def look_up(frames, masks, t, away_CN, x_CN, y_CN, wanted_CN, colour_CN3, found_CN):  # type: ignore[no-untyped-def]
    """Read the wanted candidates' colours; `found` says which have one."""
    out = np.empty(3, np.float32)
    for c in range(len(away_CN)):
        for n in range(away_CN.shape[1]):
            found_CN[c, n] = False
            if wanted_CN[c, n] and sample(frames, masks, t + away_CN[c, n], x_CN[c, n], y_CN[c, n], out):
                found_CN[c, n] = True
                for k in range(3):
                    colour_CN3[c, n, k] = out[k]


@compiled
def match_light(frame, rows, columns, missing, colour_CN3, found_CN, gains_C):  # type: ignore[no-untyped-def]
    """Bring each candidate's colours to the frame's light: by the ratio at the rim, for a flash or a fade is one."""
    ratios = np.empty(len(rows), np.float32)
    for c in range(len(gains_C)):
        gains_C[c] = 1
        n = 0
        for i in range(len(rows)):
            if missing[i] or not found_CN[c, i]:
                continue
            known = np.float32(0)
            for k in range(3):
                known += np.float32(frame[rows[i], columns[i], k])
            level = colour_CN3[c, i, 0] + colour_CN3[c, i, 1] + colour_CN3[c, i, 2]
            if level > _DARKEST and known < _LIGHTEST:
                ratios[n] = known / level
                n += 1
        if n < _FEWEST_RIM:
            continue
        ratios[:n].sort()
        gain = min(max(ratios[n // 2], np.float32(0.2)), np.float32(5))
        if abs(gain - 1) < 0.01:
            continue
        gains_C[c] = gain
        for i in range(len(rows)):
            for k in range(3):
                colour_CN3[c, i, k] *= gain


@compiled
def _spread_in(values, weights):  # type: ignore[no-untyped-def]
    """Fill a window [h, w] from its weighted values by ever coarser averages, the nearer the finer (push and pull)."""
    height, width = values.shape
    if max(height, width) <= 1:
        return
    rows, columns = (height + 1) // 2, (width + 1) // 2
    coarse, coarse_weight = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    for y in range(height):
        for x in range(width):
            if weights[y, x] > 0:
                coarse[y // 2, x // 2] += values[y, x] * weights[y, x]
                coarse_weight[y // 2, x // 2] += weights[y, x]
    for y in range(rows):
        for x in range(columns):
            if coarse_weight[y, x] > 0:
                coarse[y, x] /= coarse_weight[y, x]
                coarse_weight[y, x] = min(coarse_weight[y, x], np.float32(1))
    if coarse_weight.min() < 1:
        _spread_in(coarse, coarse_weight)
    for y in range(height):
        for x in range(width):
            if weights[y, x] >= 1:
                continue
            # Bilinear between the four nearest cells: no blocks in the hole.
            near_y, near_x = y // 2, x // 2
            far_y = min(max(near_y + (1 if y % 2 else -1), 0), rows - 1)
            far_x = min(max(near_x + (1 if x % 2 else -1), 0), columns - 1)
            between = (
                np.float32(0.5625) * coarse[near_y, near_x]
                + np.float32(0.1875) * (coarse[near_y, far_x] + coarse[far_y, near_x])
                + np.float32(0.0625) * coarse[far_y, far_x]
            )
            values[y, x] = weights[y, x] * values[y, x] + (1 - weights[y, x]) * between
            weights[y, x] = 1


@compiled
def spread_misses(frame, rows, columns, missing, colour_CN3, found_CN, layers, misses_CN, contrast_N):  # type: ignore[no-untyped-def]
    """Write by how much each candidate misses the rim, spread into the hole; and the rim's own contrast likewise.

    Where the rim shows the background, something in front (layers from 1 on) is not beside it either.
    """
    top, left = rows.min(), columns.min()
    height, width = rows.max() - top + 1, columns.max() - left + 1
    values, weights = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for c in range(len(misses_CN)):
        values[:], weights[:] = 0, 0
        told = 0
        for i in range(len(rows)):
            if missing[i]:
                continue
            if not found_CN[c, i]:
                if layers[c]:
                    values[rows[i] - top, columns[i] - left] = _NOT_THERE_MISS
                    weights[rows[i] - top, columns[i] - left] = 1
                continue
            miss = np.float32(0)
            for k in range(3):
                miss += abs(colour_CN3[c, i, k] - np.float32(frame[rows[i], columns[i], k]))
            values[rows[i] - top, columns[i] - left] = min(miss / np.float32(3), _WORST_MISS)
            weights[rows[i] - top, columns[i] - left] = 1
            told += 1
        if told < _FEWEST_RIM:
            misses_CN[c, :] = _UNTRIED_MISS
            continue
        _spread_in(values, weights)
        for i in range(len(rows)):
            misses_CN[c, i] = values[rows[i] - top, columns[i] - left]
    # Contrast: how much the rim differs from its surroundings' mean, eight pixels wide.
    mean = np.zeros(((height + 7) // 8, (width + 7) // 8, 4), np.float32)
    for i in range(len(rows)):
        if not missing[i]:
            y, x = rows[i] - top, columns[i] - left
            for k in range(3):
                mean[y // 8, x // 8, k] += np.float32(frame[rows[i], columns[i], k])
            mean[y // 8, x // 8, 3] += 1
    values[:], weights[:] = 0, 0
    for i in range(len(rows)):
        if not missing[i]:
            y, x = rows[i] - top, columns[i] - left
            cell = mean[y // 8, x // 8]
            for k in range(3):
                values[y, x] += abs(np.float32(frame[rows[i], columns[i], k]) - cell[k] / cell[3]) / np.float32(3)
            weights[y, x] = 1
    if weights.max() > 0:
        _spread_in(values, weights)
    for i in range(len(rows)):
        contrast_N[i] = values[rows[i] - top, columns[i] - left]


@compiled
def weigh(missing, away_CN, colour_CN3, found_CN, misses_CN, layers, gains_C, weights_CN):  # type: ignore[no-untyped-def]
    """Write each candidate's weight, 0..255, at the missing pixels; all 0 where none is to be trusted.

    `layers` [C] names each candidate's layer: only one layer is taken at a pixel, and its directions are mixed unless
    they are at odds.
    """
    count = len(away_CN)
    trust = np.zeros(count, np.float32)
    best = np.zeros(max(layers.max() + 1, 2), np.float32)
    for n in range(len(missing)):
        weights_CN[:, n] = 0
        if not missing[n]:
            continue
        best[:] = np.float32(1e9)
        for c in range(count):
            if found_CN[c, n] and (
                layers[c] == 0 or misses_CN[c, n] != _UNTRIED_MISS or abs(away_CN[c, n]) <= _UNTRIED_FRAMES
            ):
                cost = misses_CN[c, n] + np.float32(0.1) * np.float32(min(abs(away_CN[c, n]), 60))
                best[layers[c]] = min(best[layers[c]], cost)
        front = 1 + best[1:].argmin()
        layer = front if best[front] + _FRONT_MARGIN < best[0] else 0
        if best[layer] > _REFUSED_MISS:
            continue
        strongest, total = -1, np.float32(0)
        for c in range(count):
            trust[c] = 0
            if found_CN[c, n] and layers[c] == layer and misses_CN[c, n] <= _REFUSED_MISS:
                fits = np.float32(1) / (1 + (misses_CN[c, n] / _MISS_SCALE) ** 2)
                dark = max(gains_C[c], np.float32(1))  # brightened colours are coarse
                trust[c] = fits * fits / (dark * np.float32(away_CN[c, n])) ** 2
                if strongest < 0 or trust[c] > trust[strongest]:
                    strongest = c
                total += trust[c]
        for c in range(count):
            if trust[c] > 0 and c != strongest:
                odds = np.float32(0)
                for k in range(3):
                    odds += abs(colour_CN3[c, n, k] - colour_CN3[strongest, n, k])
                if odds > 3 * _AT_ODDS_LEVELS:
                    total -= trust[c]
                    trust[c] = 0
        for c in range(count):
            weights_CN[c, n] = np.uint8(min(255, int(np.rint(255 * trust[c] / total))))
        weights_CN[strongest, n] = max(weights_CN[strongest, n], 1)
