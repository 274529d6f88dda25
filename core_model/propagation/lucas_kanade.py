"""Registration of two pictures by robust least squares on their detail.

After Baker and Matthews, "Lucas-Kanade 20 Years On", 2004. Legend: H W height and width. A place [2, 3] gives a pixel's
(x, y) in the moving picture from (1, x, y) in the fixed one.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from reelmend.core_model.engine import U8, Bool
from reelmend.core_model.propagation.compiled import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_MOST_SAMPLES = 6000
_ITERATIONS = 12
_SETTLED_PX = 0.01
_TILE_PX = 16
_AROUND = (15, 15)


def detail(frame_HWC: U8, calm_px: float, hidden_HW: Bool | None = None) -> F32:
    """Return a frame's brightness, calmed by a Gaussian, less its mean around every pixel, which light does not change.

    Hidden pixels have no part in what is around them.
    """
    grey = cv2.cvtColor(np.ascontiguousarray(frame_HWC), cv2.COLOR_RGB2GRAY).astype(np.float32)
    if hidden_HW is None:
        return np.asarray(cv2.GaussianBlur(grey, (0, 0), calm_px) - cv2.blur(grey, _AROUND), np.float32)
    known = 1 - hidden_HW.astype(np.float32)
    grey *= known
    least = np.float32(1e-6)
    calm = cv2.GaussianBlur(grey, (0, 0), calm_px) / np.maximum(cv2.GaussianBlur(known, (0, 0), calm_px), least)
    return np.asarray(calm - cv2.blur(grey, _AROUND) / np.maximum(cv2.blur(known, _AROUND), least), np.float32)


def align(
    fixed_HW: F32, moving_HW: F32, hidden_fixed: Bool, hidden_moving: Bool, start: F64, affine: bool, step: int = 2
) -> F64:
    """Return the place [2, 3] at which `moving` shows what `fixed` shows, improved from `start` on.

    Hidden pixels do not count; every `step`th other one may. Shifts alone unless `affine`. `start` where too few tell.
    """
    fixed, moving = fixed_HW, moving_HW
    gx, gy = cv2.Sobel(fixed, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(fixed, cv2.CV_32F, 0, 1, scale=1 / 8)
    place = start.copy()
    _lucas_kanade(fixed, moving, gx, gy, hidden_fixed, hidden_moving, affine, step, place)
    return place


@compiled
def _lucas_kanade(fixed, moving, gx, gy, hidden_fixed, hidden_moving, affine, step, place):  # type: ignore[no-untyped-def]
    """Improve `place` [2, 3]: affine, with a gain of the detail, on the most telling pixels."""
    height, width = fixed.shape
    if min(height, width) < 16:
        return
    # What is strong for its surroundings: the strongest of all may lie together on something that passes.
    strongest = np.ones((height // _TILE_PX + 1, width // _TILE_PX + 1), np.float32)
    for y in range(4, height - 4, step):
        for x in range(4, width - 4, step):
            if not hidden_fixed[y, x]:
                strength = gx[y, x] ** 2 + gy[y, x] ** 2
                strongest[y // _TILE_PX, x // _TILE_PX] = max(strongest[y // _TILE_PX, x // _TILE_PX], strength)
    strengths = np.empty(((height - 8) // step + 1) * ((width - 8) // step + 1), np.float32)
    n = 0
    for y in range(4, height - 4, step):
        for x in range(4, width - 4, step):
            if not hidden_fixed[y, x]:
                strengths[n] = (gx[y, x] ** 2 + gy[y, x] ** 2) / strongest[y // _TILE_PX, x // _TILE_PX]
                n += 1
    if n < 64:
        return
    least = np.float32(0)
    if n > _MOST_SAMPLES:
        least = np.partition(strengths[:n], n - _MOST_SAMPLES)[n - _MOST_SAMPLES]
    xs, ys = np.empty(n, np.int64), np.empty(n, np.int64)
    m = 0
    for y in range(4, height - 4, step):
        for x in range(4, width - 4, step):
            strength = (gx[y, x] ** 2 + gy[y, x] ** 2) / strongest[y // _TILE_PX, x // _TILE_PX]
            if not hidden_fixed[y, x] and strength > 0 and strength >= least:
                xs[m], ys[m] = x, y
                m += 1
    if m < 64:
        return
    reach = max(height, width) / 2.0
    cx, cy = width / 2.0, height / 2.0
    row = np.empty(7)
    misses = np.empty(m)
    gain = 1.0
    for _ in range(_ITERATIONS):
        normal, target = np.zeros((7, 7)), np.zeros(7)
        count = 0
        for i in range(m):
            x, y = xs[i], ys[i]
            px = place[0, 0] + place[0, 1] * x + place[0, 2] * y
            py = place[1, 0] + place[1, 1] * x + place[1, 2] * y
            misses[i] = np.nan
            if not (0 <= px < width - 1 and 0 <= py < height - 1):
                continue
            x0, y0 = int(px), int(py)
            if hidden_moving[y0, x0]:
                continue
            ax, ay = px - x0, py - y0
            value = (1 - ay) * ((1 - ax) * moving[y0, x0] + ax * moving[y0, x0 + 1]) + ay * (
                (1 - ax) * moving[y0 + 1, x0] + ax * moving[y0 + 1, x0 + 1]
            )
            misses[i] = fixed[y, x] * gain - value
            count += 1
        if count < 64:
            return
        spread = 1.4826 * np.nanmedian(np.abs(misses)) + 0.5
        for i in range(m):
            if np.isnan(misses[i]):
                continue
            x, y = xs[i], ys[i]
            weight = 1.0 / (1.0 + (misses[i] / (2 * spread)) ** 2) ** 2
            u, v = (x - cx) / reach, (y - cy) / reach
            row[0], row[1], row[2] = gain * gx[y, x], gain * gx[y, x] * u, gain * gx[y, x] * v
            row[3], row[4], row[5] = gain * gy[y, x], gain * gy[y, x] * u, gain * gy[y, x] * v
            row[6] = -fixed[y, x]
            for a in range(7):
                wa = weight * row[a]
                target[a] += wa * misses[i]
                for b in range(7):
                    normal[a, b] += wa * row[b]
        strength = (normal[0, 0] + normal[3, 3]) / 2
        for a in range(6):
            normal[a, a] += (1e-3 if affine or a % 3 == 0 else 1e6) * strength
        normal[6, 6] += 1e-6 + 1e-3 * normal[6, 6]
        change = _solve(normal, target)
        gain = min(max(gain + change[6], 0.3), 3.0)
        largest = 0.0
        for d in range(2):
            c0, c1, c2 = change[3 * d], change[3 * d + 1] / reach, change[3 * d + 2] / reach
            place[d, 1] += c1
            place[d, 2] += c2
            place[d, 0] += c0 - c1 * cx - c2 * cy
            largest = max(largest, abs(change[3 * d]) + abs(change[3 * d + 1]) + abs(change[3 * d + 2]))
        if largest < _SETTLED_PX:
            return


@compiled
def _solve(normal, target):  # type: ignore[no-untyped-def]
    """Solve a small symmetric positive definite system, by Cholesky's method; both arguments are overwritten."""
    n = len(target)
    for j in range(n):
        for k in range(j):
            for i in range(j, n):
                normal[i, j] -= normal[i, k] * normal[j, k]
        pivot = np.sqrt(max(normal[j, j], 1e-12))
        for i in range(j, n):
            normal[i, j] /= pivot
    for i in range(n):
        for k in range(i):
            target[i] -= normal[i, k] * target[k]
        target[i] /= normal[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            target[i] -= normal[k, i] * target[k]
        target[i] /= normal[i, i]
    return target
